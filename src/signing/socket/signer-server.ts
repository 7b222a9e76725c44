import { chmod, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { appError, isAppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import type { ReleaseSigner, SignedTags, WithdrawnTags } from "../../promotion/release-signer.ts";
import { fitting, maxRequestBytes, parseRequest, refused, type SignerAnswer } from "./protocol.ts";

export interface SignerServerOptions {
  /** Path of the Unix socket; mode 0660, so that its group is who may ask. */
  readonly socket: string;
  readonly signer: ReleaseSigner;
  /** Longest work for one request, and how long one may take to arrive. */
  readonly timeoutMs: number;
  readonly requestMs: number;
  readonly log: Log;
}

export interface SignerServer {
  /** Takes no more requests, lets those that are under way end, and removes the socket. */
  close(): Promise<void>;
}

/** More wait at the operating system; each may hold a megabyte. */
const mostConnections = 16;

/**
 * Listens for requests, each on a connection of its own. Whoever asks is not believed: a request has a shape, a size and a time, and the signer
 * behind looks for itself what may be signed. Files are worked on one request at a time. Throws `config.invalid` when another signer listens there.
 */
export async function serveSigner(options: SignerServerOptions): Promise<SignerServer> {
  const { socket: path, log } = options;
  const stopping = new AbortController();
  const inTurn = oneAtATime();
  const open = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    const work = serveOne(options, inTurn, connection, stopping.signal).finally(() => open.delete(work));
    open.add(work);
  });
  server.maxConnections = mostConnections;
  await removeDead(path);
  // The mode is right from the first moment; chmod is for file systems with rights of their own.
  const before = process.umask(0o117);
  try {
    await new Promise<void>((done, fail) => {
      server.once("error", fail);
      server.listen(path, done);
    });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o660);
  server.on("error", (error) => log.error({ err: error }, "the signer's socket failed"));
  return {
    async close() {
      const closed = new Promise((done) => server.close(done));
      stopping.abort();
      await Promise.allSettled(open);
      await closed;
    },
  };
}

async function serveOne(
  { signer, timeoutMs, requestMs, log }: SignerServerOptions,
  inTurn: ReturnType<typeof oneAtATime>,
  connection: Socket,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  connection.on("error", () => gone.abort());
  connection.on("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stopping, AbortSignal.timeout(timeoutMs + requestMs)]);
  let answer: SignerAnswer;
  const startedAt = performance.now();
  try {
    const { do: what, version: _version, tags, ...where } = parseRequest(await readLine(connection, requestMs));
    const request = { ...where, ...(tags === undefined ? {} : { tags }) };
    const done = await inTurn<SignedTags | WithdrawnTags>(request.path, () => {
      signal.throwIfAborted();
      return what === "sign" ? signer.sign(request, signal) : signer.withdraw(request, signal);
    });
    log.info(
      { what, ...where, tags: Object.keys(done).length, ms: Math.round(performance.now() - startedAt) },
      "signer did what it was asked",
    );
    answer = { done: fitting<(typeof done)[string]>(done) };
  } catch (error) {
    log.warn({ err: error }, "signer did not do what it was asked");
    answer = { error: tell(error) };
  }
  if (!connection.destroyed) connection.end(`${JSON.stringify(answer)}\n`);
  // One that does not read its answer is not waited for.
  connection.setTimeout(requestMs, () => connection.destroy());
}

/** Only what the catalogue has goes out: other errors may have words of the machine in them. */
function tell(error: unknown): { code: string; message: string; hint?: string } {
  if (!isAppError(error)) return { code: "signing.signer-unavailable", message: "flibs signer could not do it; its log says why" };
  return {
    code: error.code,
    message: error.message.slice(0, 2000),
    ...(error.hint === undefined ? {} : { hint: error.hint.slice(0, 1000) }),
  };
}

/** Until the client ends its half. Throws `signing.request-refused` for one that is too long or too slow. */
async function readLine(connection: Socket, requestMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  return await new Promise<string>((done, fail) => {
    const timer = setTimeout(() => fail(refused(`it did not arrive within ${requestMs} ms`)), requestMs);
    connection.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxRequestBytes) {
        chunks.push(chunk);
        return;
      }
      connection.removeAllListeners("data").pause();
      fail(refused(`it has more than ${maxRequestBytes} bytes`));
    });
    connection.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
    connection.on("close", () => {
      clearTimeout(timer);
      fail(refused("it broke off"));
    });
    connection.on("end", () => clearTimeout(timer));
  });
}

/** A socket that a killed signer left behind is removed; one that answers belongs to another. */
async function removeDead(path: string): Promise<void> {
  const answers = await new Promise<boolean>((done) => {
    const trial = connect(path);
    trial.on("connect", () => {
      trial.destroy();
      done(true);
    });
    trial.on("error", () => done(false));
  });
  if (answers) throw appError("config.invalid", `another flibs signer listens on ${path}`, { hint: "Stop it, or name another socket" });
  await rm(path, { force: true });
}

/** Work under one name is done in the order of asking; a failure holds nobody up. */
function oneAtATime(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name) ?? Promise.resolve();
    const own = before.then(work, work);
    const settled = own.catch(() => {});
    last.set(name, settled);
    try {
      return await own;
    } finally {
      if (last.get(name) === settled) last.delete(name);
    }
  };
}
