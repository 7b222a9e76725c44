import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { limitCall } from "../../src/engines/call-limits.ts";
import { diskWatch } from "../../src/engines/docker/disk-watch.ts";
import { dockerClient } from "../../src/engines/docker/docker-client.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

type Answer = (path: string, response: ServerResponse) => void;

/** What ends a call that may write 50 bytes, and its log, on a stand-in engine; undefined when `until` comes first. */
async function endOf(answer: Answer, until: Promise<unknown> = new Promise(() => {})): Promise<{ ended: string | undefined; log: string }> {
  await using scratch = await scratchDirectory();
  const socket = join(scratch.path, "d.sock");
  const server = createServer((request, response) => answer((request.url ?? "").split("?")[0] ?? "", response));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const { docker, close } = await dockerClient(`unix://${socket}`);
  let log = "";
  const write = (text: string) => {
    log += text;
    return true;
  };
  using limits = limitCall(write, new AbortController().signal, 60_000);
  const stopped = new Promise<void>((resolve) => limits.signal.addEventListener("abort", () => resolve()));
  try {
    using disk = diskWatch(docker, limits, 50, [], { everyMs: 1, longestLookMs: 50 });
    disk.follow("x");
    await Promise.race([stopped, until]);
    return { ended: limits.ended(), log };
  } finally {
    close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const json = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
const State = { Status: "running" };
const Mounts = [{ Type: "volume", Name: "v" }];
const cannotTell = "flibs: the engine can't tell how much was written on its disk (very many files, or paths of more than 4096 bytes)\n";

test("what a container wrote counts also while the engine does not tell the sizes of volumes", async () => {
  const answer: Answer = (path, response) =>
    path === "/system/df"
      ? json(response, 500, { message: "a disk usage operation is already running" })
      : json(response, 200, { State, SizeRw: 100, Mounts });
  expect(await endOf(answer)).toEqual({ ended: "disk-limit", log: "" });
});

test("a size that the engine can't tell twice in a row ends the call, which says so", async () => {
  expect(await endOf((_, response) => json(response, 200, { State, SizeRw: -1 }))).toEqual({ ended: "disk-limit", log: cannotTell });
});

test("so does one that takes too long, but not when the engine does not answer at all", async () => {
  const ping = (path: string, response: ServerResponse) => path === "/_ping" && response.end("OK");
  expect(await endOf(ping)).toEqual({ ended: "disk-limit", log: cannotTell });
  const manyLooks = Promise.withResolvers<void>();
  let looks = 0;
  const silent: Answer = (path) => path !== "/_ping" && ++looks > 5 && manyLooks.resolve();
  expect(await endOf(silent, manyLooks.promise)).toEqual({ ended: undefined, log: "" });
});

test("a container that is being removed has nothing that could be told", async () => {
  const looked = Promise.withResolvers<void>();
  const answer: Answer = (_, response) => {
    json(response, 200, { State: { Status: "removing" }, SizeRw: -1 });
    response.on("finish", () => setImmediate(looked.resolve));
  };
  expect((await endOf(answer, looked.promise)).ended).toBeUndefined();
});
