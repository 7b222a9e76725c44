import { beforeEach, expect, test } from "@jest/globals";
import { dropFlow } from "../../src/intake/drop-flow.ts";
import { fakeRuns } from "../fakes/runs.ts";
import { killedEverywhere } from "../support/killed-everywhere.ts";
import { memoryJournal } from "../support/memory-journal.ts";

const repository = "containers/hello";
const commit = "c".repeat(40);
const letGo = { repository, commit };
let world: ReturnType<typeof fakeRuns>;
const add = (flow: string, intent: object) =>
  world.runs.start({ flow, subject: JSON.stringify(intent), intent, key: JSON.stringify([flow, intent]), whenBusy: "queue" });
const open = () => world.all.filter((run) => run.status === "queued").map((run) => run.id);

beforeEach(() => {
  world = fakeRuns();
});

test("what is built or checked for the commit that the queue let go is cancelled, nothing else", async () => {
  const build = await add("build", { repository, commit, branch: "main", scratch: true });
  const check = await add("check-promotion", { repository, head: commit, base: "b".repeat(40), baseBranch: "main" });
  const kept = [
    await add("build", { repository, commit: "d".repeat(40), branch: "main", scratch: true }),
    await add("build", { repository: "containers/other", commit, branch: "main", scratch: true }),
    // It was merged meanwhile: this is the branch's own.
    await add("build", { repository, commit, branch: "main", scratch: false }),
    await add("check-promotion", { repository, number: 3, head: "d".repeat(40) }),
    await add("release-scan", { repository, full: false }),
  ];
  expect(await memoryJournal().attempt(dropFlow({ runs: world.runs }), "drop", letGo)).toBeUndefined();
  expect(open()).toEqual(kept);
  for (const id of [build, check]) {
    expect((await world.runs.find(id))?.ending).toEqual({ status: "cancelled", reason: "the merge queue let the commit go" });
  }
});

test("runs that have ended are left alone", async () => {
  const build = await add("build", { repository, commit, branch: "main", scratch: true });
  world.end(build, { status: "done" });
  await memoryJournal().attempt(dropFlow({ runs: world.runs }), "drop", letGo);
  expect(world.all).toMatchObject([{ status: "done" }]);
});

test("killed before and after each step it comes to the same end", async () => {
  await add("build", { repository, commit, branch: "main", scratch: true });
  await add("check-promotion", { repository, head: commit });
  const { points, outcome } = await killedEverywhere(memoryJournal(), dropFlow({ runs: world.runs }), "drop", letGo);
  expect(outcome).toBeUndefined();
  expect(points).toHaveLength(6);
  expect(open()).toEqual([]);
});
