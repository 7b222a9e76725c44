import { describe, expect, test } from "@jest/globals";
import { answerDecision } from "../../src/builds/answer-decision.ts";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { prepareRevocation, prepareWaiver } from "../../src/builds/prepare-waiver.ts";
import type { Digest } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { formatNvr } from "../../src/domain/nvr.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { checkGates } from "../../src/promotion/check-release.ts";
import { gateFlow } from "../../src/promotion/gate-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import type { Transaction } from "../../src/workflow/step.ts";
import { fakeSigner } from "../fakes/signer.ts";
import { manifests, run, world } from "./world.ts";

type World = ReturnType<typeof world>;
const lengths = { lengthMs: 30 * 86_400_000, mostMs: 365 * 86_400_000 };
const testcase = "flibs.smoke";
const byDigest = (build: BuildRecord) => ({ type: "container-image", identifier: build.digest ?? "" });
const nvrOf = (build: BuildRecord) => (build.nvr ? formatNvr(build.nvr) : "");

async function failed(at: World, id = "b1", release = "1.fc40"): Promise<BuildRecord> {
  const build = await at.build({ id, release });
  const changed: BuildRecord = {
    ...build,
    tests: build.tests.map((one) => ({ ...one, outcome: "fail" as const, message: "1 of 2 failed: it | starts" })),
  };
  at.builds.set(id, changed);
  return changed;
}

/** What the check says of the open promotion now. */
async function check(at: World, number: number) {
  const pull = await at.ports.forge.findPull(manifests, number);
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head: pull?.head ?? "" });
  return at.git.statuses.get(`${pull?.head} flibs / promotion`) ?? [...at.git.statuses.values()].at(-1);
}

const body = async (at: World, number: number) => (await at.ports.forge.findPull(manifests, number))?.body ?? "";
const gate = (at: World, build: string) => run(gateFlow(at.ports), { build, requestedBy: "alice" });
const ask = async (at: World, build: BuildRecord, more: object = {}) => {
  const ports = {
    ...at.gating.state.ports,
    builds: {
      find: async (id: string) => at.builds.get(id),
      findByNvr: async (nvr: { release: string }) => [...at.builds.values()].find((one) => one.nvr?.release === nvr.release),
      findByDigest: async (digest: Digest) => [...at.builds.values()].find((one) => one.digest === digest),
    },
  };
  const request = {
    product_version: "fedora-40",
    decision_context: "flibs_promote",
    subject_type: "koji_build",
    subject_identifier: nvrOf(build),
  };
  return (await answerDecision(ports, { ...request, ...more })) as { status: number; body: Record<string, unknown> };
};
const summary = async (at: World, build: BuildRecord) => (await ask(at, build)).body.summary;

