import { statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { appError, isAppError } from "../../src/domain/errors.ts";
import { silentLog } from "../../src/log.ts";
import type { ReleaseSigner, ReleaseToSign } from "../../src/promotion/release-signer.ts";
import { maxAnswerBytes, maxRequestBytes, mostTags, parseRequest } from "../../src/signing/socket/protocol.ts";
import { socketSigner } from "../../src/signing/socket/signer-client.ts";
import { type SignerServer, serveSigner } from "../../src/signing/socket/signer-server.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

const request: ReleaseToSign = { commit: "c".repeat(40), path: "images/f40/cockpit.yaml", registry: "production" };
const never = new AbortController().signal;
let scratch: ScratchDirectory;
let path: string;
let asked: ReleaseToSign[];
let answer: (request: ReleaseToSign, signal: AbortSignal) => Promise<Record<string, { added: number; ms: number; failed?: string }>>;
let server: SignerServer | undefined;

beforeEach(async () => {
  scratch = await scratchDirectory();
  path = join(scratch.path, "socket");
  asked = [];
  answer = async () => ({ "1-1": { added: 3, ms: 1 } });
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await scratch.remove();
});

async function serve(more: { timeoutMs?: number; requestMs?: number } = {}) {
  const signer: ReleaseSigner = {
    sign: async (one, signal) => {
      asked.push(one);
      return await answer(one, signal);
    },
    withdraw: async () => ({ "1-1": { removed: 9 } }),
  };
  server = await serveSigner({ socket: path, signer, timeoutMs: 5000, requestMs: 500, log: silentLog, ...more });
}

/** Raw bytes there; what comes back until the end. */
function say(bytes: string | Buffer, end = true): Promise<string> {
  return new Promise((done) => {
    const chunks: Buffer[] = [];
    const connection = connect({ path, allowHalfOpen: true }, () => (end ? connection.end(bytes) : connection.write(bytes)));
    connection.on("data", (chunk: Buffer) => chunks.push(chunk));
    connection.on("error", () => {});
    connection.on("end", () => connection.destroy());
    connection.on("close", () => done(Buffer.concat(chunks).toString()));
  });
}

describe("a signer on a socket", () => {
  test("does what it is asked, and its group alone may ask", async () => {
    await serve();
    const client = socketSigner(path, 5000);
    expect(await client.sign({ ...request, tags: ["1-1"] }, never)).toEqual({ "1-1": { added: 3, ms: 1 } });
    expect(asked).toEqual([{ ...request, tags: ["1-1"] }]);
    expect(await client.withdraw(request, never)).toEqual({ "1-1": { removed: 9 } });
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  test("errors come through as what they are, others without their words", async () => {
    await serve();
    answer = async () => {
      throw appError("signing.key-expired", "key A has expired", { hint: "Extend it" });
    };
    const expired = { code: "signing.key-expired", kind: "input", message: "key A has expired", hint: "Extend it" };
    await expect(socketSigner(path, 5000).sign(request, never)).rejects.toMatchObject(expired);
    answer = async () => {
      throw new Error("secret of the machine");
    };
    const unknown = { code: "signing.signer-unavailable", message: expect.not.stringContaining("secret") };
    await expect(socketSigner(path, 5000).sign(request, never)).rejects.toMatchObject(unknown);
  });

  test.each([
    ["no JSON", "hello\n"],
    ["nothing", ""],
    ["a list", "[]\n"],
    ["a payload to sign", `${JSON.stringify({ version: 1, do: "sign", ...request, payload: "{}" })}\n`],
    ["a digest to sign", `${JSON.stringify({ version: 1, do: "sign", ...request, digest: `sha256:${"a".repeat(64)}` })}\n`],
    ["another version", `${JSON.stringify({ version: 2, do: "sign", ...request })}\n`],
    ["another deed", `${JSON.stringify({ version: 1, do: "export-secret-keys", ...request })}\n`],
    ["a long path", `${JSON.stringify({ version: 1, do: "sign", ...request, path: "x".repeat(301) })}\n`],
    ["more bytes than a request has", " ".repeat(maxRequestBytes + 1)],
  ])("%s is refused, and the signer is not asked", async (_name, bytes) => {
    await serve();
    expect(JSON.parse(await say(bytes))).toMatchObject({ error: { code: "signing.request-refused" } });
    expect(asked).toEqual([]);
    expect(await socketSigner(path, 5000).sign(request, never)).toEqual({ "1-1": { added: 3, ms: 1 } });
  });

  test("one that never ends is cut off, and meanwhile others are served", async () => {
    await serve();
    const slow = say('{"version":1,', false);
    expect(await socketSigner(path, 5000).sign(request, never)).toEqual({ "1-1": { added: 3, ms: 1 } });
    expect(JSON.parse(await slow)).toMatchObject({
      error: { code: "signing.request-refused", message: expect.stringContaining("did not arrive") },
    });
  });

  test("any text is a request or one known error", () => {
    const values = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({
          version: fc.constant(1),
          do: fc.constantFrom("sign", "withdraw", "x"),
          commit: fc.string(),
          path: fc.string(),
          registry: fc.string(),
        })
        .map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(values, (text) => {
        try {
          expect(parseRequest(text).version).toBe(1);
        } catch (error) {
          expect(isAppError(error) && error.code).toBe("signing.request-refused");
        }
      }),
    );
  });

  test("why a tag failed may be as long as it is: it is cut, and the other tags count", async () => {
    await serve();
    answer = async () => ({ "1-1": { added: 0, ms: 1, failed: "x".repeat(5000) }, "1-2": { added: 3, ms: 1 } });
    const signed = await socketSigner(path, 5000).sign(request, never);
    expect([signed["1-1"]?.failed?.length, signed["1-2"]?.added]).toEqual([2000, 3]);
  });

  test("a file with more tags than one request may have is asked for in parts", async () => {
    await serve();
    answer = async ({ tags = [] }) => Object.fromEntries(tags.map((tag) => [tag, { added: 1, ms: 1 }]));
    const tags = Array.from({ length: mostTags * 2 + 1 }, (_, n) => `${n}-1.fc40`);
    expect(Object.keys(await socketSigner(path, 5000).sign({ ...request, tags }, never)).toSorted()).toEqual(tags.toSorted());
    expect(asked.map((one) => one.tags?.length)).toEqual([mostTags, mostTags, 1]);
    expect(await socketSigner(path, 5000).sign({ ...request, tags: [] }, never)).toEqual({});
  });

  test("two clients on one file are served in turn, on two files at once", async () => {
    await serve();
    let [running, most] = [0, 0];
    const perPath = new Map<string, number>();
    let highestOnOne = 0;
    answer = async ({ path: of }) => {
      running += 1;
      perPath.set(of, (perPath.get(of) ?? 0) + 1);
      most = Math.max(most, running);
      highestOnOne = Math.max(highestOnOne, perPath.get(of) ?? 0);
      await new Promise((done) => setTimeout(done, 30));
      running -= 1;
      perPath.set(of, (perPath.get(of) ?? 0) - 1);
      return {};
    };
    const client = socketSigner(path, 5000);
    const other = { ...request, path: "images/f40/web.yaml" };
    await Promise.all([request, request, other, request].map((one) => client.sign(one, never)));
    expect({ most, highestOnOne }).toEqual({ most: 2, highestOnOne: 1 });
  });

  test("work that takes too long is stopped and may be asked for again", async () => {
    await serve({ timeoutMs: 50, requestMs: 50 });
    answer = (_, signal) =>
      new Promise((_done, fail) => signal.addEventListener("abort", () => fail(appError("signing.signer-unavailable", "gpg was stopped"))));
    await expect(socketSigner(path, 5000).sign(request, never)).rejects.toMatchObject({ kind: "transient" });
  });

  test("a second signer on the socket is refused, a dead one's socket is taken over", async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: "config.invalid" });
    await server?.close();
    await writeFile(path, "");
    await serve();
    expect(await socketSigner(path, 5000).sign(request, never)).toEqual({ "1-1": { added: 3, ms: 1 } });
  });
});

