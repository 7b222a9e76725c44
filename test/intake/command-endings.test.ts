import { beforeEach, describe, expect, test } from "@jest/globals";
import { parseNvr } from "../../src/domain/nvr.ts";
import { isSuspended } from "../../src/workflow/step.ts";
import { killedEverywhere } from "../support/killed-everywhere.ts";
import { commandWorld, hello } from "./command-world.ts";

let world: Awaited<ReturnType<typeof commandWorld>>;
beforeEach(async () => {
  world = await commandWorld();
});

const nvr = parseNvr("hello-1-1");
const strange = async () => {
  world.forge.roles.set(`${hello} alice`, "read");
  return await world.head();
};

describe("what is said of runs that were started", () => {
  test.each(["outcomes", "all"] as const)(
    "%s: the command sleeps until the run has ended, then says how, in its one reply",
    async (replies) => {
      world = await commandWorld({ replies });
      const { id, intent, outcome } = await world.comment("alice", "/build");
      expect(isSuspended(outcome) && outcome.waitingFor).toBe("run run-1");
      const begun = "**`/build`**: build [run-1](http://flibs.test/builds/run-1) started.";
      expect(await world.replies()).toEqual(replies === "all" ? [begun] : []);
      expect(isSuspended(await world.journal.attempt(world.flow, id, intent))).toBe(true);
      world.end("run-1", { status: "done" });
      expect(await world.journal.attempt(world.flow, id, intent)).toBeUndefined();
      expect(await world.replies()).toEqual(["**`/build`**: [run run-1](http://flibs.test/builds/run-1) ended: done."]);
      expect(world.all).toHaveLength(1);
    },
  );
  test("a run that failed is told with its code", async () => {
    world = await commandWorld({ replies: "outcomes" });
    const { id, intent } = await world.comment("alice", "/build");
    world.end("run-1", { status: "failed", error: { code: "builds.build-failed", kind: "input", message: "no" } });
    await world.journal.attempt(world.flow, id, intent);
    expect(await world.replies()).toEqual([
      "**`/build`**: [run run-1](http://flibs.test/builds/run-1) ended: failed (`builds.build-failed`).",
    ]);
  });
  test("what ended at once stands beside what is still at work", async () => {
    world = await commandWorld({ replies: "all" });
    const { id, intent } = await world.comment("alice", "/cancel\n/build");
    expect(await world.replies()).toEqual([
      "**`/cancel`**: nothing was at work.\n\n**`/build`**: build [run-1](http://flibs.test/builds/run-1) started.",
    ]);
    world.end("run-1", { status: "superseded" });
    await world.journal.attempt(world.flow, id, intent);
    expect(await world.replies()).toEqual([
      "**`/cancel`**: nothing was at work.\n\n**`/build`**: [run run-1](http://flibs.test/builds/run-1) ended: superseded.",
    ]);
  });
});

describe("a command that is killed", () => {
  test.each(["quiet", "all"] as const)("before and after each step starts nothing twice and replies once (%s)", async (replies) => {
    world = await commandWorld({ replies });
    const head = await strange();
    world.addBuild("b1", { nvr });
    world.addBuild("b2", { scratch: true, pull: 1, commit: head });
    const intent = await world.intentOf("bob", `/ok-to-test ${head}\n/test smoke\n/promote\n/build`);
    const { points, outcome } = await killedEverywhere(world.journal, world.flow, "command", intent);
    expect(points).toEqual(
      expect.arrayContaining(["before facts", "after seen", "before line 1 ok-to-test start", "after line 2 test", "after react"]),
    );
    const flows = () => world.all.map(({ flow, status }) => [flow, status]);
    const wanted = [
      ["pull", "queued"],
      ["build", "superseded"],
      ["test", "queued"],
      ["build", "queued"],
    ];
    expect(flows()).toEqual(wanted);
    expect(await world.replies()).toHaveLength(1);
    if (replies === "quiet") return expect(outcome).toBeUndefined();
    expect(isSuspended(outcome)).toBe(true);
    for (const { id } of world.all) world.end(id, { status: "done" });
    expect((await killedEverywhere(world.journal, world.flow, "command", intent)).outcome).toBeUndefined();
    expect(flows().map(([flow]) => flow)).toEqual(wanted.map(([flow]) => flow));
    const said = await world.replies();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain("**`/build`**: [run run-4](http://flibs.test/builds/run-4) ended: done.");
  });
  test("while it acts outside the database asks again for the same thing", async () => {
    world.addBuild("b1", { nvr });
    const intent = await world.intentOf("alice", "/promote");
    await killedEverywhere(world.journal, world.flow, "command", intent);
    expect(world.asked).toEqual(["promote b1 for alice", "promote b1 for alice"]);
  });
});

describe("a command that cannot be carried out by no fault of its author", () => {
  test("says so once, whichever step fails, and refuses by reaction", async () => {
    world.addBuild("b1", { nvr });
    world.problem = new Error("a bug");
    const { id, intent, outcome } = await world.comment("alice", "/promote");
    expect(outcome).toBe(world.problem);
    expect(await world.replies()).toEqual([
      `Your command could not be carried out. This is not your fault; the operators find it as run ${id}.`,
    ]);
    expect(world.forge.reactions.get(`${hello} #1 ${intent.comment}`)).toBe("refused");
  });
  test("leaves told what was told before", async () => {
    world = await commandWorld({ replies: "outcomes" });
    const find = world.ports.runs.find;
    const { id, intent } = await world.comment("alice", "/cancel\n/build");
    Object.assign(world.ports.runs, { find: () => Promise.reject(new Error("a bug")) });
    await world.journal.attempt(world.flow, id, intent);
    Object.assign(world.ports.runs, { find });
    const [said, more] = await world.replies();
    expect(said).toBe("**`/cancel`**: nothing was at work.");
    expect(more).toMatch(/^Your command could not be carried out\. This is not your fault/);
  });
  test("of a pull request that has gone is dropped without a word", async () => {
    const intent = { ...(await world.intentOf("alice", "/build")), number: 9 };
    expect(await world.journal.attempt(world.flow, "gone", intent)).toMatchObject({ code: "builds.pull-moved" });
    expect(await world.replies()).toEqual([]);
  });
});
