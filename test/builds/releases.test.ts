import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { Crash } from "../support/memory-journal.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { addParent, buildWorld, goodFiles, request } from "./build-world.ts";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

const record = (id: string) => world.records.get(id);
const states = () => Object.fromEntries([...world.statuses.values()].map((one) => [one.name, one.state]));
/** Tags that were written, in order. */
const written = () => world.effects.filter((one) => one.startsWith("put ") && !one.includes("sha256:")).map((one) => one.slice(4));
const target = { name: "f42-container-candidate", branches: ["f42"], destinationTag: "f42-updates-candidate", locked: false };

describe("an isolated build", () => {
  const isolated = { ...request, isolated: true, release: "1.1" };

  test("has the release that was asked for, its own two tags and no others, and is not proposed by itself", async () => {
    await world.run("run-1");
    world.effects.length = 0;
    world.promoted.length = 0;
    world.statuses.clear();
    expect(await world.run("run-2", isolated)).toBeUndefined();
    expect(record("run-2")).toMatchObject({ state: "complete", nvr: { release: "1.1" }, plan: { primaryTag: "1-1.1", floatingTags: [] } });
    expect(written()).toEqual([record("run-2")?.plan?.uniqueTag, "1-1.1"]);
    expect(world.promoted).toEqual([]);
    expect(states()).toEqual({ "flibs / lint": "success", "flibs / build (linux/amd64)": "success", "flibs / test: smoke": "success" });
  });

  test("wins over the release label, and does not hold up the line after it", async () => {
    world.files = { ...goodFiles, Dockerfile: `${goodFiles.Dockerfile?.trimEnd()} release=7\n` };
    expect(await world.run("run-1", isolated)).toBeUndefined();
    expect(world.built[0]).toContain('"release"="1.1"');
    world.files = goodFiles;
    expect(await world.run("run-2")).toBeUndefined();
    expect(record("run-2")?.nvr?.release).toBe("2");
  });

  test("that is newer keeps no older build of the branch from its floating tags", async () => {
    const run = world.journal.runOf("run-1");
    run.before = (step) => {
      if (step === "tag candidate") throw new Crash(step);
    };
    expect(await world.run("run-1")).toBeInstanceOf(Crash);
    expect(await world.run("run-2", isolated)).toBeUndefined();
    run.before = () => {};
    expect(await world.run("run-1")).toBeUndefined();
    expect(written().slice(-2)).toEqual(["1", "latest"]);
  });

  test("may be made for some architectures", async () => {
    world.platforms = ["linux/amd64", "linux/arm64"];
    expect(await world.run("run-1", { ...isolated, architectures: ["aarch64"] })).toBeUndefined();
    expect(record("run-1")?.plan?.platforms).toEqual(["linux/arm64"]);
  });
});

describe("a release that was given", () => {
  test("is refused when it is there, and free again after a failure", async () => {
    world.outcome = { outcome: "failed", message: "RUN false returned 1" };
    await world.run("run-1", { ...request, release: "5" });
    expect(record("run-1")).toMatchObject({ state: "failed", nvr: { release: "5" } });
    world.outcome = undefined;
    expect(await world.run("run-2", { ...request, release: "5" })).toBeUndefined();
    expect(await world.run("run-3", { ...request, release: "5" })).toMatchObject({
      code: "builds.nvr-exists",
      message: "build already exists in Koji: hello-container-1-5 (run-2)",
    });
    expect(record("run-3")).not.toHaveProperty("nvr");
    expect(await world.run("run-4")).toBeUndefined();
    expect(record("run-4")?.nvr?.release).toBe("6");
  });
});

describe("a scratch build", () => {
  test("has its run's name for a release, and no NVR", async () => {
    expect(await world.run("20261126-abc", { ...request, scratch: true })).toBeUndefined();
    expect(record("20261126-abc")).not.toHaveProperty("nvr");
    expect(record("20261126-abc")?.plan?.labels.release).toBe("0.20261126.abc");
    expect(written()).toEqual([record("20261126-abc")?.plan?.uniqueTag]);
  });
  test("shows the release that was given, without taking it", async () => {
    await world.run("run-1");
    expect(await world.run("run-2", { ...request, scratch: true, release: "1" })).toBeUndefined();
    expect(record("run-2")?.plan?.labels.release).toBe("1");
    expect(record("run-2")).not.toHaveProperty("nvr");
  });
});

