import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestOf } from "../../src/domain/digest.ts";
import { blockBytes, HashThread } from "../../src/registry/hash-threads.ts";
import { registryClient } from "../../src/registry/registry-client.ts";
import { hashApart, hashHere, streamHash } from "../../src/registry/stream-hash.ts";
import { startFakeRegistry } from "../fakes/registry.ts";

const bytes = randomBytes(20 * blockBytes + 17);

test.each([
  ["here", hashHere],
  ["in a thread", hashApart],
])("%s: however the bytes are cut, their digest is the same", async (_name, begin) => {
  const cuts = fc.array(fc.oneof(fc.nat(bytes.length), fc.constantFrom(0, blockBytes - 1, blockBytes, blockBytes + 1, bytes.length)));
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      const hash = begin();
      const sorted = [0, ...places.toSorted((one, other) => one - other), bytes.length];
      for (const [index, at] of sorted.slice(0, -1).entries()) await hash.update(bytes.subarray(at, sorted[index + 1]));
      expect(await hash.digest()).toBe(digestOf(bytes));
    }),
    { numRuns: 30 },
  );
});

test("the bytes may be written over as soon as they are taken", async () => {
  const hash = hashApart();
  const reused = Buffer.from(bytes);
  await hash.update(reused);
  reused.fill(0);
  expect(await hash.digest()).toBe(digestOf(bytes));
});

test("many streams at once do not mix, and one that nobody wants any more holds nobody up", async () => {
  const streams = Array.from({ length: 12 }, (_, index) => randomBytes((index + 1) * 100_000));
  const digests = await Promise.all(
    streams.map(async (stream, index) => {
      const hash = streamHash(4 * 2 ** 20);
      for (let at = 0; at < stream.length; at += 65_536) await hash.update(stream.subarray(at, at + 65_536));
      if (index % 3 === 0) {
        hash.abandon();
        hash.abandon();
        return digestOf(stream);
      }
      const digest = await hash.digest();
      hash.abandon();
      return digest;
    }),
  );
  expect(digests).toEqual(streams.map((stream) => digestOf(stream)));
});

test("who is faster than the thread is asked to wait, so that memory stays bounded", async () => {
  const hash = hashApart();
  let waits = 0;
  for (let block = 0; block < 100; block += 1) {
    const caughtUp = hash.update(bytes.subarray(0, blockBytes));
    if (caughtUp !== undefined) waits += 1;
    await caughtUp;
  }
  expect(waits).toBeGreaterThan(5);
  expect(await hash.digest()).toBe(digestOf(Buffer.concat(Array.from({ length: 100 }, () => bytes.subarray(0, blockBytes)))));
});

test("a thread that dies ends its hashes with an error, also those begun afterwards, and is not chosen again", async () => {
  const worker = new Worker('require("node:worker_threads").parentPort.once("message", () => process.exit(3))', { eval: true });
  await once(worker, "online");
  let gone = 0;
  const thread = new HashThread(() => {
    gone += 1;
  }, worker);
  const [first, second] = [thread.begin(), thread.begin()];
  const ended = first.digest();
  let waiting: Promise<void> | undefined;
  while (waiting === undefined) waiting = second.update(bytes);
  // Whoever was at it tries again.
  await expect(ended).rejects.toMatchObject({ code: "registry.unreachable", message: expect.stringContaining("has ended") });
  await expect(waiting).rejects.toThrow("has ended");
  const late = thread.begin();
  await expect(late.update(bytes)).rejects.toThrow("has ended");
  await expect(late.digest()).rejects.toThrow("has ended");
  expect(gone).toBe(1);
});

test("a long blob that is another one never arrives whole: its last bytes wait for the thread", async () => {
  await using registry = await startFakeRegistry();
  const client = registryClient({ endpoint: registry.endpoint, plainHttp: true });
  const blob = randomBytes(5 * 2 ** 20);
  const wrong = Buffer.from(blob);
  wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
  const descriptor = { digest: digestOf(blob), size: blob.length };
  const upload = (content: Buffer) => {
    let sent = 0;
    const open = async () =>
      Readable.from(
        (function* () {
          for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
        })(),
      );
    const onBytes = (count: number) => {
      sent += count;
    };
    const done = client.uploadBlob("containers/app", descriptor, open, { onBytes });
    return done.then(
      () => ({ sent }),
      (error: Error) => ({ sent, error }),
    );
  };
  const refused = await upload(wrong);
  expect(refused).toMatchObject({ error: { code: "registry.digest-mismatch" } });
  expect(refused.sent).toBeLessThan(blob.length);
  expect(await client.hasBlob("containers/app", descriptor.digest)).toBe(false);
  expect(await upload(blob)).toEqual({ sent: blob.length });
  expect(await client.hasBlob("containers/app", descriptor.digest)).toBe(true);
  client.close();
});

test("a download that comes in pieces of a few bytes, many to a read of the socket, is passed on whole", async () => {
  const blob = randomBytes(3 * 2 ** 20);
  // Without Content-Length: each piece is a chunk of its own, and dozens stand in one buffer.
  await using server = createServer((_request, response) => {
    for (let at = 0, size = 1; at < blob.length; at += size, size = (size * 7 + 3) % 3001) response.write(blob.subarray(at, at + size));
    response.end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  await using registry = await startFakeRegistry();
  const source = registryClient({ endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`, plainHttp: true });
  const destination = registryClient({ endpoint: registry.endpoint, plainHttp: true });
  const descriptor = { digest: digestOf(blob), size: blob.length };
  const open = () => source.openBlob("containers/app", descriptor);
  await destination.uploadBlob("f40/app", descriptor, open);
  const arrived = await destination.readBlob("f40/app", descriptor.digest, 4 * 2 ** 20);
  expect(Buffer.compare(Buffer.from(arrived), blob)).toBe(0);
  source.close();
  destination.close();
});
