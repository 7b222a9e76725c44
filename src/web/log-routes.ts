import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { logCleaner, sameLengthText } from "./log-text.ts";
import type { WebOptions, WebPorts } from "./ports.ts";

const chunkBytes = 256 * 1024;
const heartbeatMs = 15_000;

/**
 * `/builds/<id>/logs/<name>`: plain text as it stands now, with `Range: bytes=…` or `?offset=…`.
 * `/builds/<id>/logs/<name>/events`: server-sent events, each with a JSON text and the offset to resume at as its id; `end` when the log
 * is closed. The browser resumes by itself (`Last-Event-ID`).
 */
export function logRoutes(ports: WebPorts, options: WebOptions, closing: AbortSignal) {
  let live = 0;
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/builds/:id/logs/:name", (request, reply) => sendPlain(ports, request, reply));
    server.get("/builds/:id/logs/:name/events", async (request, reply) => {
      const { id, name } = request.params as LogParams;
      if ((await findLog(ports, id, name)) === undefined) return absent(reply);
      if (live >= (options.maxLiveLogs ?? 200)) {
        reply.header("retry-after", "30");
        return reply
          .code(503)
          .type("text/plain; charset=utf-8")
          .send("too many live logs are being read, come again or read the plain text\n");
      }
      const { offset: asked } = request.query as { offset?: string };
      const resumed = request.headers["last-event-id"];
      const offset = wholeNumber(typeof resumed === "string" ? resumed : asked) ?? 0;
      live += 1;
      let counted = true;
      const release = () => {
        if (counted) live -= 1;
        counted = false;
      };
      const events = Readable.from(logEvents(ports, options, id, name, offset, closing, release));
      // A reader that is gone before the first event never starts the generator.
      events.once("close", release);
      // The connection must not idle on when the log has ended: a stopping server would wait for it.
      const headers = { "cache-control": "no-store", "x-accel-buffering": "no", connection: "close" };
      return reply.headers(headers).type("text/event-stream; charset=utf-8").send(events);
    });
  };
}

interface LogParams {
  readonly id: string;
  readonly name: string;
}

async function* logEvents(
  ports: WebPorts,
  options: WebOptions,
  run: string,
  name: string,
  from: number,
  closing: AbortSignal,
  release: () => void,
): AsyncGenerator<string> {
  const cleaner = logCleaner();
  let offset = from;
  let quietMs = 0;
  const pollMs = options.logPollMs ?? 500;
  try {
    yield "retry: 2000\n\n";
    while (!closing.aborted) {
      const { text, next, closed } = await ports.logs.read(run, name, offset, chunkBytes);
      // A step that runs again after a crash starts its log over: what stands in the browser is no longer true.
      const size = next === offset && !closed ? (await findLog(ports, run, name))?.bytes : undefined;
      if (size !== undefined && size < offset) {
        offset = 0;
        yield "event: restart\nid: 0\ndata: \n\n";
        continue;
      }
      offset = next;
      const clean = cleaner.clean(text);
      if (clean !== "") yield `id: ${offset - cleaner.keptBytes}\ndata: ${JSON.stringify(clean)}\n\n`;
      if (closed) {
        yield `event: end\nid: ${offset}\ndata: \n\n`;
        return;
      }
      if (text !== "") {
        quietMs = 0;
        continue;
      }
      await delay(pollMs, undefined, { signal: closing }).catch(() => {});
      quietMs += pollMs;
      if (quietMs >= heartbeatMs) {
        quietMs = 0;
        yield ": still here\n\n";
      }
    }
  } finally {
    release();
  }
}

async function sendPlain(ports: WebPorts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id, name } = request.params as LogParams;
  const found = await findLog(ports, id, name);
  if (found === undefined) return absent(reply);
  if (found.prunedAt !== undefined) {
    const said = `this log was removed on ${found.prunedAt.slice(0, 10)}: logs are not kept for ever, the record of the build is\n`;
    return reply.code(410).header("cache-control", "no-store").type("text/plain; charset=utf-8").send(said);
  }
  const { offset } = request.query as { offset?: string };
  const range = parseRange(request.headers.range, found.bytes);
  reply.headers({ "accept-ranges": "bytes", "cache-control": "no-store" }).type("text/plain; charset=utf-8");
  if (range === "unsatisfiable") return reply.code(416).header("content-range", `bytes */${found.bytes}`).send("");
  const start = range?.start ?? Math.min(wholeNumber(offset) ?? 0, found.bytes);
  const end = range?.end ?? found.bytes;
  if (range) reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${found.bytes}`);
  return reply.header("content-length", end - start).send(Readable.from(plainText(ports, id, name, start, end), { objectMode: false }));
}

async function* plainText(ports: WebPorts, run: string, name: string, start: number, end: number): AsyncGenerator<Buffer> {
  for (let offset = start; offset < end; ) {
    const { text, next } = await ports.logs.read(run, name, offset, Math.min(chunkBytes, end - offset));
    // Padded when the log was started over meanwhile: the length was promised already.
    if (next <= offset) return yield Buffer.alloc(end - offset, "\n");
    const bytes = Buffer.from(sameLengthText(text));
    // Not beyond the end either: a log that was pruned meanwhile goes on to its own, and the last character of a range may not be whole.
    const until = Math.min(next, end);
    const missing = Math.max(0, until - offset - bytes.length);
    yield Buffer.concat([bytes, Buffer.alloc(missing, "\n")], until - offset);
    offset = until;
  }
}

/** One range as RFC 9110 section 14 has it; several ranges, or something else, are answered with everything. */
export function parseRange(header: string | undefined, size: number): { start: number; end: number } | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  return start < end ? { start, end } : "unsatisfiable";
}

async function findLog(ports: WebPorts, run: string, name: string) {
  return (await ports.logs.list(run)).find((log) => log.name === name);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function absent(reply: FastifyReply): FastifyReply {
  return reply.code(404).type("text/plain; charset=utf-8").send("no such log\n");
}