describe("the story of a required test", () => {
  test("missing, failed, waived, satisfied: in the API and on the promotion", async () => {
    const at = world();
    const made = await failed(at);
    const tests = made.tests;
    at.builds.set("b1", { ...made, tests: [] });
    expect(await summary(at, made)).toBe("1 of 1 required test results missing");
    const proposed = await proposePromotion(at.ports, "b1", "alice");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    const { number } = proposed;
    at.builds.set("b1", { ...made, tests: [], promotion: { repository: manifests, number } });
    expect(await body(at, number)).toContain("| test `smoke` | **not run** | it was not carried out |");
    expect(await check(at, number)).toMatchObject({
      state: "failure",
      summary: expect.stringContaining("the test smoke of build b1 was not run"),
    });

    at.builds.set("b1", { ...made, tests, promotion: { repository: manifests, number } });
    await gate(at, "b1");
    expect(await summary(at, made)).toBe("1 of 1 required tests failed");
    expect(await body(at, number)).toContain("**Attention: required tests have not passed: `smoke`.**");
    expect(await body(at, number)).toContain("| test `smoke` | **fail** | 1 of 2 failed: it &#124; starts |");
    expect(await check(at, number)).toMatchObject({ state: "failure", summary: expect.stringContaining("1 of 2 failed") });

    const expiresAt = "2026-12-23T12:00:00.000Z";
    await at.gating.give({ subject: byDigest(made), testcase, expiresAt, comment: "known bug #12, <b>not</b> ours @bob" });
    await gate(at, "b1");
    const decision = await ask(at, made);
    expect(decision).toMatchObject({
      status: 200,
      body: {
        policies_satisfied: true,
        summary: "All required tests passed",
        applicable_policies: ["flibs_required_tests"],
        satisfied_requirements: [{ type: "test-result-failed-waived", testcase, system_architecture: "x86_64" }],
      },
    });
    const shown = await body(at, number);
    expect(shown).toContain("**Attention: required tests did not pass and are waived: `smoke`.**");
    expect(shown).toContain(
      "| test `smoke` | **waived** (fail) | waived by `alice` until 2026-12-23 12:00 UTC: known bug #\u200b12, &#60;b&#62;not&#60;/b&#62; ours @\u200bbob; 1 of 2 failed",
    );
    expect(shown).not.toContain("| test `smoke` | pass");
    expect(await check(at, number)).toMatchObject({ state: "success" });

    // Whoever looks when it is over is told so, without anybody having done anything.
    at.gating.state.ports = { ...at.gating.state.ports, now: () => new Date(expiresAt) };
    expect(await summary(at, made)).toBe("1 of 1 required tests failed");
    expect(await check(at, number)).toMatchObject({ state: "failure" });
  });

  test("the check of an open promotion is looked at again, once for each time that the gate is asked", async () => {
    const at = world();
    const made = await failed(at);
    const proposed = await proposePromotion(at.ports, "b1", "alice");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    at.builds.set("b1", { ...made, promotion: { repository: manifests, number: proposed.number } });
    await gate(at, "b1");
    await gate(at, "b1");
    const checks = at.started.filter((one) => one.flow === "check-promotion");
    expect(checks).toMatchObject([
      { intent: { repository: manifests, number: proposed.number, head: proposed.head }, whenBusy: "supersede" },
    ]);
  });

  test("an official build that is satisfied by the waiver is promoted as if it had passed; one that is not stays where it is", async () => {
    const at = world();
    const made = await failed(at);
    expect(await gate(at, "b1")).toEqual(["ask"]);
    expect(at.builds.get("b1")?.promotion).toBeUndefined();
    await at.gating.give({ subject: byDigest(made), testcase });
    expect(await gate(at, "b1")).toEqual(["ask", "propose", "save promotion", "say proposed"]);
    expect(at.builds.get("b1")?.promotion).toEqual({ repository: manifests, number: 1 });
  });

  test.each(["<ask", ">ask", "<propose", ">propose", ">save promotion", "<say proposed", ">say proposed"])(
    "killed at %s, the gate's run comes to the same end",
    async (dieAt) => {
      const at = world();
      const made = await failed(at);
      await at.gating.give({ subject: byDigest(made), testcase });
      const journal = new Map<string, unknown>();
      await expect(run(gateFlow(at.ports), { build: "b1", requestedBy: "alice" }, journal, dieAt)).rejects.toThrow("killed");
      await run(gateFlow(at.ports), { build: "b1", requestedBy: "alice" }, journal);
      expect(at.builds.get("b1")?.promotion).toEqual({ repository: manifests, number: 1 });
      expect(at.git.pulls.filter((one) => one.state === "open")).toHaveLength(1);
    },
  );

  test("a release that was planned before the waiver was taken back is not tagged", async () => {
    const at = world();
    const made = await failed(at);
    await at.gating.give({ subject: byDigest(made), testcase });
    const proposed = await proposePromotion(at.ports, "b1", "alice");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    const intent = {
      repository: manifests,
      path: "images/f40/cockpit.yaml",
      registry: "production",
      commit: at.git.merge(proposed.number),
    };
    const journal = new Map<string, unknown>();
    await expect(run(releaseFlow(at.ports), intent, journal, "<tag 323-1.fc40")).rejects.toThrow("killed");
    await at.gating.give({ subject: byDigest(made), testcase, waived: false });
    await expect(run(releaseFlow(at.ports), intent, journal)).rejects.toThrow(
      /323-1\.fc40 refused: the test smoke of build b1 failed.*\(CK7\).*latest failed: its release 323-1\.fc40 was not released/,
    );
    expect(await at.production.registry.listTags("f40/cockpit")).toEqual([]);
    await at.gating.give({ subject: byDigest(made), testcase });
    await run(releaseFlow(at.ports), intent);
    expect(await at.production.registry.listTags("f40/cockpit")).toContain("323-1.fc40");
  });

  test("a promotion that a person closed is not opened again by a waiver", async () => {
    const at = world();
    const made = await failed(at);
    const proposed = await proposePromotion(at.ports, "b1", "alice");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    at.builds.set("b1", { ...made, promotion: { repository: manifests, number: proposed.number } });
    const index = at.git.pulls.findIndex((one) => one.number === proposed.number);
    const pull = at.git.pulls[index];
    if (pull) at.git.pulls[index] = { ...pull, state: "closed" };
    await at.gating.give({ subject: byDigest(made), testcase });
    expect(await gate(at, "b1")).toEqual(["ask", "refresh promotion"]);
    expect(at.git.pulls.filter((one) => one.state === "open")).toEqual([]);
  });
});

