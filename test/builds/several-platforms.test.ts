import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Digest } from "../../src/domain/digest.ts";
import { Crash } from "../support/memory-journal.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, goodFiles, request } from "./build-world.ts";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

const states = () => Object.fromEntries([...world.statuses.values()].map((one) => [one.name, one.state]));
const tag = (name: string) => world.registry.manifests.get(`f42/hello ${name}`)?.digest;

test("two platforms become one list with two images, each signed under every name that leads to it", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  expect(await world.run("run-1")).toBeUndefined();
  const record = world.records.get("run-1");
  const index = world.registry.manifests.get(`f42/hello ${record?.digest}`);
  const list = JSON.parse(Buffer.from(index?.bytes ?? []).toString());
  const digests = record?.images.map((one) => one.digest as Digest) ?? [];
  expect(new Set(digests).size).toBe(2);
  expect(list.manifests).toEqual([
    expect.objectContaining({ digest: digests[0], platform: { os: "linux", architecture: "amd64" } }),
    expect.objectContaining({ digest: digests[1], platform: { os: "linux", architecture: "arm64" } }),
  ]);
  for (const name of ["1-1", "1", "latest", record?.plan?.uniqueTag]) {
    const signed = world.signer.signed.filter((one) => one.publicName === `candidate.example/f42/hello:${name}`);
    expect(signed.map((one) => one.digest).toSorted()).toEqual([record?.digest, ...digests].toSorted());
  }
  expect(world.built.map((text) => /"architecture"="(\w+)"/.exec(text)?.[1]).toSorted()).toEqual(["aarch64", "x86_64"]);
  expect(states()).toEqual({
    "flibs / lint": "success",
    "flibs / build (linux/amd64)": "success",
    "flibs / build (linux/arm64)": "success",
    "flibs / test: smoke": "success",
    "flibs / promotion": "success",
  });
  expect(record?.tests.map((one) => [one.suite, one.platform, one.digest])).toEqual([
    ["smoke", "linux/amd64", digests[0]],
    ["smoke", "linux/arm64", digests[1]],
  ]);
});

test("signatures are begun once every platform is there, and those that are begun are those that are asked for", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  expect(await world.run("run-1")).toBeUndefined();
  const names = (all: readonly { readonly digest: string; readonly publicName: string }[]) =>
    all.map((one) => `${one.publicName} ${one.digest}`).toSorted();
  expect(names(world.prepared)).toEqual(names(world.signer.signed));
  expect(world.prepared).toHaveLength(14);
  const own = world.effects.findIndex((one) => one.startsWith("sign "));
  expect(world.effects.lastIndexOf("prepare")).toBeLessThan(own);
});

test("one platform that fails fails the whole build: no list, no tag, no NVR, and the other one says why", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  world.outcome = (platform) =>
    platform === "linux/arm64"
      ? { outcome: "failed", message: "RUN make returned 2" }
      : { outcome: "built", imageId: `sha256:${"1".repeat(64)}` };
  // The other one is through before this one fails.
  world.hold = async (platform) => {
    while (platform === "linux/arm64" && world.records.get("run-1")?.images.length !== 1) await setImmediate();
  };
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.build-failed",
    message: "building for linux/arm64 failed: RUN make returned 2",
  });
  expect(world.registry.manifests.has("f42/hello 1-1")).toBe(false);
  expect(world.prepared).toEqual([]);
  expect(world.signer.signed).toEqual([]);
  expect(states()).toEqual({
    "flibs / lint": "success",
    "flibs / build (linux/amd64)": "cancelled",
    "flibs / build (linux/arm64)": "failure",
    "flibs / test: smoke": "cancelled",
    "flibs / promotion": "cancelled",
  });
  expect(world.statuses.get("flibs / build (linux/amd64)")?.title).toBe("Built, but another platform failed");
  world.outcome = undefined;
  world.hold = undefined;
  expect(await world.run("run-2")).toBeUndefined();
  expect(world.records.get("run-2")?.nvr?.release).toBe("1");
});

