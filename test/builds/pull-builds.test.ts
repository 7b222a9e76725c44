import { lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { BuildRequested } from "../../src/builds/build-record.ts";
import { choosePlatforms } from "../../src/builds/platforms.ts";
import { directoryWorkspaces } from "../../src/builds/workspace/directory-workspaces.ts";
import { appError } from "../../src/domain/errors.ts";
import { requestBuild, requestPullBuild } from "../../src/intake/requests.ts";
import { killedEverywhere } from "../support/killed-everywhere.ts";
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
const base = "b".repeat(40);
const stranger: BuildRequested = { ...request, scratch: true, pull: 3, requestedBy: "mallory", stranger: { base } };

test.each([
  [["x86_64"], ["linux/amd64"]],
  [["amd64"], ["linux/amd64"]],
  [
    ["linux/amd64", "aarch64"],
    ["linux/amd64", "linux/arm64"],
  ],
  [[], ["linux/amd64", "linux/arm64"]],
])("asked for %j of two platforms, %j are built", async (architectures, platforms) => {
  world.platforms = ["linux/arm64", "linux/amd64"];
  expect(await world.run("run-1", { ...request, scratch: true, architectures })).toBeUndefined();
  expect(world.records.get("run-1")?.plan?.platforms).toEqual(platforms);
});

test.each(["s390x", "x86-64"])("asked for %s, which is not there, a build says what there is", async (name) => {
  world.platforms = ["linux/amd64", "linux/arm64", "linux/ppc64le"];
  world.files = { ...goodFiles, "container.yaml": "platforms: {not: aarch64}\n" };
  expect(await world.run("run-1", { ...request, scratch: true, architectures: ["amd64", name] })).toMatchObject({
    code: "builds.architecture-unknown",
    kind: "input",
    message: `"${name}" is not built here; there is x86_64, aarch64, ppc64le`,
    hint: "Name one or more of these, or none for all of them",
  });
  expect(world.built).toEqual([]);
  expect(world.statuses.get("flibs / lint")?.title).toBe(`"${name}" is not built here; there is x86_64, aarch64, ppc64le`);
});

test("what a scratch or isolated build is asked for takes the place of container.yaml's and the target's list", () => {
  const served = ["linux/amd64", "linux/arm64", "linux/s390x"] as const;
  expect(choosePlatforms(served, { only: ["x86_64"], not: ["s390x"] }, ["s390x", "aarch64"], ["x86_64"])).toEqual([
    "linux/arm64",
    "linux/s390x",
  ]);
  expect(choosePlatforms(served, { not: ["s390x"] }, [], ["x86_64", "s390x"])).toEqual(["linux/amd64"]);
  expect(() => choosePlatforms(served, { only: ["x86_64"], not: [] }, [], ["s390x"])).toThrow(
    expect.objectContaining({
      message: "no platform is left to build for; the engine serves linux/amd64, linux/arm64, linux/s390x",
      hint: "Correct platforms.only and platforms.not; the build's target has s390x",
    }),
  );
});

test("an empty choice of platforms is told before an unknown architecture", () => {
  expect(() => choosePlatforms([], { not: [] }, ["x86_64"])).toThrow("no platform is left to build for; the engine serves none");
});

test.each([
  [{ architectures: ["x86_64"] }, "only a scratch or isolated build may be made for some architectures"],
  [{ stranger: { base } }, "a pull request of somebody who may not write here is built as a scratch build only"],
])("an official build with %j is refused before anything is read", async (more, message) => {
  expect(await world.run("run-1", { ...request, ...more })).toMatchObject({ code: "builds.scratch-only", message });
  expect(world.contexts).toEqual([]);
  expect(states()).toEqual({ "flibs / lint": "failure" });
});

test("whether a pull request may be built is asked first, when its run begins", async () => {
  const asked: BuildRequested[] = [];
  world.authorize = async (one) => void asked.push(one);
  await world.run("run-1", { ...request, scratch: true, pull: 3 });
  await world.run("run-2");
  expect(asked).toMatchObject([{ pull: 3 }]);
  expect(world.journal.runOf("run-1").journal.has("authorize")).toBe(true);
  expect(world.journal.runOf("run-2").journal.has("authorize")).toBe(false);
});

test("who may not have it built is told, and nothing is read", async () => {
  world.authorize = async () => {
    throw appError("forge.denied", "mallory may not have this built; people who may write to containers/hello may");
  };
  expect(await world.run("run-1", { ...request, scratch: true, pull: 3 })).toMatchObject({ code: "forge.denied" });
  expect(world.contexts).toEqual([]);
  expect(world.records.get("run-1")?.state).toBe("failed");
  expect(world.statuses.get("flibs / lint")).toMatchObject({
    state: "failure",
    title: "mallory may not have this built; people who may write to containers/hello may",
  });
});

test("a pull request that has moved on in the meantime is not built", async () => {
  world.authorize = async () => {
    throw appError("builds.pull-moved", "pull request #3 has a newer commit");
  };
  const ended = () => ({ status: "superseded", reason: "pull request #3 has a newer commit" }) as const;
  await world.run("run-1", { ...request, scratch: true, pull: 3 }, ended);
  expect(world.statuses.get("flibs / lint")).toMatchObject({ state: "cancelled", title: "Superseded: pull request #3 has a newer commit" });
  expect(world.built).toEqual([]);
});

test("a stranger's image goes where nothing else reads, unsigned, with one tag, without NVR or promotion", async () => {
  expect(await world.run("run-1", stranger)).toBeUndefined();
  const record = world.records.get("run-1");
  expect(record).toMatchObject({ state: "complete", plan: { imageRepository: "untrusted/f42/hello", floatingTags: [] } });
  expect([record?.nvr, record?.plan?.primaryTag, record?.promotion]).toEqual([undefined, undefined, undefined]);
  expect([...world.registry.manifests.keys()].filter((key) => !key.startsWith("untrusted/f42/hello "))).toEqual([]);
  expect(world.prepared).toEqual([]);
  expect(world.signer.signed).toEqual([]);
  expect(world.promoted).toEqual([]);
  expect(world.effects.filter((one) => one.startsWith("put ") && !one.includes("sha256:"))).toEqual([`put ${record?.plan?.uniqueTag}`]);
});

test("a stranger's container.yaml and tests are the base branch's for flibs and the tests, the build context is as it was pushed", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  world.files = {
    ...goodFiles,
    "container.yaml": "platforms: {only: aarch64}\n",
    "tests/commands.yaml": "easy:\n  commands:\n    - {name: a, run: [/bin/true]}\n",
    "tests/helper": "theirs",
    "src.txt": "new",
  };
  world.filesOf = {
    [base]: {
      ...goodFiles,
      Dockerfile: "FROM nonsense\n",
      "container.yaml": "platforms: {only: x86_64}\n",
      "tests/ours": "ours",
      "src.txt": "old",
    },
  };
  expect(await world.run("run-1", stranger)).toBeUndefined();
  expect(world.records.get("run-1")?.plan).toMatchObject({ platforms: ["linux/amd64"], suites: [{ name: "smoke" }] });
  expect(world.contexts).toMatchObject([{ "tests/helper": "theirs", "container.yaml": "platforms: {only: aarch64}\n", "src.txt": "new" }]);
  expect(Object.keys(world.testTrees[0] ?? {})).toEqual(["Dockerfile", "container.yaml", "src.txt", "tests/commands.yaml", "tests/ours"]);
  expect(world.testTrees[0]).toMatchObject({ "src.txt": "old", "container.yaml": "platforms: {only: x86_64}\n" });
  expect(world.statuses.get("flibs / lint")?.summary).toContain(
    "`container.yaml` and `tests/` are read from the base branch (`bbbbbbbbbbbb`): the author of this pull request may not write here.",
  );
});