describe("a waiver counts for nothing but its own image and test", () => {
  test.each([
    { name: "another image's digest", subject: () => ({ type: "container-image", identifier: `sha256:${"e".repeat(64)}` }), counts: false },
    { name: "another build's NVR", subject: () => ({ type: "koji_build", identifier: "cockpit-323-2.fc40" }), counts: false },
    { name: "the digest under the wrong type", subject: (made: BuildRecord) => ({ ...byDigest(made), type: "koji_build" }), counts: false },
    { name: "another test", subject: byDigest, testcase: "flibs.other", counts: false },
    { name: "one that was taken back", subject: byDigest, waived: false, counts: false },
    { name: "its digest", subject: byDigest, counts: true },
    { name: "its NVR", subject: (made: BuildRecord) => ({ type: "koji_build", identifier: nvrOf(made) }), counts: true },
  ])("$name", async ({ subject, counts, ...more }) => {
    const at = world();
    const made = await failed(at);
    await at.gating.give({ subject: subject(made), testcase: more.testcase ?? testcase, ...("waived" in more ? { waived: false } : {}) });
    expect((await at.ports.gate.ask(made)).satisfied).toBe(counts);
  });

  test("TR13: the newest one, whether by digest or by NVR", async () => {
    const at = world();
    const made = await failed(at);
    const byNvr = { type: "koji_build", identifier: nvrOf(made) };
    const satisfied = async () => (await at.ports.gate.ask(made)).satisfied;
    await at.gating.give({ subject: byNvr, testcase });
    await at.gating.give({ subject: byDigest(made), testcase, waived: false });
    expect(await satisfied()).toBe(false);
    await at.gating.give({ subject: byNvr, testcase, username: "bob", comment: "after all" });
    expect(await satisfied()).toBe(true);
    expect((await at.ports.gate.ask(made)).answers[0]?.waiver?.username).toBe("bob");
  });

  test("a name that was waived for a build that failed is not waived for the next one that has it", async () => {
    const at = world();
    const made = await failed(at);
    at.gating.state.ports = { ...at.gating.state.ports, now: () => new Date("2026-11-01T00:00:00Z") };
    await at.gating.give({ subject: { type: "koji_build", identifier: nvrOf(made) }, testcase });
    const begun = (createdAt: string) => at.ports.gate.ask({ ...made, createdAt });
    expect((await begun("2026-10-31T00:00:00Z")).satisfied).toBe(true);
    expect((await begun("2026-11-02T00:00:00Z")).satisfied).toBe(false);
  });

  test("no waiver makes up for a missing signature", async () => {
    const at = world();
    const made = await failed(at);
    for (const name of ["signature", "flibs.signature", "flibs / promotion", "smoke"])
      await at.gating.give({ subject: byDigest(made), testcase: name });
    expect((await at.ports.gate.ask(made)).satisfied).toBe(false);
    await at.gating.give({ subject: byDigest(made), testcase });
    const proposed = await proposePromotion(at.ports, "b1");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    expect(await check(at, proposed.number)).toMatchObject({ state: "success" });
    at.allSigners.set("candidate", fakeSigner("candidate"));
    expect(await check(at, proposed.number)).toMatchObject({ state: "failure", summary: expect.stringContaining("(CK6)") });
    await expect(prepare(at, made, "signature")).rejects.toMatchObject({ code: "gating.not-required" });
  });
});

