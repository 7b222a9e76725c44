import { chmod, open } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import type { RunOutcome, TestContainer } from "../../engines/engine.ts";

const Request = z.discriminatedUnion("do", [
  z.object({
    do: z.literal("exec"),
    command: z.array(z.string()).min(1).max(1000),
    user: z.string().max(200).optional(),
    stdin: z.int().min(0),
  }),
  z.object({ do: z.literal("read"), path: z.string().min(1).max(4096), stdin: z.literal(0) }),
]);
type Request = z.infer<typeof Request>;

export const subjectLimits = {
  headerBytes: 128 * 1024,
  /** Into one command. */
  inputBytes: 64 * 2 ** 20,
  /** Out of one command, and of one file. */
  outputBytes: 8 * 2 ** 20,
  /** That the other ends have not taken yet, of all connections together. */
  unsentBytes: 32 * 2 ** 20,
  connections: 32,
} as const;

const frames = { stdout: 1, stderr: 2, end: 3, error: 4 } as const;

export interface SubjectServer {
  close(): Promise<void>;
}

/**
 * Lets whoever reaches the socket `subject.sock` of a directory run commands and read files in this one container, and nothing else: the other end
 * of `ansible/connection.py`, which has the form of what is spoken. Everything that comes in is taken for hostile.
 */
export async function serveSubject(directory: string, container: TestContainer, signal: AbortSignal): Promise<SubjectServer> {
  // A socket's path has at most 107 bytes; by way of the open directory it is short wherever that is.
  const handle = await open(directory);
  const stop = new AbortController();
  const ends = AbortSignal.any([signal, stop.signal]);
  const sockets = new Set<Socket>();
  const unsent = () => [...sockets].reduce((sum, { writableLength }) => sum + writableLength, 0);
  const answering = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const answered = answer(socket, unsent, container, ends).finally(() => answering.delete(answered));
    answering.add(answered);
  });
  server.maxConnections = subjectLimits.connections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(`/proc/self/fd/${handle.fd}/subject.sock`, resolve);
  });
  // Who reaches the workspace is who may.
  await chmod(join(directory, "subject.sock"), 0o666);
  return {
    close: async () => {
      stop.abort();
      for (const socket of sockets) socket.destroy();
      await Promise.all(answering);
      await new Promise((resolve) => server.close(resolve));
      await handle.close();
    },
  };
}

/** Never rejects: what goes wrong is told to the other end, as far as it is still there. */
async function answer(socket: Socket, unsent: () => number, container: TestContainer, signal: AbortSignal): Promise<void> {
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  const send = (kind: keyof typeof frames, bytes: Uint8Array) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(frames[kind], 0);
    head.writeUInt32BE(bytes.length, 1);
    if (unsent() + bytes.length > subjectLimits.unsentBytes) socket.destroy();
    if (!socket.destroyed) socket.write(Buffer.concat([head, bytes]));
  };
  try {
    const input = inputOf(socket);
    const request = Request.parse(JSON.parse((await input.take(await readLength(input))).toString("utf8")));
    const ends = AbortSignal.any([signal, gone.signal]);
    if (request.do === "read") await readInto(request.path, container, send);
    else await execInto(request, input.rest(request.stdin), container, send, ends);
  } catch (error) {
    send("error", Buffer.from(error instanceof z.ZodError || error instanceof SyntaxError ? "not a request" : messageOf(error)));
  } finally {
    socket.end();
    // Else input that nobody wants would hold the connection open.
    socket.destroySoon();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Send = (kind: keyof typeof frames, bytes: Uint8Array) => void;

async function readInto(path: string, container: TestContainer, send: Send): Promise<void> {
  const bytes = await container.readFile(path, subjectLimits.outputBytes);
  if (bytes === undefined) throw new Error(`there is no file ${path} of at most ${subjectLimits.outputBytes} bytes`);
  send("stdout", bytes);
  send("end", Buffer.from(JSON.stringify({ exitCode: 0 })));
}

async function execInto(
  request: Extract<Request, { do: "exec" }>,
  stdin: AsyncIterable<Uint8Array>,
  container: TestContainer,
  send: Send,
  signal: AbortSignal,
): Promise<void> {
  if (request.stdin > subjectLimits.inputBytes) throw new Error("the command is given more input than flibs takes");
  let left: number = subjectLimits.outputBytes;
  const take = (kind: "stdout" | "stderr") => (bytes: Uint8Array) => {
    left -= bytes.length;
    if (left >= 0) send(kind, bytes);
    return left >= 0;
  };
  const outcome = await container.exec(
    {
      command: request.command,
      ...(request.user === undefined ? {} : { user: request.user }),
      ...(request.stdin === 0 ? {} : { stdin }),
    },
    { stdout: take("stdout"), stderr: take("stderr") },
    signal,
  );
  sayEnd(outcome, send);
}

function sayEnd(outcome: RunOutcome, send: Send): void {
  if (outcome.outcome === "exited" || outcome.outcome === "not-started") {
    // As a shell says it: a playbook may want to know that a program is not there.
    if (outcome.outcome === "not-started") send("stderr", Buffer.from(`${outcome.message}\n`));
    send("end", Buffer.from(JSON.stringify({ exitCode: outcome.outcome === "exited" ? outcome.exitCode : 127 })));
  } else {
    const tooMuch = `the command printed more than ${subjectLimits.outputBytes} bytes`;
    send("error", Buffer.from(outcome.outcome === "log-limit" ? tooMuch : "the container was stopped"));
  }
}

interface Input {
  /** Exactly so many bytes. */
  take(length: number): Promise<Buffer>;
  /** As they come, so many and no more. */
  rest(length: number): AsyncIterable<Uint8Array>;
}

async function readLength(input: Input): Promise<number> {
  const length = (await input.take(4)).readUInt32BE(0);
  if (length > subjectLimits.headerBytes) throw new SyntaxError("too long");
  return length;
}

function inputOf(socket: Socket): Input {
  const pieces: AsyncIterator<Buffer> = socket.iterator({ destroyOnReturn: false });
  /** What came and was not taken yet. */
  const come: Buffer[] = [];
  const more = async () => {
    const { value, done } = await pieces.next();
    if (done) throw new Error("the request ends too early");
    come.push(value);
  };
  /** At most so much of the first piece. */
  const part = (most: number): Buffer => {
    const [first = Buffer.alloc(0)] = come;
    if (first.length > most) come[0] = first.subarray(most);
    else come.shift();
    return first.subarray(0, most);
  };
  return {
    take: async (length) => {
      const taken: Buffer[] = [];
      for (let left = length; left > 0; ) {
        if (come.length === 0) await more();
        const next = part(left);
        taken.push(next);
        left -= next.length;
      }
      return Buffer.concat(taken);
    },
    rest: async function* (length) {
      for (let left = length; left > 0; ) {
        if (come.length === 0) await more();
        const next = part(left);
        left -= next.length;
        yield next;
      }
    },
  };
}