test("a stranger's build that is killed before and after each step comes to the same end", async () => {
  const { points, outcome } = await killedEverywhere(world.journal, world.flow, "run-1", stranger);
  expect(outcome).toBeUndefined();
  expect(points).toEqual(expect.arrayContaining(["before authorize", "after lint", "after tag unique", "after final status"]));
  expect(points.filter((point) => point.includes("sign") || point.includes("promot"))).toEqual([]);
  expect(Object.values(states())).toEqual(["success", "success", "success"]);
  expect([...world.registry.manifests.keys()].filter((key) => !key.startsWith("untrusted/"))).toEqual([]);
});

test("what the base branch does not have, a stranger's pull request can't bring along", async () => {
  world.files = { ...goodFiles, "container.yaml": "tags: [x]\n" };
  world.filesOf = { [base]: { Dockerfile: goodFiles.Dockerfile ?? "" } };
  expect(await world.run("run-1", stranger)).toBeUndefined();
  expect(world.records.get("run-1")?.plan?.suites).toEqual([]);
  expect(world.contexts[0]).toHaveProperty(["tests/commands.yaml"]);
});

test("tests of a stranger's pull request get the base branch's tree and nothing of the pull request, be it anywhere", async () => {
  const own = { "main.fmf": "environment: {PATH: /mine}\n", "ci/check.sh": "exit 0\n", "tests/more": "mine" };
  const theirs = { ...goodFiles, "ci/check.sh": "exit 1\n" };
  world.files = { ...goodFiles, ...own };
  world.filesOf = { [base]: theirs };
  expect(await world.run("run-1", stranger)).toBeUndefined();
  expect(world.testTrees).toEqual([theirs]);
  expect(world.contexts[0]).toMatchObject(own);
});

