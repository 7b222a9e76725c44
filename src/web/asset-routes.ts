import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { digestHex, digestOf } from "../domain/digest.ts";
import type { WebPorts } from "./ports.ts";
import { pageScript } from "./views/page-script.ts";
import { pageStyle } from "./views/page-style.ts";

/**
 * Files: signatures, consumer files, the pages' style and script. A lookaside must say 404 for what is absent, and nothing but 404:
 * with 403, 500 or a friendly page clients fail although a valid signature exists.
 */
export function assetRoutes(ports: WebPorts) {
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/lookaside/:stage/*", async (request, reply) => {
      const { stage, "*": path } = request.params as { stage: string; "*": string };
      const files = Object.hasOwn(ports.lookasides, stage) ? ports.lookasides[stage] : undefined;
      // A base with a slash at its end makes clients ask for "//<path>".
      const bytes = await files?.findFile(path.replace(/^\/+/, ""));
      if (bytes === undefined) return absent(reply);
      // Short, and asked for again after it, so that removed signatures stop working soon.
      reply.header("cache-control", "public, max-age=60, must-revalidate");
      return tagged(request, reply, bytes, "application/octet-stream");
    });
    server.get("/consumer/*", async (request, reply) => {
      const { "*": name } = request.params as { "*": string };
      const bytes = Object.hasOwn(ports.consumer, name) ? ports.consumer[name] : undefined;
      if (bytes === undefined) return absent(reply);
      const [, ending = ""] = /(\.\w+)$/.exec(name) ?? [];
      reply.header("cache-control", "public, max-age=300");
      return tagged(request, reply, bytes, consumerTypes[ending] ?? "application/octet-stream");
    });
    server.get("/assets/flibs.css", async (_request, reply) => asset(reply, "text/css", pageStyle));
    server.get("/assets/flibs.js", async (_request, reply) => asset(reply, "text/javascript", pageScript));
    server.get("/favicon.ico", async (_request, reply) => reply.code(204).header("cache-control", "public, max-age=86400").send());
  };
}

const consumerTypes: Readonly<Record<string, string>> = {
  ".json": "application/json",
  ".yaml": "text/plain; charset=utf-8",
  ".pub": "text/plain; charset=utf-8",
  ".gpg": "application/pgp-keys",
};

/** With a tag of the bytes, so that a cache in between asks whether they are still there without fetching them again. */
function tagged(request: FastifyRequest, reply: FastifyReply, bytes: Uint8Array, type: string): FastifyReply {
  const etag = `"${digestHex(digestOf(bytes))}"`;
  reply.header("etag", etag);
  const known = (request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, ""));
  return known.includes(etag) ? reply.code(304).send() : reply.type(type).send(bytes);
}

function absent(reply: FastifyReply): FastifyReply {
  return reply.code(404).header("cache-control", "no-store").type("text/plain; charset=utf-8").send("not found\n");
}

function asset(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply.header("cache-control", "public, max-age=300").type(`${type}; charset=utf-8`).send(text);
}