describe("floating tags", () => {
  test("never move the release of another build, also one that container.yaml names", async () => {
    await world.run("run-1");
    world.files = { ...goodFiles, "container.yaml": "tags: [latest, 1-1]\n" };
    expect(await world.run("run-2")).toMatchObject({
      code: "builds.tag-invalid",
      message: 'tag "1-1" is the release of another build and never moves',
      hint: "Choose another tag, or remove it",
      file: "container.yaml",
    });
    expect(record("run-2")?.state).toBe("failed");
    world.files = goodFiles;
    await world.run("run-3");
    expect(record("run-3")?.nvr?.release).toBe("2");
  });
  test("are written after the record", async () => {
    await world.run("run-1");
    const steps = world.journal.runOf("run-1").carriedOut;
    expect(steps.indexOf("record")).toBeLessThan(steps.indexOf("tag candidate"));
    const between = steps.slice(steps.indexOf("push index"), steps.indexOf("record") + 1);
    expect(between).toEqual(["push index", "describe", "sign candidate", "attest", "tag unique", "record"]);
  });
});

test("two components of one repository that share an image never share a tag", async () => {
  await world.run("run-1");
  world.files = { ...goodFiles, Dockerfile: goodFiles.Dockerfile?.replace("hello-container", "other-container") ?? "" };
  await world.run("run-2");
  expect([record("run-1"), record("run-2")].map((one) => one?.plan?.primaryTag)).toEqual(["1-1", "1-2"]);
});

describe("tags that never move", () => {
  test("stay where they are when they name another image, and nothing is signed for them", async () => {
    const other = addParent(world.registry, "f42/hello", "1-1", ["linux/amd64"]);
    expect(await world.run("run-1")).toMatchObject({
      code: "builds.tag-exists",
      message: `f42/hello:1-1 never moves, and names another image already: ${other.digest}`,
      hint: "Build with another version or release; operators can remove the tag when no complete build has that image",
    });
    expect(world.signer.signed).toEqual([]);
    expect(written()).toEqual([]);
    expect((await world.registry.findManifest("f42/hello", "1-1"))?.digest).toBe(other.digest);
    expect(record("run-1")?.state).toBe("failed");
  });

  test("stay also when another image came while this one was signed", async () => {
    const run = world.journal.runOf("run-1");
    run.before = (step) => {
      if (step === "tag unique") addParent(world.registry, "f42/hello", "1-1", ["linux/arm64"]);
    };
    expect(await world.run("run-1")).toMatchObject({ code: "builds.tag-exists" });
    expect(written()).toEqual([]);
  });

  test("are written again when a crash hid that they were", async () => {
    const run = world.journal.runOf("run-1");
    run.after = (step) => {
      if (step === "tag unique") throw new Crash(step);
    };
    expect(await world.run("run-1")).toBeInstanceOf(Crash);
    run.after = () => {};
    expect(await world.run("run-1")).toBeUndefined();
  });

  test("of a build that ended behind them are not taken by the next one", async () => {
    const run = world.journal.runOf("run-1");
    run.before = (step) => {
      if (step === "record") throw appError("builds.request-invalid", "ended here");
    };
    expect(await world.run("run-1")).toMatchObject({ code: "builds.request-invalid" });
    const first = await world.registry.findManifest("f42/hello", "1-1");
    expect(first).toBeDefined();
    world.files = { ...goodFiles, Dockerfile: `${goodFiles.Dockerfile}RUN other\n` };
    expect(await world.run("run-2")).toMatchObject({ code: "builds.tag-exists" });
    expect(await world.registry.findManifest("f42/hello", "1-1")).toEqual(first);
    world.files = { ...goodFiles, Dockerfile: `${goodFiles.Dockerfile?.trimEnd()} release=2\n` };
    expect(await world.run("run-3")).toBeUndefined();
  });
});

describe("a target", () => {
  test("is that of the branch: it is in the unique tag, and complete builds are tagged into its destination", async () => {
    Object.assign(world.ports.settings, { targets: [{ ...target, name: "other", branches: ["f4"] }, target] });
    expect(await world.run("run-1")).toBeUndefined();
    expect(record("run-1")?.plan).toMatchObject({
      target: { name: "f42-container-candidate", destinationTag: "f42-updates-candidate" },
      uniqueTag: expect.stringMatching(/^hello-container-f42-container-candidate-\d{5}-\d{14}$/),
    });
    expect(await world.destinationTags.listTagged("f42-updates-candidate", { latest: true })).toMatchObject([
      { build: "run-1", nvr: { release: "1" } },
    ]);
  });
  test("takes no scratch build, and none that failed", async () => {
    Object.assign(world.ports.settings, { targets: [target] });
    await world.run("run-1", { ...request, scratch: true });
    world.outcome = { outcome: "failed", message: "RUN false returned 1" };
    await world.run("run-2");
    expect(await world.destinationTags.listTags()).toEqual([]);
  });
  test("may be named, whatever the branch, and chooses the architectures", async () => {
    Object.assign(world.ports.settings, { targets: [{ ...target, branches: [], architectures: ["aarch64"] }] });
    world.platforms = ["linux/amd64", "linux/arm64"];
    expect(await world.run("run-1", { ...request, target: target.name })).toBeUndefined();
    expect(record("run-1")?.plan).toMatchObject({ target: { name: target.name }, platforms: ["linux/arm64"] });
    expect(await world.run("run-2")).toBeUndefined();
    expect(record("run-2")?.plan).not.toHaveProperty("target");
  });
  test("that is unknown or locked is refused before anything is built; a scratch build of a locked one is made", async () => {
    expect(await world.run("run-1", { ...request, target: "f42-candidate" })).toMatchObject({
      code: "builds.target-unknown",
      message: "Unknown build target: f42-candidate",
      hint: "There are no targets in the settings",
    });
    Object.assign(world.ports.settings, { targets: [{ ...target, locked: true }] });
    expect(await world.run("run-2", { ...request, target: "f42-candidate" })).toMatchObject({ hint: "There is f42-container-candidate" });
    expect(await world.run("run-3")).toMatchObject({
      code: "builds.target-locked",
      message: "Destination tag f42-updates-candidate is locked",
      hint: "Nothing is released for f42-container-candidate any more; a scratch build can still be made",
    });
    expect(world.built).toEqual([]);
    expect(await world.run("run-4", { ...request, scratch: true })).toBeUndefined();
  });
});

