import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply } from "fastify";
import { parseNotification } from "../registry/notification.ts";
import type { WebPorts } from "./ports.ts";

/** A thousand events of docker-registry's are about this large. */
const mostBytes = 1024 * 1024;

/**
 * `POST /hooks/registry/<name>`: what docker-registry tells of pushes, a hint to look at just these repositories. Wants
 * `Authorization: Bearer <token>`; a registry without a token in the settings has no such address. An answer of 5xx makes the registry send again.
 */
export function registryHookRoutes(ports: Pick<WebPorts, "registryHooks" | "metrics" | "log">) {
  return async (server: FastifyInstance): Promise<void> => {
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: mostBytes }, (_request, body, done) => done(null, body));
    server.post("/hooks/registry/:name", { bodyLimit: mostBytes }, async (request, reply) => {
      const { name } = request.params as { name: string };
      const hook = Object.hasOwn(ports.registryHooks, name) ? ports.registryHooks[name] : undefined;
      if (hook === undefined) return answer(reply, 404, "no registry of this name tells anything here");
      if (!isToken(request.headers.authorization, hook.token)) return answer(reply, 401, "the token is missing or wrong");
      const repositories = parseNotification(Buffer.isBuffer(request.body) ? request.body : new Uint8Array());
      if (repositories === undefined) return answer(reply, 400, "this is no notification of a registry");
      try {
        const runs = await hook.look(repositories);
        if (runs.length > 0) ports.log.info({ registry: name, repositories, runs }, "a registry told of pushes that are not ours");
        return answer(reply, 202, "taken");
      } catch (error) {
        ports.log.warn({ registry: name, error }, "a registry's notification could not be followed");
        return answer(reply, 503, "please send it again");
      }
    });
  };
}

/** Compared as hashes, in constant time whatever their lengths. */
function isToken(header: string | undefined, token: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(header ?? ""), hash(`Bearer ${token}`));
}

function answer(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type("text/plain; charset=utf-8").send(`${text}\n`);
}
