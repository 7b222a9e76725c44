import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { errorKind } from "../domain/errors.ts";
import { parseResultsQuery, type ResultsQuery } from "../gating/results-query.ts";
import { formatGroup, formatResult, formatTestcase } from "../gating/resultsdb.ts";
import { suiteOf } from "../gating/testcase.ts";
import type { WebOptions, WebPorts } from "./ports.ts";

const root = "/resultsdb/api/v2.0";

/** Results in the shape of ResultsDB's API, version 2, for programs that read it: Greenwave, dashboards. Read only. */
export function resultsdbRoutes({ results, log }: Pick<WebPorts, "results" | "log">, { publicUrl }: Pick<WebOptions, "publicUrl">) {
  const api = `${publicUrl}${root}`;
  return async (server: FastifyInstance): Promise<void> => {
    server.addHook("onRequest", async (_request, reply) => {
      reply.header("cache-control", "no-store");
    });

    server.setErrorHandler((error: { statusCode?: number }, request, reply) => {
      const status = error.statusCode ?? (errorKind(error) === "transient" ? 503 : 500);
      if (status >= 500) log.error({ error, route: request.routeOptions.url }, "answering a request failed");
      const said =
        status === 503 ? "Results cannot be read now: ask again later, or for less" : "An internal error, see the log of the service";
      return reply.code(status).send({ message: status < 500 ? "The request cannot be understood" : said });
    });

    server.get(`${root}/results`, async (request, reply) => {
      const query = readQuery(request, reply);
      if (query === undefined) return reply;
      const { items, more } = await results.list(query);
      return { data: items.map((one) => formatResult(one, publicUrl, api)), ...links(request, api, query, more) };
    });

    server.get(`${root}/results/latest`, async (request, reply) => {
      const query = readQuery(request, reply);
      if (query === undefined) return reply;
      // ResultsDB has no pages here: what there is comes at once.
      const latest = await results.listLatest({ ...query, limit: 1000 });
      return { data: latest.map((one) => formatResult(one, publicUrl, api)) };
    });

    server.get(`${root}/results/:id`, async (request, reply) => {
      const { id } = request.params as { id: string };
      const found = /^\d{1,15}$/.test(id) ? await results.find(Number(id)) : undefined;
      if (found === undefined) return reply.code(404).send({ message: "Result not found" });
      return formatResult(found, publicUrl, api);
    });

    server.get(`${root}/testcases`, async (request, reply) => {
      const query = readQuery(request, reply);
      if (query === undefined) return reply;
      const { items, more } = await results.listSuites({ ...query, ...namesOf(request) });
      return { data: items.map((one) => formatTestcase(one, publicUrl, api)), ...links(request, api, query, more) };
    });

    server.get(`${root}/testcases/*`, async (request, reply) => {
      const suite = suiteOf((request.params as { "*": string })["*"]);
      const { items } = suite === undefined ? { items: [] } : await results.listSuites({ names: [suite], page: 0, limit: 1 });
      const [found] = items;
      if (found === undefined) return reply.code(404).send({ message: "Testcase not found" });
      return formatTestcase(found, publicUrl, api);
    });

    server.get(`${root}/groups`, async (request, reply) => {
      const query = readQuery(request, reply);
      if (query === undefined) return reply;
      const uuids = parameters(request).flatMap(([name, value]) => (name === "uuid" ? value.split(",").filter(isUuid) : []));
      const { items, more } = await results.listGroups({ ...query, ...(uuids.length === 0 ? {} : { uuids }) });
      return { data: items.map((one) => formatGroup(one, publicUrl, api)), ...links(request, api, query, more) };
    });

    server.get(`${root}/groups/:uuid`, async (request, reply) => {
      const { uuid } = request.params as { uuid: string };
      const { items } = isUuid(uuid) ? await results.listGroups({ uuids: [uuid], page: 0, limit: 1 }) : { items: [] };
      const [found] = items;
      if (found === undefined) return reply.code(404).send({ message: "Group not found" });
      return formatGroup(found, publicUrl, api);
    });

    server.get(`${root}/healthcheck`, async (_request, reply) => {
      try {
        await results.find(0);
        return { message: "Health check OK" };
      } catch {
        return reply.code(503).send({ message: "Unable to communicate with database" });
      }
    });
  };
}

/** Undefined when the query can't be understood; then it is answered already. */
function readQuery(request: FastifyRequest, reply: FastifyReply): ResultsQuery | undefined {
  const parsed = parseResultsQuery(parameters(request));
  if ("query" in parsed) return parsed.query;
  reply.code(400).send({ message: parsed.message });
  return undefined;
}

/** From the address itself: a key may come twice, and none is a member of an object. */
function parameters(request: FastifyRequest): readonly (readonly [string, string])[] {
  return [...new URLSearchParams(request.url.split("?")[1] ?? "")];
}

function namesOf(request: FastifyRequest): { names?: readonly string[]; like?: readonly string[] } {
  const all = parameters(request);
  const valuesOf = (wanted: string) => all.flatMap(([name, value]) => (name === wanted ? value.split(",") : []));
  const [names, like] = [valuesOf("name"), valuesOf("name:like")];
  return {
    ...(names.length === 0 ? {} : { names: names.flatMap((one) => suiteOf(one) ?? []) }),
    ...(like.length === 0 ? {} : { like }),
  };
}

function links(request: FastifyRequest, api: string, { page }: ResultsQuery, more: boolean) {
  const address = (number: number) => {
    const query = new URLSearchParams(parameters(request).filter(([name]) => name !== "page") as [string, string][]);
    query.append("page", String(number));
    return `${api}${request.url.split("?")[0]?.slice(root.length)}?${query}`;
  };
  return { next: more ? address(page + 1) : null, prev: page > 0 ? address(page - 1) : null };
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}