describe("a signer that answers with nonsense is unavailable, and is asked again", () => {
  async function answering(reply: string | Buffer | undefined) {
    const open: Socket[] = [];
    const fake = createServer({ allowHalfOpen: true }, (connection) => {
      open.push(connection);
      connection.on("error", () => {});
      connection.resume();
      connection.on("end", () => reply !== undefined && connection.end(reply));
    });
    await new Promise<void>((done) => fake.listen(path, done));
    const close = () => {
      for (const connection of open) connection.destroy();
      return new Promise((done) => fake.close(done));
    };
    return { close };
  }
  const ask = (ms = 5000) => socketSigner(path, ms).sign(request, never);
  const unavailable = { code: "signing.signer-unavailable", kind: "transient" };

  test("nobody listens", async () => {
    await expect(ask()).rejects.toMatchObject(unavailable);
  });
  test.each([
    ["breaks off", '{"done": {"1-1": {"added": 3}}}'],
    ["says nothing", ""],
    ["speaks no JSON", "hello\n"],
    ["has another shape", '{"done": {"1-1": {"added": -1}}}\n'],
    ["answers both", '{"done": {}, "error": {"code": "a", "message": "b"}}\n'],
    ["names a code that there is not", '{"error": {"code": "toString", "message": "b"}}\n'],
    ["floods", Buffer.alloc(maxAnswerBytes + 10, 32)],
  ])("one that %s", async (_name, reply) => {
    const fake = await answering(reply);
    await expect(ask()).rejects.toMatchObject(unavailable);
    await fake.close();
  });
  test("one that does not answer in time, or is no longer waited for", async () => {
    const fake = await answering(undefined);
    await expect(ask(50)).rejects.toMatchObject(unavailable);
    const stop = new AbortController();
    const waiting = socketSigner(path, 5000).sign(request, stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject(unavailable);
    await fake.close();
  });
});
