import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import { errorKind } from "../domain/errors.ts";
import { formatPolicy } from "../gating/policy-json.ts";
import { formatWaiver } from "../gating/waiver-json.ts";
import { FilteredBody, filterOf, filtersOfResults, ListQuery, SubjectsBody } from "../gating/waiver-query.ts";
import type { WaiverFilter } from "../gating/waivers.ts";
import type { WebOptions, WebPorts } from "./ports.ts";

const greenwave = "/greenwave/api/v1.0";
const waiverdb = "/waiverdb/api/v1.0";
/** A question of fifty subjects has a few thousand bytes. */
const maxBodyBytes = 256 * 1024;
/** Of the lists that have no pages. */
const mostListed = 1000;

/** The gate in the forms of Greenwave and WaiverDB, for programs that ask those. Read only: waivers are given by commands, where people are known. */
export function gatingRoutes(ports: Pick<WebPorts, "gating" | "waivers" | "log">, options: Pick<WebOptions, "publicUrl" | "version">) {
  return async (server: FastifyInstance): Promise<void> => {
    server.addHook("onRequest", async (_request, reply) => {
      reply.header("cache-control", "no-store");
    });
    server.setErrorHandler((error: { statusCode?: number }, request, reply) => {
      const kind = errorKind(error);
      const status = error.statusCode ?? (kind === "transient" ? 503 : 500);
      if (status >= 500) ports.log.error({ error, route: request.routeOptions.url }, "answering a request failed");
      const message = status < 500 ? "The request cannot be understood" : "The decision cannot be made now, see the log of the service";
      return reply.code(status).send({ message });
    });
    server.post(`${greenwave}/decision`, { bodyLimit: maxBodyBytes }, async (request, reply) => {
      const { status, body } = await ports.gating.answer(request.body);
      return reply.code(status).send(body);
    });
    server.get(`${greenwave}/policies`, async () => ({ policies: ports.gating.policies.map(formatPolicy) }));
    server.get(`${greenwave}/about`, async () => ({ version: options.version }));
    server.get(`${waiverdb}/about`, async () => ({ auth_method: null, version: options.version }));
    for (const path of [`${waiverdb}/waivers/`, `${waiverdb}/waivers`]) {
      server.get(path, async (request, reply) => {
        const query = ListQuery.safeParse(request.query);
        return query.success ? await listPage(ports, options.publicUrl, query.data) : refuse(reply, query.error);
      });
    }
    server.get(`${waiverdb}/waivers/:id`, async (request, reply) => {
      const { id } = request.params as { id: string };
      const found = /^[1-9]\d{0,15}$/.test(id) ? await ports.waivers.find(Number(id)) : undefined;
      return found === undefined ? reply.code(404).send({ message: "Waiver not found" }) : formatWaiver(found);
    });
    server.post(`${waiverdb}/waivers/+filtered`, { bodyLimit: maxBodyBytes }, async (request, reply) => {
      const body = FilteredBody.safeParse(request.body);
      if (!body.success) return refuse(reply, body.error);
      return await listAll(
        ports,
        body.data.filters.flatMap((one) => filterOf(one) ?? []),
        body.data.include_obsolete,
      );
    });
    server.post(`${waiverdb}/waivers/+by-subjects-and-testcases`, { bodyLimit: maxBodyBytes }, async (request, reply) => {
      const body = SubjectsBody.safeParse(request.body);
      return body.success ? await listAll(ports, filtersOfResults(body.data), body.data.include_obsolete) : refuse(reply, body.error);
    });
  };
}

function refuse(reply: FastifyReply, error: z.ZodError): FastifyReply {
  return reply.code(400).send({ message: z.prettifyError(error).slice(0, 500) });
}

async function listPage({ waivers }: Pick<WebPorts, "waivers">, publicUrl: string, query: z.infer<typeof ListQuery>) {
  const { page, limit, include_obsolete: obsolete } = query;
  const filter = filterOf(query);
  const nothing = { waivers: [], total: 0 };
  const found = filter === undefined ? nothing : await waivers.list([filter], { obsolete, offset: (page - 1) * limit, limit });
  const last = Math.ceil(found.total / limit);
  const url = (number: number) => `${publicUrl}${waiverdb}/waivers/?${new URLSearchParams({ ...wordsOf(query), page: String(number) })}`;
  return {
    data: found.waivers.map(formatWaiver),
    first: url(1),
    last: url(last),
    next: page < last ? url(page + 1) : null,
    prev: page > 1 ? url(page - 1) : null,
  };
}

/** The query again, for the addresses of other pages. */
function wordsOf(query: z.infer<typeof ListQuery>): Record<string, string> {
  const given = Object.entries(query).filter(([key, value]) => value != null && value !== "" && value !== false && key !== "page");
  return Object.fromEntries(given.map(([key, value]) => [key, String(value)]));
}

async function listAll({ waivers }: Pick<WebPorts, "waivers">, filters: readonly WaiverFilter[], obsolete: boolean) {
  // No filter at all would be every waiver.
  if (filters.length === 0) return { data: [] };
  return { data: (await waivers.list(filters, { obsolete, offset: 0, limit: mostListed })).waivers.map(formatWaiver) };
}
