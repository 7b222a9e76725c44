import { readdir } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pullFlow } from "../../src/builds/pull-flow.ts";
import { appError } from "../../src/domain/errors.ts";
import { killedEverywhere } from "../support/killed-everywhere.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { goodFiles } from "./build-world.ts";
import { pullWorld, repository } from "./pull-world.ts";

const lint = "flibs / lint";
const approval = "flibs / approval";

let scratch: ScratchDirectory;
let world: Awaited<ReturnType<typeof pullWorld>>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = await pullWorld(scratch.path);
});
afterEach(() => scratch.remove());

const endings = () => Object.fromEntries(world.runs.map((run) => [run.id, run.ending]));

test("the head of an open pull request is linted, with the run's id and page", async () => {
  expect(await world.run("run-1")).toBeUndefined();
  const head = await world.head();
  expect(await world.stateOf(head)).toEqual({ [lint]: "success" });
  expect(await world.statusOf(head, lint)).toMatchObject({
    title: "Dockerfile and labels are in order",
    key: "run-1",
    url: "http://flibs.example.test/builds/run-1",
  });
  expect(world.asked).toEqual([world.look(head)]);
  expect(await readdir(scratch.path)).toEqual([]);
});

test("faults are told in full, at their lines, and in the run's log", async () => {
  const head = world.push({ Dockerfile: `${goodFiles.Dockerfile}RNU true\n`, "container.yaml": "compose: {}\nplatfroms: {}\n" });
  expect(await world.run("run-1")).toBeUndefined();
  const said = await world.statusOf(head, lint);
  expect(said).toMatchObject({
    state: "failure",
    title: 'Dockerfile:3: unknown instruction "RNU" (and 1 more)',
    annotations: [
      { path: "Dockerfile", line: 3, level: "failure" },
      { path: "container.yaml", line: 2, level: "failure" },
    ],
  });
  expect(said?.summary).toContain("**Try again**: push a commit, or use the re-run button where the forge has one");
  expect(said?.summary).toContain("Everything that was found:");
  expect(world.log("run-1", "lint")).toContain('error: Dockerfile:3: unknown instruction "RNU"');
});

test("a stranger's pull request waits for somebody to approve it, and says who and how", async () => {
  world.trust = { trusted: false, base: world.base };
  const head = world.push({ "container.yaml": "nonsense: 1\n" });
  await world.run("run-1");
  // container.yaml is the base branch's, which has none.
  expect(await world.stateOf(head)).toEqual({ [lint]: "success", [approval]: "waiting-approval" });
  expect(await world.statusOf(head, approval)).toMatchObject({
    title: "Waits until somebody with write access approves",
    summary: `The author of this pull request may not write to \`containers/hello\`, so nothing of it is run before somebody who may has looked at the change.

**Who can approve**: everybody with write access to the repository, by this comment:

\`\`\`text
/ok-to-test ${head}
\`\`\`

It counts for this commit only; another push needs another approval.

[Steps and log](http://flibs.example.test/builds/run-1)`,
  });
  expect((await world.statusOf(head, lint))?.summary).toContain(`are read from the base branch (\`${world.base.slice(0, 12)}\`)`);
});

test("an approval is shown with who gave it", async () => {
  world.trust = { trusted: false, base: world.base };
  await world.run("run-1");
  world.trust = { trusted: false, base: world.base, approvedBy: "bob" };
  await world.run("run-2");
  expect(await world.statusOf(await world.head(), approval)).toMatchObject({ state: "success", title: "Approved by bob", key: "run-2" });
});

test("a question for approval is taken back when the author has been let in", async () => {
  world.trust = { trusted: false, base: world.base };
  await world.run("run-1");
  world.trust = { trusted: true };
  await world.run("run-2");
  expect(await world.stateOf(await world.head())).toEqual({ [lint]: "success", [approval]: "success" });
});

test("builds of older heads are cancelled, those of this head, of others and official ones go on", async () => {
  const head = await world.head();
  world.addBuild("older");
  world.addBuild("ended", {}, false);
  world.addBuild("this", { commit: head });
  world.addBuild("other", { pull: 99 });
  world.addBuild("official", { scratch: false });
  await world.run("run-1");
  expect(endings()).toEqual({
    older: { status: "cancelled", reason: `superseded by commit ${head.slice(0, 12)}` },
    ended: undefined,
    this: undefined,
    other: undefined,
    official: undefined,
  });
});