const prepare = (at: World, build: BuildRecord, name: string, more: object = {}) =>
  prepareWaiver({ gate: at.ports.gate, waivers: at.gating.waivers, now: () => at.ports.now(), lengths }, build, {
    ...{ test: name, reason: "a known bug", username: "alice", byNvr: false, key: "k", ...more },
  });

describe("what can be waived", () => {
  test("somebody else's test that is called as a suite, and the suite by its whole name", async () => {
    const at = world();
    const made = await failed(at);
    const rules = [{ kind: "test" as const, testcase: "smoke" }];
    const about = { productVersions: ["*"], decisionContexts: ["flibs_promote"], subjectTypes: ["koji_build"] };
    at.gating.state.ports = { ...at.gating.state.ports, policies: [{ id: "p", ...about, rules }] };
    expect(await prepare(at, made, "smoke")).toMatchObject({ testcase: "smoke" });
    expect(await prepare(at, made, "flibs.smoke")).toMatchObject({ testcase });
    for (const one of ["flibs.smoke", "smoke"]) await at.gating.give({ subject: byDigest(made), testcase: one });
    const ports = { gate: at.ports.gate, waivers: at.gating.waivers, now: () => at.ports.now(), lengths };
    const request = { reason: "", username: "alice", byNvr: false, key: "k" };
    expect(await prepareRevocation(ports, made, { ...request, test: "smoke" })).toMatchObject({ testcase: "smoke" });
    expect(await prepareRevocation(ports, made, { ...request, test: "flibs.smoke" })).toMatchObject({ testcase });
  });

  test("a test that holds the build back, by its suite or its whole name, for the digest", async () => {
    const at = world();
    const made = await failed(at);
    const given = await prepare(at, made, "smoke");
    expect(given).toEqual({
      ...{
        key: "k",
        subject: byDigest(made),
        testcase,
        username: "alice",
        productVersion: "fedora-40",
        waived: true,
        comment: "a known bug",
      },
      expiresAt: "2026-12-23T12:00:00.000Z",
    });
    expect((await prepare(at, made, "flibs.smoke", { byNvr: true })).subject).toEqual({ type: "koji_build", identifier: nvrOf(made) });
  });

  test("a test of a build that is still being built, by its NVR; it counts when the tests are over", async () => {
    const at = world();
    const { digest: _, ...made } = await failed(at);
    const building: BuildRecord = { ...made, state: "building", tests: [] };
    const given = await prepare(at, building, "smoke");
    expect(given.subject).toEqual({ type: "koji_build", identifier: nvrOf(made) });
    await at.gating.waivers.add(given, {} as Transaction);
    expect((await at.ports.gate.ask(at.builds.get("b1") as BuildRecord)).satisfied).toBe(true);
  });

  test.each([
    { name: "a test that nobody asks for", test: "other", code: "gating.not-required", change: {} },
    { name: "a wild name", test: "../../etc/*", code: "gating.not-required", change: {} },
    { name: "a scratch build's", test: "smoke", code: "gating.build-unfit", change: { scratch: true } },
    { name: "a failed build's", test: "smoke", code: "gating.build-unfit", change: { state: "failed" as const } },
    { name: "a cancelled build's", test: "smoke", code: "gating.build-unfit", change: { state: "cancelled" as const } },
    {
      name: "a test that passed",
      test: "smoke",
      code: "gating.not-required",
      change: { tests: [{ suite: "smoke", outcome: "pass" as const, cases: [], message: "", durationMs: 1 }] },
    },
  ])("not: $name", async ({ test: name, code, change }) => {
    const at = world();
    await expect(prepare(at, { ...(await failed(at)), ...change }, name)).rejects.toMatchObject({ code });
  });

  test("an error of the infrastructure, as a failure", async () => {
    const at = world();
    const made = await failed(at);
    const errored: BuildRecord = {
      ...made,
      tests: made.tests.map((one) => ({ ...one, outcome: "error" as const, message: "the engine went away" })),
    };
    at.builds.set("b1", errored);
    expect(await summary(at, errored)).toBe("1 of 1 required tests failed");
    await at.gating.give(await prepare(at, errored, "smoke"));
    expect((await ask(at, errored)).body.satisfied_requirements).toMatchObject([{ type: "test-result-errored-waived" }]);
  });
});