describe("a request that nothing could make right", () => {
  const stranger = { base: "b".repeat(40) };
  test.each([
    [{ scratch: true, isolated: true, release: "1.1" }, "Build cannot be both isolated and scratch", "Leave one of the two out"],
    [{ isolated: true }, "The release parameter is required for isolated builds", "Give one, for example 3.1 as a fix to release 3"],
    [
      { isolated: true, release: "3" },
      "For isolated builds, the release value must be in the format: ^\\d+\\.\\d+(\\..+)?$",
      "Write for example 3.1 as a fix to release 3",
    ],
    [
      { isolated: true, release: "3.1.a-b" },
      'release "3.1.a-b" must start with a digit and have letters and digits parted by . or _, at most 100 characters',
      "Write for example 3, or leave it out: then flibs counts up by itself",
    ],
    [{ release: "" }, expect.stringContaining('release "" must start with a digit'), expect.any(String)],
    [{ release: `1${"a".repeat(100)}` }, expect.stringContaining("at most 100 characters"), expect.any(String)],
    [
      { yumRepositories: ["file:///etc/passwd"] },
      '"file:///etc/passwd" is not the address of a yum repository file',
      "Give the http or https address of a .repo file",
    ],
    [{ yumRepositories: Array(51).fill("https://a.test/a.repo") }, "more than 50 yum repositories", "Leave out what is not needed"],
    [{ userdata: { a: "x".repeat(70_000) } }, "userdata is longer than 64 KiB", "Keep it elsewhere, and give its address"],
    [{ parentBuild: "nodash" }, '"nodash" is not a name-version-release', undefined],
    [
      { scratch: true, stranger, parentBuild: "a-1-1" },
      "a parent build cannot be given for a pull request of somebody who may not write here",
      "Leave it out; somebody with write access may build the commit from a branch of the repository",
    ],
    [
      { scratch: true, stranger, yumRepositories: ["https://a.test/a.repo"] },
      "yum repositories cannot be given for a pull request of somebody who may not write here",
      expect.any(String),
    ],
    [
      { scratch: true, stranger, target: "f42" },
      "a target cannot be given for a pull request of somebody who may not write here",
      expect.any(String),
    ],
  ])("%j is refused before anything is read", async (more, message, hint) => {
    expect(await world.run("run-1", { ...request, ...more })).toMatchObject({ message, ...(hint === undefined ? {} : { hint }) });
    expect(world.contexts).toEqual([]);
    expect(states()).toEqual({ "flibs / lint": "failure" });
  });
});

describe("a name belongs to the repository that built it first", () => {
  const named = (component: string, name: string) => ({
    ...goodFiles,
    Dockerfile: `FROM registry.fedoraproject.org/fedora:42\nLABEL com.redhat.component=${component} name=${name} version=1\n`,
  });
  const mine = { ...request, repository: "containers/mine" };

  test.each([
    ["the image", named("mine", "f42/hello"), "the name f42/hello belongs to containers/hello, not to containers/mine", "name"],
    [
      "the component",
      named("hello-container", "f42/mine"),
      "the name hello-container belongs to containers/hello, not to containers/mine",
      "com.redhat.component",
    ],
  ])("%s of another one is refused to who has an older name of its own", async (_, files, message, label) => {
    world.files = named("mine", "f42/mine");
    expect(await world.run("run-1", mine)).toBeUndefined();
    world.files = goodFiles;
    expect(await world.run("run-2")).toBeUndefined();
    world.files = files;
    for (const scratchBuild of [false, true]) {
      expect(await world.run(`run-3-${scratchBuild}`, { ...mine, scratch: scratchBuild })).toMatchObject({
        ...{ code: "builds.name-taken", message, file: "Dockerfile" },
        hint: `Give the label ${label} a value of your own`,
      });
    }
    expect(await world.run("run-4", { ...mine, branch: "f41" })).toMatchObject({ code: "builds.name-taken" });
  });
});
