import { describe, expect, test } from "@jest/globals";
import { appError, reportError } from "../../src/domain/errors.ts";
import { type CheckIntent, checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { repairCheckStatuses } from "../../src/promotion/repair-check-statuses.ts";
import type { Ending, Run } from "../../src/workflow/run.ts";
import { flowRunner } from "./flow-runner.ts";
import { manifests, run, world } from "./world.ts";

/** What the status `flibs / promotion` says over its life, whoever ends it. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";

async function promote(at: World, id: string, release: string) {
  await at.build({ id, release });
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  return proposed;
}

const statusOf = (at: World, commit: string) => at.git.statuses.get(`${commit} flibs / promotion`);
const open = (at: World, commit: string, key: string) =>
  at.ports.forge.setStatus(manifests, commit, { name: "flibs / promotion", state: "running", title: "checking", summary: "", key });

const runOf = (fields: Partial<Run> & { readonly intent: unknown }): Run => ({
  id: "run-9",
  flow: "check-promotion",
  subject: "check",
  status: "running",
  attempt: 0,
  createdAt: "2026-11-23T11:00:00Z",
  ...fields,
});

/** The last word of a run (`run-1`) that ended so. */
async function finish(at: World, intent: CheckIntent, ending: Ending) {
  const flow = checkPromotionFlow(at.ports);
  await run({ ...flow, run: (step, what) => flow.finish(step, what, ending) }, intent);
}

describe("a merge queue's commit", () => {
  /** main with the pull request on it, as the queue would merge it. */
  async function queued(change: (text: string) => string) {
    const at = world();
    const { number, branch } = await promote(at, "b1", "1.fc40");
    const base = at.git.branches.get("main") ?? "";
    const text = at.git.read(at.git.branches.get(branch) ?? "")[path] ?? "";
    at.git.branches.set("gh-readonly-queue/main/pr-1", base);
    const head = at.git.commit("gh-readonly-queue/main/pr-1", { [path]: change(text) });
    return { at, number, intent: { repository: manifests, head, base, baseBranch: "main" } };
  }

  test("is judged by what it would change, and told on that commit", async () => {
    const { at, intent } = await queued((text) => text);
    await run(checkPromotionFlow(at.ports), intent);
    expect(statusOf(at, intent.head)).toMatchObject({ state: "success", title: "writes 323-1.fc40, 323, latest", key: "run-1" });
  });

  test("fails like a pull request does", async () => {
    const { at, intent } = await queued((text) => text.replace(/sha256:[0-9a-f]{64}/, `sha256:${"a".repeat(64)}`));
    await run(checkPromotionFlow(at.ports), intent);
    expect(statusOf(at, intent.head)).toMatchObject({ state: "failure", summary: expect.stringContaining("(CK3)") });
  });

  test("stands on another queued one: only its own change is judged, by the policy before it", async () => {
    const { at, intent } = await queued((text) => text);
    const policy = at.git.read(intent.base)["policy.yaml"] ?? "";
    at.git.branches.set("behind", intent.head);
    const head = at.git.commit("behind", { "policy.yaml": policy.replace("gates: [signature]", "gates: []") });
    await run(checkPromotionFlow(at.ports), { ...intent, base: intent.head, head });
    expect(statusOf(at, head)?.summary).toContain("**gate `signature` is taken away**");
    expect(statusOf(at, head)?.title).toMatch(/^changes the policy/);
  });

  test("for another branch releases nothing", async () => {
    const { at, intent } = await queued((text) => text);
    await run(checkPromotionFlow(at.ports), { ...intent, baseBranch: "stable" });
    expect(statusOf(at, intent.head)).toMatchObject({ state: "success", title: "releases nothing" });
  });
});

test("a pull request that goes elsewhere puts no praise over the one of the same commit that would release", async () => {
  const at = world();
  const { branch } = await promote(at, "b1", "1.fc40");
  const head = at.git.commit(branch, { [path]: "nonsense" });
  at.git.branches.set("stable", at.git.branches.get("main") ?? "");
  const elsewhere = at.git.openPull(branch, "elsewhere", "", "mallory", "stable");
  await run(checkPromotionFlow(at.ports), { repository: manifests, number: elsewhere, head });
  expect(statusOf(at, head)?.state).toBe("failure");
});

test("a promotion that was merged before its check began again keeps the word that it was merged on", async () => {
  const at = world();
  const { number, head } = await promote(at, "b1", "1.fc40");
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  const said = statusOf(at, head);
  expect(said).toMatchObject({ state: "success" });
  at.git.merge(number);
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  expect(statusOf(at, head)).toEqual(said);
});

describe("a check that did not come to its end", () => {
  async function checking() {
    const at = world();
    const { number, head } = await promote(at, "b1", "1.fc40");
    await open(at, head, "run-1");
    return { at, number, head, intent: { repository: manifests, number, head } };
  }
  const superseded: Ending = { status: "superseded", reason: "superseded by run-9" };

  test("gave way to a newer commit: says to which, and where that is checked", async () => {
    const { at, head, intent } = await checking();
    at.runs.push(runOf({ intent: { ...intent, head: "b".repeat(40) } }));
    await finish(at, intent, superseded);
    expect(statusOf(at, head)).toMatchObject({
      state: "cancelled",
      title: "superseded by the check of bbbbbbbbbbbb",
      summary: `The check of \`${"b".repeat(40)}\` took its place, in run \`run-9\`. Run \`run-1\`.`,
      key: "run-1",
    });
  });

  test("gave way to a check of the same commit on a newer base: leaves the word to that", async () => {
    const { at, head, intent } = await checking();
    at.runs.push(runOf({ intent }));
    await finish(at, intent, superseded);
    expect(statusOf(at, head)?.state).toBe("running");
  });

  test("gave way when it had said its result already: that stands", async () => {
    const { at, head, intent } = await checking();
    await at.ports.forge.setStatus(manifests, head, {
      name: "flibs / promotion",
      state: "success",
      title: "writes",
      summary: "",
      key: "run-1",
    });
    await finish(at, intent, superseded);
    expect(statusOf(at, head)?.state).toBe("success");
  });

  test("gave way while another run speaks: that is not disturbed", async () => {
    const { at, head, intent } = await checking();
    await open(at, head, "run-9");
    await finish(at, intent, superseded);
    await finish(at, intent, { status: "cancelled", reason: "alice asked for it" });
    expect(statusOf(at, head)).toMatchObject({ state: "running", key: "run-9" });
  });

  test("was cancelled", async () => {
    const { at, head, intent } = await checking();
    await finish(at, intent, { status: "cancelled", reason: "alice asked for it" });
    expect(statusOf(at, head)).toMatchObject({
      state: "cancelled",
      title: "cancelled",
      summary: expect.stringContaining("alice asked for it"),
    });
  });

  test("failed by what it stands on: error, with the run to look at, and no inner words", async () => {
    const { at, head, intent } = await checking();
    await finish(at, intent, { status: "failed", error: reportError(new Error("secret inner words")) });
    expect(statusOf(at, head)).toMatchObject({ state: "error", title: "the check could not be carried out" });
    expect(statusOf(at, head)?.summary).not.toContain("secret");
    expect(statusOf(at, head)?.summary).toContain("Run `run-1`.");
  });

  test("waits: pending, for what", async () => {
    const { at, head, intent } = await checking();
    await checkPromotionFlow(at.ports).waiting?.("run-1", intent, "the candidate registry");
    expect(statusOf(at, head)).toMatchObject({ state: "pending", title: "waiting for the candidate registry", key: "run-1" });
  });

  test("was of a head that moved on: cancelled, naming the new one", async () => {
    const { at, head, intent } = await checking();
    const next = at.git.commit("promote/f40/cockpit", { "docs/notes": "1" });
    await run(checkPromotionFlow(at.ports), intent);
    expect(statusOf(at, head)).toMatchObject({ state: "cancelled", title: `superseded by ${next.slice(0, 12)}` });
  });
});

describe("a release that waits", () => {
  test("says so where it was started for, and closes that however it ends", async () => {
    const at = world();
    const merge = at.git.merge((await promote(at, "b1", "1.fc40")).number);
    const intent = { repository: manifests, registry: "production", path, commit: merge };
    const flow = releaseFlow(at.ports);
    const status = () => at.git.statuses.get(`${merge} flibs / release to production (f40/cockpit)`);
    await flow.waiting?.("run-1", intent, "the signer");
    expect(status()).toMatchObject({ state: "pending", title: "waiting for the signer", key: "run-1" });
    const later = at.git.commit("main", { "docs/notes": "1" });
    const ended = flowRunner(() => [flow] as never);
    await ended.runs.start({ flow: "release", subject: "r", intent: { ...intent, commit: later }, key: "k", whenBusy: "queue" });
    await flow.waiting?.("run-1", { ...intent, commit: later }, "the signer");
    await ended.drain();
    expect(status()?.state).toBe("success");
    expect(at.git.statuses.get(`${later} flibs / release to production (f40/cockpit)`)).toMatchObject({ state: "success", title: "done" });
  });
});

describe("the repair sweep", () => {
  const ended = {
    status: "failed",
    finishedAt: "2026-11-23T11:30:00Z",
    error: reportError(appError("registry.unreachable", "no answer")),
  } as const;
  async function leftOpen(key: string) {
    const at = world();
    const { number, head } = await promote(at, "b1", "1.fc40");
    await open(at, head, key);
    return { at, head, intent: { repository: manifests, number, head } };
  }

  test("closes what a run left open, by how it ended, once", async () => {
    const { at, head, intent } = await leftOpen("run-1");
    at.runs.push(runOf({ id: "run-1", intent, ...ended }));
    expect(await repairCheckStatuses(at.ports)).toBe(1);
    expect(statusOf(at, head)).toMatchObject({ state: "error", summary: expect.stringContaining("no answer"), key: "run-1" });
    expect(await repairCheckStatuses(at.ports)).toBe(0);
  });

  const kept: { name: string; key: string; runs: readonly (Partial<Run> & { id: string })[] }[] = [
    { name: "what another run says", key: "run-9", runs: [{ id: "run-1", ...ended }] },
    {
      name: "where another run is at work",
      key: "run-1",
      runs: [
        { id: "run-9", status: "waiting" },
        { id: "run-1", ...ended },
      ],
    },
    { name: "what ended long ago", key: "run-1", runs: [{ id: "run-1", ...ended, finishedAt: "2026-11-20T00:00:00Z" }] },
  ];
  test.each(kept)("leaves $name", async ({ key, runs }) => {
    const { at, head, intent } = await leftOpen(key);
    at.runs.push(...runs.map((one) => runOf({ intent, ...one })));
    expect(await repairCheckStatuses(at.ports)).toBe(0);
    expect(statusOf(at, head)?.state).toBe("running");
  });

  test("closes a release that said only that it waits", async () => {
    const at = world();
    const commit = at.git.merge((await promote(at, "b1", "1.fc40")).number);
    const intent = { repository: manifests, registry: "production", path, commit };
    await releaseFlow(at.ports).waiting?.("run-1", intent, "the signer");
    at.runs.push(runOf({ id: "run-1", flow: "release", intent, status: "done", finishedAt: ended.finishedAt }));
    expect(await repairCheckStatuses(at.ports)).toBe(1);
    expect(at.git.statuses.get(`${commit} flibs / release to production (f40/cockpit)`)).toMatchObject({ state: "success", title: "done" });
  });
});
