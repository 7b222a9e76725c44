import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "@jest/globals";
import type Docker from "dockerode";
import tar from "tar-stream";
import { type ContainerFiles, findEntry, readContent, readDirectories } from "../../src/engines/docker/image-files.ts";

const never = new AbortController().signal;

/** A daemon whose answer to every path is `body`; a number is a status, with `message`. */
function filesOf(body: () => NodeJS.ReadableStream | { statusCode: number; message: string }, signal = never): ContainerFiles {
  const container = {
    getArchive: async () => {
      const answer = body();
      if ("statusCode" in answer)
        throw Object.assign(new Error(answer.message), { statusCode: answer.statusCode, json: { message: answer.message } });
      return answer;
    },
  };
  return { container: container as unknown as Docker.Container, socket: "unix:///nowhere", signal };
}

/** What of an archive says that an entry begins. */
async function headerOf(entry: Parameters<tar.Pack["entry"]>[0]): Promise<Buffer> {
  const pack = tar.pack();
  pack.entry(entry, () => {});
  for await (const bytes of pack) return bytes as Buffer;
  throw new Error("an archive without a header");
}

/** The header of an entry with a size, and zeros for ever. */
function endless(header: Parameters<tar.Pack["entry"]>[0]) {
  const sent = { bytes: 0 };
  const zeros = Buffer.alloc(65_536);
  const body = Readable.from(
    (async function* () {
      yield await headerOf(header);
      for (;;) {
        sent.bytes += zeros.length;
        yield zeros;
      }
    })(),
    { objectMode: false },
  );
  return { body, sent };
}

const size = 5 * 2 ** 30;

test("ST9: of a file of 5 GB only the header is read", async () => {
  const { body, sent } = endless({ name: "sparse", size, mode: 0o600, uid: 7, gid: 8 });
  expect(
    await findEntry(
      filesOf(() => body),
      "/sparse",
    ),
  ).toEqual({ kind: "file", mode: 0o600, uid: 7, gid: 8, size });
  const again = endless({ name: "sparse", size });
  expect(
    await readContent(
      filesOf(() => again.body),
      "/sparse",
      8 * 2 ** 20,
    ),
  ).toEqual({ kind: "too-large" });
  expect([body.destroyed, again.body.destroyed]).toEqual([true, true]);
  expect(sent.bytes + again.sent.bytes).toBeLessThan(2 ** 20);
});

test("names of directories are not looked for behind gigabytes", async () => {
  const { body } = endless({ name: "doc/big", size });
  await expect(
    readDirectories(
      filesOf(() => body),
      "/doc",
    ),
  ).rejects.toMatchObject({ code: "engine.file-too-large" });
});

test("an archive that stands still ends with the caller", async () => {
  const stop = new AbortController();
  const body = new PassThrough();
  const reading = findEntry(
    filesOf(() => body, stop.signal),
    "/a",
  );
  setImmediate(() => stop.abort(new Error("enough")));
  await expect(reading).rejects.toThrow("enough");
  expect(body.destroyed).toBe(true);
});

test("an archive that breaks off is the engine's fault", async () => {
  const body = Readable.from([await headerOf({ name: "a", size: 1000 })]);
  await expect(
    readContent(
      filesOf(() => body),
      "/a",
      1000,
    ),
  ).rejects.toMatchObject({ code: "engine.unreachable" });
});

test("large owners stand in the extended header", async () => {
  const pack = tar.pack();
  pack.entry({ name: "a", pax: { uid: "3000000", gid: "4000000" } }, "x");
  pack.finalize();
  expect(
    await findEntry(
      filesOf(() => pack as unknown as Readable),
      "/a",
    ),
  ).toMatchObject({ uid: 3_000_000, gid: 4_000_000 });
});

describe("what the daemon says of a path", () => {
  test.each([
    [404, "Could not find the file /a in container 1", "absent"],
    [500, "lstat /var/lib/docker/overlay2/1/merged/bar/x: not a directory", "absent"],
    [500, "lstat /var/lib/docker/overlay2/1/merged/xxx: file name too long", "absent"],
    [500, "evalSymlinksInScope: too many links in /var/lib/docker/overlay2/1/merged/loop", "link"],
  ])("%d %s: %s", async (statusCode, message, kind) => {
    const files = filesOf(() => ({ statusCode, message }));
    expect(await findEntry(files, "/a")).toBeUndefined();
    expect(await readContent(files, "/a", 1)).toEqual({ kind });
    expect(await readDirectories(files, "/a")).toBeUndefined();
  });

  test("everything else is a failure of the engine", async () => {
    const files = filesOf(() => ({ statusCode: 500, message: "lstat /a: input/output error" }));
    await expect(findEntry(files, "/a")).rejects.toMatchObject({ code: "engine.refused" });
  });
});
