import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { isAppError } from "../domain/errors.ts";
import type { RawDelivery } from "../forge/forge.ts";
import { deliveryBodies } from "./delivery-bodies.ts";
import type { WebOptions, WebPorts } from "./ports.ts";

/** Five of the largest that a forge sends. */
const mostBodyBytes = 128 * 2 ** 20;
const sayEveryMs = 60_000;

/**
 * `POST /hooks/<forge>`: read the body while there is room for it, check the signature over the raw bytes, write the delivery down, answer. Whatever a delivery leads to happens
 * later and elsewhere. An answer of 5xx asks the sender to send again; what a sender gives up on is found by the sweep.
 */
export function hookRoutes(ports: WebPorts, options: WebOptions) {
  const bodies = deliveryBodies(options.maxBodyBytes, options.mostBodyBytes ?? Math.max(mostBodyBytes, 2 * options.maxBodyBytes));
  let saidAt = -Infinity;
  /** Who fills the memory must not fill the log, too. */
  function full(forge: string, reply: FastifyReply): FastifyReply {
    if (performance.now() - saidAt > sayEveryMs) {
      saidAt = performance.now();
      ports.log.warn({ forge }, "there is no room for deliveries: too much of them is under way");
    }
    return comeAgain(ports, forge, reply);
  }
  return async (server: FastifyInstance): Promise<void> => {
    // The bytes as they came: parsed and written again they would not fit their signature.
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", (request, _payload, done) => bodies.read(request.raw, done));
    server.addHook("onRequest", (request, reply, done) => {
      // Before anything of the body is read.
      if (inboxOf(ports, request) === undefined) unknownForge(ports, reply);
      else done();
    });
    server.setErrorHandler((error: { statusCode?: number }, request, reply) => {
      const { forge } = request.params as { forge: string };
      const status = error.statusCode ?? 500;
      if (status === 413) {
        ports.metrics.deliveryTaken(forge, "too-large");
        return answer(reply, 413, `the delivery is larger than ${options.maxBodyBytes} bytes`);
      }
      if (status < 500) {
        ports.metrics.deliveryTaken(forge, "malformed");
        return answer(reply, status, "the delivery cannot be read");
      }
      if (status === 503) return full(forge, reply);
      return unavailable(ports, forge, error, reply);
    });
    server.post("/hooks/:forge", (request, reply) => take(ports, request, reply).finally(() => bodies.release(request.raw)));
  };
}

async function take(ports: WebPorts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { forge } = request.params as { forge: string };
  const inbox = inboxOf(ports, request);
  if (inbox === undefined) return unknownForge(ports, reply);
  const delivery = rawDelivery(request);
  let deliveryId: string;
  try {
    deliveryId = await inbox.verifyDelivery(delivery);
  } catch (error) {
    return refuse(ports, forge, error, reply);
  }
  try {
    const outcome = await ports.inbox.store({ forge, deliveryId, ...delivery });
    ports.metrics.deliveryTaken(forge, outcome);
    return answer(reply, outcome === "stored" ? 202 : 200, outcome === "stored" ? "taken" : "known already");
  } catch (error) {
    return unavailable(ports, forge, error, reply);
  }
}

function inboxOf(ports: WebPorts, request: FastifyRequest) {
  const { forge } = request.params as { forge: string };
  return Object.hasOwn(ports.inboxes, forge) ? ports.inboxes[forge] : undefined;
}

function unknownForge(ports: WebPorts, reply: FastifyReply): FastifyReply {
  ports.metrics.deliveryTaken("(unknown)", "unknown-forge");
  return answer(reply, 404, "no forge of this name is set up here");
}

function rawDelivery(request: FastifyRequest): RawDelivery {
  // What forges say about a delivery, and no cookies or credentials of a proxy: this is kept.
  const headers: Record<string, string> = {};
  for (const name in request.headers) {
    if (!name.startsWith("x-") && name !== "content-type" && name !== "user-agent") continue;
    const value = request.headers[name];
    headers[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
  return { headers, body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array() };
}

/** One answer for every kind of wrong signature: which part was wrong is nobody's business who could not sign. */
function refuse(ports: WebPorts, forge: string, error: unknown, reply: FastifyReply): FastifyReply {
  const code = isAppError(error) ? error.code : "internal";
  ports.log.info({ forge, code }, "a delivery was refused");
  if (code.startsWith("intake.signature")) {
    ports.metrics.deliveryTaken(forge, "refused");
    return answer(reply, 401, "the delivery's signature is missing or wrong");
  }
  if (isAppError(error) && (error.kind === "input" || error.kind === "denied")) {
    ports.metrics.deliveryTaken(forge, "malformed");
    return answer(reply, 400, "the delivery lacks what this forge always sends");
  }
  return unavailable(ports, forge, error, reply);
}

function unavailable(ports: WebPorts, forge: string, error: unknown, reply: FastifyReply): FastifyReply {
  ports.log.error({ forge, error }, "a delivery could not be stored");
  return comeAgain(ports, forge, reply);
}

function comeAgain(ports: WebPorts, forge: string, reply: FastifyReply): FastifyReply {
  ports.metrics.deliveryTaken(forge, "unavailable");
  reply.header("retry-after", "10");
  return answer(reply, 503, "the delivery could not be written down, please send it again");
}

function answer(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type("text/plain; charset=utf-8").send(`${text}\n`);
}