test("tests that are a link out of the repository are found though flibs does not read them", async () => {
  world.files = { Dockerfile: goodFiles.Dockerfile ?? "", "tests/secret": { link: "../../../../etc/shadow" } };
  world.filesOf = { [base]: goodFiles };
  expect(await world.run("run-1", stranger)).toMatchObject({ code: "distgit.link-outside", file: "tests/secret" });
});

test("a stranger's build takes no name, and may not use one that is taken", async () => {
  await world.run("run-1", stranger);
  expect(await world.run("run-2", { ...request, repository: "containers/other" })).toBeUndefined();
  expect(await world.run("run-3", stranger)).toMatchObject({ code: "builds.name-taken" });
});

test("no label may name the place of strangers' images", async () => {
  world.files = { Dockerfile: goodFiles.Dockerfile?.replace("f42/hello", "untrusted/f42/hello") ?? "" };
  expect(await world.run("run-1")).toMatchObject({
    code: "distgit.label-invalid",
    message: 'label "name" is "untrusted/f42/hello"; untrusted/ is for images of pull requests that nobody vouches for',
  });
});

test("a name that leaves no room for untrusted/ is refused", async () => {
  world.files = { Dockerfile: goodFiles.Dockerfile?.replace("f42/hello", "a".repeat(250)) ?? "" };
  expect(await world.run("run-1", stranger)).toMatchObject({ code: "distgit.label-invalid", hint: "Use at most 245 characters" });
});

test("a killed overlay is made again, whole", async () => {
  const workspaces = directoryWorkspaces(scratch.path);
  const tree = await workspaces.ensureTree("run-9", async (directory) => {
    await mkdir(join(directory, "tests"), { recursive: true });
    await symlink("/etc/passwd", join(directory, "container.yaml"));
    await writeFile(join(directory, "tests", "a"), "a");
  });
  const write = async (directory: string) => {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "container.yaml"), "ours");
  };
  const broken = async (directory: string) => {
    await write(directory);
    throw new Error("killed");
  };
  await expect(workspaces.ensureOverlay("run-9", ["container.yaml", "tests"], broken)).rejects.toThrow("killed");
  const overlay = await workspaces.ensureOverlay("run-9", ["container.yaml", "tests"], write);
  expect((await lstat(join(overlay, "container.yaml"))).isFile()).toBe(true);
  await expect(lstat(join(overlay, "tests"))).rejects.toThrow("ENOENT");
  expect((await lstat(join(tree, "container.yaml"))).isSymbolicLink()).toBe(true);
  expect(await workspaces.ensureOverlay("run-9", ["container.yaml"], broken)).toBe(overlay);
  await expect(workspaces.ensureOverlay("run-8", ["../x"], write)).rejects.toThrow();
});

test("builds of one pull request are one subject, of which a newer one supersedes the older", () => {
  const asked = { ...request, scratch: true, pull: 3 };
  const made = requestPullBuild(asked, "comment 1");
  expect(made).toEqual({ flow: "build", subject: "build containers/hello #3", intent: asked, key: "comment 1", whenBusy: "supersede" });
});

test("a merge queue's commit is a scratch build of its own, on the base branch", async () => {
  const asked = { ...request, scratch: true, commit: "d".repeat(40), requestedBy: "merge queue" };
  expect(requestBuild(asked, "queue d").subject).toBe(`build containers/hello f42 scratch ${"d".repeat(40)}`);
  expect(await world.run("run-1", asked)).toBeUndefined();
  expect(states()).toEqual({ "flibs / lint": "success", "flibs / build (linux/amd64)": "success", "flibs / test: smoke": "success" });
});
