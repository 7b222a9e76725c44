import { createServer } from "node:http";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import type Docker from "dockerode";
import { dockerEngine } from "../../src/engines/docker/docker-engine.ts";
import { removeContainer } from "../../src/engines/docker/step-containers.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

type Removal = "removed" | "in progress" | "broken";

const never = new AbortController().signal;
const image = `sha256:${"a".repeat(64)}`;

/** A stand-in engine on which each removal of a container ends as told, and which then lets nobody have a container: `run` has an outcome all the same. */
async function withEngine(removals: readonly Removal[], use: (engine: ReturnType<typeof dockerEngine>) => Promise<void>): Promise<void> {
  await using scratch = await scratchDirectory();
  const socket = join(scratch.path, "d.sock");
  const left = [...removals];
  let isNameTaken = false;
  const server = createServer((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (path === "/version") return answer(200, { ApiVersion: "1.41", Os: "linux", Arch: "amd64" });
    if (path.startsWith("/images/")) return answer(200, { Id: image, RepoTags: [], RepoDigests: [] });
    if (path.endsWith("/wait")) {
      isNameTaken = false;
      return answer(200, { StatusCode: 0 });
    }
    if (path === "/containers/create") {
      return isNameTaken ? answer(409, { message: "the name is already in use" }) : answer(400, { message: "no command specified" });
    }
    const removal = left.shift();
    isNameTaken = removal !== "removed";
    if (removal === "in progress") return answer(409, { message: "removal of container x is already in progress" });
    return removal === "removed" ? response.writeHead(204).end() : answer(500, { message: "device or resource busy" });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const engine = dockerEngine({ host: `unix://${socket}`, installation: "slow", stateDirectory: scratch.path, slots: 1 });
  try {
    await use(engine);
    expect(left).toEqual([]);
  } finally {
    await engine.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const limits = { timeoutMs: 60_000, memoryBytes: 2 ** 26, processes: 64 };
const request = { platform: "linux/amd64", image, env: {}, limits } as const;
const notStarted = { outcome: "not-started", message: "no command specified" };

test("a container that can't be removed at the end is left to clean-up, and the outcome counts", async () => {
  await withEngine(["removed", "broken"], async (engine) => {
    expect(await engine.run("key", { ...request, command: ["x"] }, () => true, never)).toEqual(notStarted);
  });
  await withEngine(["removed", "broken"], async (engine) => {
    expect(await engine.open("key", request, () => true, never)).toEqual(notStarted);
  });
});

test("a container of the same name that is being removed is waited for", async () => {
  await withEngine(["in progress", "removed"], async (engine) => {
    expect(await engine.run("key", { ...request, command: ["x"] }, () => true, never)).toEqual(notStarted);
  });
});

test("millions of files take minutes to remove, and that is no engine that does not answer", async () => {
  jest.useFakeTimers();
  try {
    const removal = Promise.withResolvers<void>();
    const docker = { getContainer: () => ({ remove: () => removal.promise }) } as unknown as Docker;
    const removing = removeContainer(docker, "/run/docker.sock", "x");
    jest.advanceTimersByTime(5 * 60_000);
    removal.resolve();
    expect(await removing).toBe(true);
  } finally {
    jest.useRealTimers();
  }
});