test.each([
  ["merged", "pull request #1 was merged"],
  ["closed", "pull request #1 was closed"],
])("a pull request that is %s needs its builds no more and gets no status", async (state, reason) => {
  const head = await world.head();
  world.addBuild("build", { commit: head });
  if (state === "merged") await world.forge.mergePull(repository, world.number, "bob");
  else await world.forge.closePull(repository, world.number, "bob");
  expect(await world.run("run-1", head)).toBeUndefined();
  expect(endings()).toEqual({ build: { status: "cancelled", reason } });
  expect(await world.stateOf(head)).toEqual({});
  expect(world.asked).toEqual([]);
});

test("a pull request that was never there cancels nothing and ends well", async () => {
  expect(await world.journal.attempt(world.flow, "run-1", { ...world.look("a".repeat(40)), number: 77 })).toBeUndefined();
});

test("a head that has moved on is stale, and nothing is said of it", async () => {
  const head = await world.head();
  world.push({ "README.md": "newer" });
  expect(await world.run("run-1", head)).toMatchObject({ code: "builds.pull-moved", kind: "stale" });
  expect(await world.stateOf(head)).toEqual({});
});

test("a look that is called off takes back what it has begun to say", async () => {
  const head = await world.head();
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "lint") run.controller.abort();
  };
  const ended = () => ({ status: "superseded", reason: "superseded by 20261123-v0r7k2q" }) as const;
  await world.journal.attempt(world.flow, "run-1", world.look(head), ended);
  expect(await world.statusOf(head, lint)).toMatchObject({
    state: "cancelled",
    title: "Superseded by a newer run",
    summary: expect.stringContaining("(http://flibs.example.test/builds/20261123-v0r7k2q)"),
  });
  expect(await readdir(scratch.path)).toEqual([]);
});

test("a look that is called off before it has said anything leaves what stands there", async () => {
  const head = await world.head();
  await world.run("run-1");
  const run = world.journal.runOf("run-2");
  run.before = () => run.controller.abort();
  await world.journal.attempt(world.flow, "run-2", world.look(head), () => ({ status: "cancelled", reason: "cancelled by bob" }));
  expect(await world.statusOf(head, lint)).toMatchObject({ state: "success", key: "run-1" });
});

test("a look that fails says so, without blaming the maintainer", async () => {
  const ports = {
    ...world.ports,
    trust: async () => {
      throw appError("forge.git-slow", "10.0.0.1 did not answer");
    },
  };
  await world.journal.attempt(pullFlow(ports), "run-1", world.look(await world.head()));
  const said = await world.statusOf(await world.head(), lint);
  expect(said).toMatchObject({ state: "error", title: "Infrastructure error: flibs could not go on" });
  expect(JSON.stringify(said)).not.toContain("10.0.0.1");
});

test("a tree that is too large is told at its file", async () => {
  const head = await world.head();
  const ports = { ...world.ports, settings: { ...world.ports.settings, contextBytes: 1 } };
  expect(await world.journal.attempt(pullFlow(ports), "run-1", world.look(head))).toMatchObject({ code: "forge.tree-too-large" });
  expect(await world.stateOf(head)).toEqual({ [lint]: "failure" });
});

test("while it waits it says so", async () => {
  await world.flow.waiting?.("run-1", world.look(await world.head()), "the forge");
  expect(await world.statusOf(await world.head(), lint)).toMatchObject({ state: "pending", title: "Waiting for the forge" });
});

test("killed before and after each step, it comes to the same end", async () => {
  world.trust = { trusted: false, base: world.base };
  const head = await world.head();
  world.addBuild("older");
  const { points, outcome } = await killedEverywhere(world.journal, world.flow, "run-1", world.look(head));
  expect(outcome).toBeUndefined();
  expect(points.length).toBeGreaterThanOrEqual(16);
  expect(await world.stateOf(head)).toEqual({ [lint]: "success", [approval]: "waiting-approval" });
  expect(endings()).toEqual({ older: { status: "cancelled", reason: `superseded by commit ${head.slice(0, 12)}` } });
  expect(await readdir(scratch.path)).toEqual([]);
});
