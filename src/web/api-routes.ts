import type { FastifyInstance } from "fastify";
import { buildJunit } from "../builds/build-junit.ts";
import { describeTests } from "../builds/describe-tests.ts";
import { parseBuildFilter } from "./build-routes.ts";
import type { WebPorts } from "./ports.ts";

const mostFindings = 1000;

/** What the pages show, as JSON for machines. Read only. */
export function apiRoutes(ports: WebPorts) {
  return async (server: FastifyInstance): Promise<void> => {
    server.addHook("onRequest", async (_request, reply) => {
      reply.header("cache-control", "no-store");
    });
    server.get("/api/builds", async (request) => {
      return { builds: await ports.builds.list(parseBuildFilter(request.query as Record<string, unknown>, 100)) };
    });
    server.get("/api/builds/:id", async (request, reply) => {
      const { id } = request.params as { id: string };
      const build = await ports.builds.find(id);
      if (build === undefined) return reply.code(404).send({ error: "no such build" });
      const [run, logs, documents] = await Promise.all([ports.runs.find(id), ports.logs.list(id), ports.builds.listDocuments(id)]);
      return { build, run: run ?? null, logs, documents };
    });
    server.get("/api/builds/:id/tests", async (request, reply) => {
      const { id } = request.params as { id: string };
      const build = await ports.builds.find(id);
      if (build === undefined) return reply.code(404).send({ error: "no such build" });
      const [history, artifacts] = await Promise.all([ports.testResults.listHistory(id), ports.testResults.listArtifacts(id)]);
      return describeTests(build, history, artifacts, "/builds");
    });
    server.get("/api/builds/:id/junit.xml", async (request, reply) => {
      const { id } = request.params as { id: string };
      const build = await ports.builds.find(id);
      if (build === undefined) return reply.code(404).send({ error: "no such build" });
      return reply.type("application/xml; charset=utf-8").send(buildJunit(build, build.tests));
    });
    server.get("/api/runs/:id/journal", async (request, reply) => {
      const { id } = request.params as { id: string };
      const run = await ports.runs.find(id);
      if (run === undefined) return reply.code(404).send({ error: "no such run" });
      return { run, journal: await ports.runs.journal(id) };
    });
    server.get("/api/audit", async (request) => {
      const { image, registry } = request.query as Record<string, unknown>;
      const only = (value: unknown) => (typeof value === "string" ? value : undefined);
      const findings = await ports.audits.listFindings({ imageRepository: only(image), registry: only(registry), limit: mostFindings });
      const [audit] = await ports.audits.listAudits({ whole: true, limit: 1 });
      return { audit: audit ?? null, findings };
    });
    server.get("/api/releases", async () => ({ releases: await ports.releases.listReports({ limit: 100 }) }));
  };
}