describe("whose rules count", () => {
  const policy = {
    ...{ id: "ci", productVersions: ["fedora-*"], decisionContexts: ["flibs_promote"], subjectTypes: ["koji_build"] },
    rules: [{ kind: "test" as const, testcase: "other-ci.install" }],
  };

  test("the operators' policies, beside the repository's own tests", async () => {
    const at = world();
    const made = await at.build({ id: "b1", release: "1.fc40" });
    expect(await summary(at, made)).toBe("All required tests passed");
    at.gating.state.ports = { ...at.gating.state.ports, policies: [policy] };
    expect(await summary(at, made)).toBe("1 of 2 required test results missing");
    // A scratch build is never promoted: nobody else's rules are for it.
    expect((await at.ports.gate.ask({ ...made, scratch: true })).satisfied).toBe(true);
  });

  test("the gating.yaml of the commit, without any policy that points to it", async () => {
    const at = world();
    const made = await at.build({ id: "b1", release: "1.fc40" });
    const { id: _, ...own } = policy;
    const gated = { ...made, ...(made.plan ? { plan: { ...made.plan, gating: [own] } } : {}) };
    at.builds.set("b1", gated);
    expect((await ask(at, gated)).body).toMatchObject({
      summary: "1 of 2 required test results missing",
      satisfied_requirements: [{ type: "test-result-passed" }, { type: "fetched-gating-yaml" }],
      unsatisfied_requirements: [{ type: "test-result-missing", testcase: "other-ci.install" }],
    });
  });

  test("the gating.yaml of the commit for the image's digest, to the gate and over HTTP alike, whichever name is asked about", async () => {
    const at = world();
    const made = await at.build({ id: "b1", release: "1.fc40" });
    const { id: _, ...own } = { ...policy, subjectTypes: ["container-image"] };
    const gated = { ...made, ...(made.plan ? { plan: { ...made.plan, gating: [own] } } : {}) };
    at.builds.set("b1", gated);
    const open = { testcase: "other-ci.install", subject: { type: "container-image", identifier: made.digest } };
    const answer = await at.ports.gate.ask(gated);
    expect([answer.satisfied, answer.answers.at(-1)]).toMatchObject([false, open]);
    const bySubject = { subject_type: "container-image", subject_identifier: made.digest };
    const both = { ...bySubject, subject_type: undefined, subject_identifier: undefined };
    const subject = [
      { type: "koji_build", item: nvrOf(made) },
      { type: "container-image", item: made.digest },
    ];
    for (const more of [{}, bySubject, { ...both, subject }]) {
      expect((await ask(at, gated, more)).body).toMatchObject({
        policies_satisfied: false,
        unsatisfied_requirements: [{ testcase: "other-ci.install", subject_type: "container-image" }],
      });
    }
    await at.gating.give({ subject: byDigest(made), testcase: "other-ci.install" });
    expect((await at.ports.gate.ask(gated)).satisfied).toBe(true);
    expect((await ask(at, gated)).body.policies_satisfied).toBe(true);
  });

  test("several builds in one question are each judged by their own repository, and each is looked up once", async () => {
    const at = world();
    const one = await failed(at);
    const other = await at.build({ id: "b2", release: "2.fc40" });
    at.builds.set("b2", { ...other, tests: [], ...(other.plan ? { plan: { ...other.plan, suites: [] } } : {}) });
    const item = { type: "koji_build", item: nvrOf(one) };
    const subject = [item, { type: "koji_build", item: nvrOf(other) }, ...Array(18).fill(item)];
    let looked = 0;
    const { waivers } = at.gating.state.ports;
    at.gating.state.ports = {
      ...at.gating.state.ports,
      waivers: {
        listOf: async (names) => {
          looked += 1;
          return await waivers.listOf(names);
        },
      },
    };
    const several = { subject_type: undefined, subject_identifier: undefined };
    expect((await ask(at, one, { ...several, subject })).body.unsatisfied_requirements).toMatchObject([
      { subject_identifier: nvrOf(one), testcase: "flibs.smoke" },
    ]);
    expect(looked).toBe(2);
    expect((await ask(at, one, { ...several, subject: Array(21).fill(item) })).status).toBe(400);
    expect((await ask(at, one, { product_version: "x".repeat(101) })).status).toBe(400);
  });

  test.each([
    { name: "another branch", build: { branch: "fx" }, policies: [{ ...policy, productVersions: ["fedora-40"] }], version: "fedora-x" },
    { name: "a branch of no pattern", build: { branch: "epel9" }, policies: [policy], version: "epel9" },
    { name: "a policy of another point", build: {}, policies: [{ ...policy, decisionContexts: ["compose"] }], version: "fedora-40" },
  ])("TR14: $name is no way past the operators' policies", async ({ build, policies, version }) => {
    const at = world();
    const made = { ...(await at.build({ id: "b1", release: "1.fc40" })), ...build };
    at.builds.set("b1", made);
    at.gating.state.ports = { ...at.gating.state.ports, policies };
    const undecided = `product version ${version} has no policy of the operators for koji_build at flibs_promote`;
    expect(await at.ports.gate.ask(made)).toMatchObject({ satisfied: false, undecided });
    expect(await ask(at, made, { product_version: version })).toEqual({ status: 404, body: { message: undecided } });
  });

  test.each([
    { name: "an excluded package", label: "cockpit", lists: { excludedPackages: ["cockpit"] }, satisfied: true },
    { name: "a label that is excluded, of another repository", label: "other", lists: { excludedPackages: ["other"] }, satisfied: false },
    {
      name: "a repository that is excluded, with another label",
      label: "other",
      lists: { excludedPackages: ["cockpit"] },
      satisfied: false,
    },
    { name: "another label of a listed repository", label: "other", lists: { packages: ["cockpit"] }, satisfied: false },
    { name: "a listed label of another repository", label: "other", lists: { packages: ["other"] }, satisfied: false },
    { name: "what is not listed", label: "cockpit", lists: { packages: ["else"] }, satisfied: true },
  ])("lists of packages: $name", async ({ label, lists, satisfied }) => {
    const at = world();
    const built = await at.build({ id: "b1", release: "1.fc40" });
    const made = { ...built, repository: "containers/cockpit", ...(built.nvr ? { nvr: { ...built.nvr, name: label } } : {}) };
    at.builds.set("b1", made);
    at.gating.state.ports = { ...at.gating.state.ports, policies: [{ ...policy, ...lists }] };
    expect((await at.ports.gate.ask(made)).satisfied).toBe(satisfied);
    expect((await ask(at, made)).body.policies_satisfied).toBe(satisfied);
  });

  test("an answer of the other Greenwave that is none is a refusal of this release (CK7)", async () => {
    const at = world();
    const made = await at.build({ id: "b1", release: "1.fc40" });
    const ask = async () => {
      throw appError("gating.greenwave-answer", "greenwave.example.test answered what is no decision");
    };
    at.gating.state.ports = { ...at.gating.state.ports, greenwave: { ask } };
    const release = { digest: made.digest as Digest, build: "b1" };
    const policy = { gates: [] } as never;
    expect(await checkGates(at.ports.gate, { repository: "f40/cockpit", tag: "323-1.fc40", release, policy }, made)).toEqual([
      {
        check: "CK7",
        message: "nobody could decide about build b1: greenwave.example.test answered what is no decision",
        fix: "ask the operators of flibs",
      },
    ]);
  });

  test("policy.yaml's gates: an optional suite that it names holds back, too", async () => {
    const at = world();
    const made = await failed(at);
    const optional: BuildRecord = {
      ...made,
      ...(made.plan ? { plan: { ...made.plan, suites: made.plan.suites.map((one) => ({ ...one, required: false })) } } : {}),
    };
    expect((await at.ports.gate.ask(optional)).satisfied).toBe(true);
    expect((await at.ports.gate.ask(optional, ["signature", "smoke"])).satisfied).toBe(false);
    at.gating.state.ports = { ...at.gating.state.ports, readGates: async () => ["smoke"] };
    expect((await at.ports.gate.ask(optional)).satisfied).toBe(false);
  });

  test("a build of two platforms needs both results", async () => {
    const at = world();
    const made = await at.build({ id: "b1", release: "1.fc40" });
    const both: BuildRecord = {
      ...made,
      ...(made.plan ? { plan: { ...made.plan, platforms: ["linux/amd64" as const, "linux/arm64" as const] } } : {}),
      tests: [{ suite: "smoke (linux/amd64)", outcome: "pass", cases: [], message: "fine", durationMs: 1 }],
    };
    at.builds.set("b1", both);
    expect((await ask(at, both)).body.unsatisfied_requirements).toMatchObject([
      { system_architecture: "aarch64", type: "test-result-missing" },
    ]);
  });

  test("another Greenwave's decision counts beside the repository's own tests, and can be waived here", async () => {
    const at = world();
    const made = await failed(at);
    const subject = { type: "koji_build", identifier: nvrOf(made) };
    const asked: unknown[] = [];
    const open = { kind: "missing" as const, subject, testcase: "other-ci.install", scenario: null };
    at.gating.state.ports = {
      ...at.gating.state.ports,
      policies: [{ ...policy, rules: [{ kind: "test", testcase: "never.asked" }] }],
      greenwave: {
        ask: async (question) => {
          asked.push(question);
          return { satisfied: false, applicablePolicies: ["remote"], answers: [open] };
        },
      },
    };
    const answer = await at.ports.gate.ask(made);
    expect(asked).toEqual([
      { decisionContext: "flibs_promote", productVersion: "fedora-40", subjects: [{ ...subject, packageName: "cockpit" }] },
    ]);
    expect(answer.answers.map((one) => one.testcase)).toEqual(["flibs.smoke", "other-ci.install"]);
    await at.gating.give({ subject: byDigest(made), testcase: "other-ci.install" });
    expect((await at.ports.gate.ask(made)).satisfied).toBe(false);
    await at.gating.give({ subject: byDigest(made), testcase });
    expect((await at.ports.gate.ask(made)).satisfied).toBe(true);
    expect((await ask(at, made)).body).toMatchObject({ policies_satisfied: true, applicable_policies: ["flibs_required_tests", "remote"] });
  });

  test("TR14: a Greenwave that knows no policy holds everything back, and it is said why", async () => {
    const at = world();
    const made = await at.build({ id: "b1", release: "1.fc40" });
    const message = "Cannot find any applicable policies for koji_build subjects at gating point flibs_promote in fedora-40";
    at.gating.state.ports = { ...at.gating.state.ports, greenwave: { ask: async () => ({ message }) } };
    expect(await at.ports.gate.ask(made)).toMatchObject({ satisfied: false, undecided: message });
    expect(await ask(at, made)).toEqual({ status: 404, body: { message } });
    const proposed = await proposePromotion(at.ports, "b1");
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    expect(await body(at, proposed.number)).toContain(
      `nobody could decide about its tests: ${message.replace("flibs_promote", "flibs_promote")}`,
    );
    expect(await check(at, proposed.number)).toMatchObject({
      state: "failure",
      summary: expect.stringContaining("nobody could decide about build b1"),
    });
  });
});