test("the other platform's build is cancelled when one has failed, and each is told as it was", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  const cancelled = Promise.withResolvers<string>();
  world.hold = async (platform, signal) => {
    if (platform !== "linux/amd64") return;
    // The other one may have failed before this one began.
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    cancelled.resolve((signal.reason as Error).message);
  };
  world.outcome = (platform) => (platform === "linux/arm64" ? { outcome: "failed", message: "RUN make returned 2" } : undefined);
  expect(await world.run("run-1")).toMatchObject({ message: "building for linux/arm64 failed: RUN make returned 2" });
  expect(await cancelled.promise).toBe("cancelled, since linux/arm64 failed");
  expect(states()).toMatchObject({ "flibs / build (linux/amd64)": "cancelled", "flibs / build (linux/arm64)": "failure" });
  expect(world.statuses.get("flibs / build (linux/amd64)")?.title).toBe("Cancelled, since linux/arm64 failed");
  expect(world.log("run-1", "linux/amd64")).toContain("cancelled, since linux/arm64 failed");
});

test("an image has the same packages on all platforms; what differs is told, and nothing is released", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  world.rpms = (platform) => [{ name: "bash", version: "5.2", release: platform === "linux/arm64" ? "2" : "1" }];
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.components-differ",
    message: "Failed component comparison for components: bash",
  });
  expect(world.log("run-1", "compare platforms")).toBe(
    "Comparison mismatch for component rpm bash:\n  x86_64: 5.2-1 unsigned\n  aarch64: 5.2-2 unsigned\n",
  );
  expect(tag("1-1")).toBeUndefined();
  expect(world.records.get("run-1")).toMatchObject({ state: "failed" });
  expect(await world.run("run-2", { ...request, scratch: true })).toBeUndefined();
  world.mayDiffer = ["bash"];
  expect(await world.run("run-3")).toBeUndefined();
});

test("what the engines cannot build is refused with its line before anything is built", async () => {
  world.files = { ...goodFiles, Dockerfile: `${goodFiles.Dockerfile}RUN --mount=type=cache,target=/c true\n` };
  const line = String(goodFiles.Dockerfile).split("\n").length;
  expect(await world.run("run-1")).toMatchObject({
    code: "distgit.dockerfile-unsupported",
    message: "RUN --mount needs BuildKit, and images are built by the classic builder",
    line,
  });
  expect(world.built).toEqual([]);
  world.dialect = { builder: "buildkit", features: ["run-mount"] };
  expect(await world.run("run-2")).toBeUndefined();
});

test("an image that is larger than allowed is not released, and the limit is named", async () => {
  world.imageBytes = 0;
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.image-too-large",
    kind: "input",
    message: "the image for linux/amd64 has 1 bytes, more than the 0 MiB allowed",
    hint: "Remove caches and build tools in the RUN that makes them, or use a second stage; operators can raise limits.image",
  });
  expect(tag("1-1")).toBeUndefined();
});

test("a build stays with the engine that it was begun on", async () => {
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "build linux/amd64") throw new Crash(step);
  };
  expect(await world.run("run-1")).toBeInstanceOf(Crash);
  expect(run.journal.get("engine linux/amd64")?.result).toBe("fake");
  run.before = () => {};
  expect(await world.run("run-1")).toBeUndefined();
});

test("a platform that the parent does not have is told before anything is built", async () => {
  world.platforms = ["linux/amd64", "linux/s390x"];
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.parent-platform",
    message: "FROM registry.fedoraproject.org/fedora:42 is not there for linux/s390x; it has linux/amd64, linux/arm64",
    hint: "Use another base image, or exclude s390x in container.yaml",
    line: 1,
  });
  world.files = { ...goodFiles, "container.yaml": "platforms: {not: s390x}\n" };
  expect(await world.run("run-2")).toBeUndefined();
  expect(world.records.get("run-2")?.plan?.platforms).toEqual(["linux/amd64"]);
});

test("a crash between two platforms builds only the missing one again", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step.endsWith("linux/arm64")) throw new Crash(step);
  };
  expect(await world.run("run-1")).toBeInstanceOf(Crash);
  expect(world.built).toHaveLength(1);
  run.before = () => {};
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.built).toHaveLength(2);
  expect(world.records.get("run-1")?.images).toHaveLength(2);
});

