import type { FastifyInstance } from "fastify";
import type { WebPorts } from "./ports.ts";

/** For whoever starts and watches flibs: is the process alive, may it get work, how is it doing. */
export function healthRoutes(ports: WebPorts) {
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/healthz", async (_request, reply) => reply.header("cache-control", "no-store").send({ ok: true }));
    server.get("/readyz", async (_request, reply) => {
      const parts = ports.readiness.parts();
      const ok = parts.every((part) => part.ok || !part.required);
      return reply
        .code(ok ? 200 : 503)
        .header("cache-control", "no-store")
        .send({ ok, parts });
    });
    server.get("/metrics", async (_request, reply) => {
      const text = await ports.metrics.text();
      return reply.header("cache-control", "no-store").type(ports.metrics.contentType).send(text);
    });
  };
}
