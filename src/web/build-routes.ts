import type { FastifyInstance, FastifyReply } from "fastify";
import type { BuildFilter, BuildState } from "../builds/build-record.ts";
import type { LogEntry } from "../builds/log-store.ts";
import type { Html } from "./html.ts";
import type { WebOptions, WebPorts } from "./ports.ts";
import { sharedAnswer } from "./shared-answer.ts";
import { buildPage, type ShownLog } from "./views/build-page.ts";
import { buildsPage } from "./views/builds-page.ts";
import { releasesPage } from "./views/releases-page.ts";

const states: readonly BuildState[] = ["building", "complete", "failed", "cancelled"];
/** What a page shows of a live log at once; the rest is one click away. */
const tailBytes = 64 * 1024;
/** The page is loaded again every few seconds wherever it is open, and a forge counts requests. */
const promotionsKeptMs = 10_000;

/** The pages about builds and releases. */
export function buildRoutes(ports: WebPorts, options: WebOptions) {
  // A forge that is down must not take the list of builds with it.
  const openPromotions = sharedAnswer(
    () => ports.pulls.listPulls(options.manifestRepository, "open").catch(() => undefined),
    promotionsKeptMs,
  );
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/", async (request, reply) => {
      const query = request.query as Record<string, unknown>;
      const filter = parseBuildFilter(query, 50);
      const [builds, waiting, pulls] = await Promise.all([
        ports.builds.list(filter),
        ports.runs.list({ status: ["queued", "waiting"], limit: 50 }),
        openPromotions(),
      ]);
      return send(reply, buildsPage({ builds, waiting, pulls, filter, now: options.now() }));
    });
    server.get("/builds/:id", async (request, reply) => {
      const { id } = request.params as { id: string };
      const [build, run] = await Promise.all([ports.builds.find(id), ports.runs.find(id)]);
      if (build === undefined && run === undefined) return reply.callNotFound();
      const [journal, logs, documents, history, artifacts] = await Promise.all([
        ports.runs.journal(id),
        ports.logs.list(id),
        ports.builds.listDocuments(id),
        ports.testResults.listHistory(id),
        ports.testResults.listArtifacts(id),
      ]);
      const tails = await Promise.all(logs.map((log) => readTail(ports, id, log)));
      return send(reply, buildPage({ id, build, run, journal, logs: tails, documents, history, artifacts, options, now: options.now() }));
    });
    server.get("/releases", async (_request, reply) => {
      const reports = await ports.releases.listReports({ limit: 50 });
      return send(reply, releasesPage(reports, options));
    });
  };
}

/** Filters of the list, from a query string; what is not understood is left out. */
export function parseBuildFilter(query: Readonly<Record<string, unknown>>, limit: number): BuildFilter {
  const state = states.find((one) => one === query.state);
  const repository = typeof query.repository === "string" && query.repository !== "" ? query.repository : undefined;
  const asked = Number(query.limit);
  return {
    limit: Number.isInteger(asked) && asked > 0 ? Math.min(asked, 500) : limit,
    ...(state === undefined ? {} : { state }),
    ...(repository === undefined ? {} : { repository }),
  };
}

async function readTail(ports: WebPorts, run: string, log: LogEntry): Promise<ShownLog> {
  if (log.prunedAt !== undefined) return { ...log, text: "", next: log.bytes, cut: false, prunedAt: log.prunedAt };
  const start = Math.max(0, log.bytes - tailBytes);
  const { text, next, closed } = await ports.logs.read(run, log.name, start, tailBytes);
  return { name: log.name, bytes: log.bytes, closed, text: start === 0 ? text : text.slice(text.indexOf("\n") + 1), next, cut: start > 0 };
}

function send(reply: FastifyReply, page: Html | string): FastifyReply {
  const text = typeof page === "string" ? page : page.markup;
  return reply.header("cache-control", "no-store").type("text/html; charset=utf-8").send(text);
}