test("a build that was overtaken keeps its own tag and leaves the moving ones to the newer one", async () => {
  const old = world.journal.runOf("run-1");
  old.before = (step) => {
    if (step === "tag candidate") throw new Crash(step);
  };
  expect(await world.run("run-1")).toBeInstanceOf(Crash);
  expect(await world.run("run-2")).toBeUndefined();
  const newer = world.records.get("run-2")?.digest;
  expect([tag("latest"), tag("1"), tag("1-2")]).toEqual([newer, newer, newer]);

  old.before = () => {};
  expect(await world.run("run-1")).toBeUndefined();
  expect(old.journal.get("tag candidate")?.result).toBe(false);
  expect([tag("latest"), tag("1")]).toEqual([newer, newer]);
  expect(tag("1-1")).toBe(world.records.get("run-1")?.digest);
  // The tests and the proposal are about the digest; the promotion room decides what is newer.
  expect(world.promoted).toEqual(["run-2", "run-1"]);
});

test("a newer build of another branch overtakes nothing", async () => {
  const old = world.journal.runOf("run-1");
  old.before = (step) => {
    if (step === "tag candidate") throw new Crash(step);
  };
  await world.run("run-1");
  await world.run("run-2", { ...request, branch: "f43" });
  old.before = () => {};
  await world.run("run-1");
  expect(old.journal.get("tag candidate")?.result).toBe(true);
  expect(tag("latest")).toBe(world.records.get("run-1")?.digest);
});

test.each([
  ["cancelled", "cancelled by alice", "Cancelled by alice"],
  ["cancelled", "pull request #3 was closed", "Cancelled: pull request #3 was closed"],
  ["cancelled", "superseded by commit 0123456789ab", "Superseded by commit 0123456789ab"],
  ["superseded", "superseded by 20261123-v0r7k2q", "Superseded by a newer run"],
  ["superseded", "pull request #3 has a newer commit", "Superseded: pull request #3 has a newer commit"],
] as const)("a build that is %s (%s) while it is built says so, frees its NVR and leaves nothing behind", async (status, reason, title) => {
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "build linux/amd64") run.controller.abort();
  };
  expect(await world.run("run-1", request, () => ({ status, reason }))).toMatchObject({ code: "workflow.cancelled" });
  expect(states()).toEqual({
    "flibs / lint": "success",
    "flibs / build (linux/amd64)": "cancelled",
    "flibs / test: smoke": "cancelled",
    "flibs / promotion": "cancelled",
  });
  expect(world.statuses.get("flibs / build (linux/amd64)")?.title).toBe(title);
  expect(world.records.get("run-1")?.state).toBe("cancelled");
  expect(world.promoted).toEqual([]);
  expect(await world.run("run-2")).toBeUndefined();
  expect(world.records.get("run-2")?.nvr?.release).toBe("1");
});

test("a build that is cancelled during its tests stays a candidate and is not promoted", async () => {
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step.startsWith("test smoke")) run.controller.abort();
  };
  await world.run("run-1", request, () => ({ status: "cancelled", reason: "cancelled by alice" }));
  expect(world.records.get("run-1")?.state).toBe("complete");
  expect(states()).toEqual({
    "flibs / lint": "success",
    "flibs / build (linux/amd64)": "success",
    "flibs / test: smoke": "cancelled",
    "flibs / promotion": "cancelled",
  });
  expect(world.promoted).toEqual([]);
  await world.run("run-2");
  expect(world.records.get("run-2")?.nvr?.release).toBe("2");
});

test("a build that is cancelled before it is planned has only its lint status to say", async () => {
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "plan") throw new DOMException("cancelled", "AbortError");
  };
  await world.run("run-1", request, () => ({ status: "cancelled", reason: "cancelled by alice" }));
  expect(states()).toEqual({ "flibs / lint": "cancelled" });
  expect(world.records.get("run-1")?.state).toBe("cancelled");
});
