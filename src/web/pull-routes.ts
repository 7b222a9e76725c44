import type { FastifyInstance, FastifyReply } from "fastify";
import { isRepository } from "../domain/image-reference.ts";
import type { Pull } from "../forge/forge.ts";
import type { WebOptions, WebPorts } from "./ports.ts";
import { pullPage } from "./views/pull-page.ts";
import { pullsPage } from "./views/pulls-page.ts";

const diffBytes = 256 * 1024;
const states: readonly Pull["state"][] = ["open", "merged", "closed"];

/**
 * Pull requests for forges that have no pages of their own: `/pulls`, `/pulls/<namespace>/<name>/<number>` (the slash may be encoded). Any other forge
 * is not asked: its requests are counted, some are kept for releases, and its pages know who may read what. Who asks is sent there.
 */
export function pullRoutes(ports: WebPorts, options: WebOptions) {
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/pulls", async (request, reply) => {
      const elsewhere = ports.pulls.pullUrl(options.manifestRepository);
      if (elsewhere !== undefined) return sendTo(reply, elsewhere);
      const query = request.query as { state?: string };
      const state = query.state === "all" ? "all" : (states.find((one) => one === query.state) ?? "open");
      const repositories = await knownRepositories(ports, options);
      const found = await Promise.all(repositories.map((repository) => ports.pulls.listPulls(repository, state).catch(() => [])));
      return send(reply, pullsPage(found.flat(), state, options.now()));
    });
    server.get("/pulls/:repository/:number", async (request, reply) => {
      const { repository, number } = request.params as { repository: string; number: string };
      return show(ports, options, repository, number, reply);
    });
    server.get("/pulls/:namespace/:name/:number", async (request, reply) => {
      const { namespace, name, number } = request.params as { namespace: string; name: string; number: string };
      return show(ports, options, `${namespace}/${name}`, number, reply);
    });
  };
}

async function show(ports: WebPorts, options: WebOptions, repository: string, number: string, reply: FastifyReply): Promise<FastifyReply> {
  // isRepository is stricter than forges are; it keeps path tricks from an adapter that would see them as a directory.
  if (!/^[1-9]\d{0,8}$/.test(number) || !isRepository(repository.toLowerCase()) || !isOurs(repository, options)) return notFound(reply);
  const elsewhere = ports.pulls.pullUrl(repository, Number(number));
  if (elsewhere !== undefined) return sendTo(reply, elsewhere);
  const pull = await ports.pulls.findPull(repository, Number(number)).catch(() => undefined);
  if (pull === undefined) return notFound(reply);
  const [comments, statuses, diff] = await Promise.all([
    ports.pulls.listComments(repository, pull.number),
    ports.pulls.listStatuses(repository, pull.head),
    pull.state === "open" ? ports.pulls.diff(repository, pull.baseHead, pull.head, [], diffBytes).catch(() => undefined) : undefined,
  ]);
  return send(reply, pullPage({ pull, comments, statuses, diff, now: options.now() }));
}

/** The registry-manifest repository, and where something was built lately. */
async function knownRepositories(ports: WebPorts, options: WebOptions): Promise<readonly string[]> {
  const builds = await ports.builds.list({ limit: 100 });
  return [...new Set([options.manifestRepository, ...builds.map((build) => build.repository)])].filter((one) => isOurs(one, options));
}

/** A forge may have more repositories, which are not ours to show. */
function isOurs(repository: string, { manifestRepository, namespace }: WebOptions): boolean {
  return repository === manifestRepository || repository.startsWith(`${namespace}/`);
}

function sendTo(reply: FastifyReply, page: string): FastifyReply {
  return reply.header("cache-control", "no-store").redirect(page);
}

function notFound(reply: FastifyReply): FastifyReply {
  reply.callNotFound();
  return reply;
}

function send(reply: FastifyReply, text: string): FastifyReply {
  return reply.header("cache-control", "no-store").type("text/html; charset=utf-8").send(text);
}
