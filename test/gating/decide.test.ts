import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type DecidedSubject, type DecisionInput, decide, type GateResult, isSatisfied, type Judgement } from "../../src/gating/decide.ts";
import { formatDecision, summarize } from "../../src/gating/decision-json.ts";
import { type GatingPolicy, isListed } from "../../src/gating/policy.ts";
import { formatWaiver } from "../../src/gating/waiver-json.ts";
import type { Waiver } from "../../src/gating/waivers.ts";

const samples = readFileSync("test/fixtures/gating/greenwave.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as { request: string; body: unknown });
const sample = (at: number) => JSON.stringify(samples[at]?.body);

const nvr = "httpd-container-2.4-3.f40container";
const now = Date.parse("2026-11-23T20:00:00Z");
const rule = (testcase: string) => ({ kind: "test" as const, testcase });
const policy: GatingPolicy = {
  id: "image_release",
  productVersions: ["fedora-*"],
  decisionContexts: ["image_push_stable"],
  subjectTypes: ["koji_build"],
  rules: [rule("imagebot.tests.yml.smoke"), rule("imagebot.structure")],
};
const passed: GateResult = {
  ...{ id: 1, testcase: "imagebot.tests.yml.smoke", outcome: "PASSED", scenario: null, architecture: "x86_64", variant: null },
  ...{ note: "ok", submittedAt: "2026-11-23T19:27:45.863Z" },
};
const waiver: Waiver = {
  ...{ id: 1, subject: { type: "koji_build", identifier: nvr }, testcase: "imagebot.structure", username: "alice" },
  ...{ productVersion: "fedora-40", waived: true, comment: "flaky", timestamp: "2026-11-23T19:29:24.163Z" },
};
const subject: DecidedSubject = {
  ...{ type: "koji_build", identifier: nvr, packageName: "httpd-container" },
  ...{ results: [passed], waivers: [], gating: undefined, architectures: ["x86_64"] },
};
const input = (changes: Partial<DecisionInput> = {}, about: Partial<DecidedSubject> = {}): DecisionInput => ({
  ...{ decisionContexts: ["image_push_stable"], productVersion: "fedora-40", policies: [policy], now },
  subjects: [{ ...subject, ...about }],
  ...changes,
});
function judged(changes: Partial<DecisionInput> = {}, about: Partial<DecidedSubject> = {}): Judgement {
  const found = decide(input(changes, about));
  if ("message" in found) throw new Error(found.message);
  return found;
}
const own = (outcome: string, changes: Partial<GateResult> = {}): GateResult => ({
  ...passed,
  testcase: "flibs.smoke",
  outcome,
  ...changes,
});
const only = { policies: [{ ...policy, rules: [rule("flibs.smoke")] }] };
const typesOf = ({ answers }: Judgement) =>
  [formatDecision({ satisfied: true, applicablePolicies: [], answers })].flatMap((one) =>
    [...one.satisfied_requirements, ...one.unsatisfied_requirements].map(({ type }) => type),
  );

describe("the decisions that Greenwave was seen to make, byte for byte", () => {
  test("one of two results is missing", () => {
    expect(JSON.stringify(formatDecision(judged()))).toBe(sample(0));
  });

  test("the waiver, but for its last three digits and its end", () => {
    const { expires_at, ...shown } = formatWaiver(waiver);
    const wanted = samples[1]?.body as Record<string, unknown>;
    expect(expires_at).toBeNull();
    expect(shown).toEqual({ ...wanted, timestamp: "2026-11-23T19:29:24.163000" });
  });

  test("the missing one is waived", () => {
    expect(JSON.stringify(formatDecision(judged({}, { waivers: [waiver] })))).toBe(sample(2));
  });
});

test("TR12: what a decision was made from is shown as ResultsDB gives it back: lists of texts", () => {
  const material = { results: [{ subject, result: { ...passed, scenario: "fips" } }], waivers: [waiver] };
  const shown = formatDecision(judged(), material);
  expect(shown.results?.[0]).toEqual({
    data: { item: [nvr], scenario: ["fips"], system_architecture: ["x86_64"], type: ["koji_build"] },
    ...{ id: 1, note: "ok", outcome: "PASSED", submit_time: "2026-11-23T19:27:45.863000", testcase: { name: "imagebot.tests.yml.smoke" } },
  });
  for (const key of Object.keys(shown.results?.[0]?.data ?? {})) expect(key).not.toContain(":");
  expect(shown.waivers?.[0]).toMatchObject({ comment: "flaky", expires_at: null });
});

describe("how results count", () => {
  test.each([
    { outcome: "PASSED", type: "test-result-passed", summary: "All required tests passed" },
    { outcome: "FAILED", type: "test-result-failed", summary: "1 of 1 required tests failed" },
    { outcome: "NEEDS_INSPECTION", type: "test-result-failed", summary: "1 of 1 required tests failed" },
    { outcome: "ERROR", type: "test-result-errored", summary: "1 of 1 required tests failed" },
    { outcome: "QUEUED", type: "test-result-missing", summary: "1 of 1 required test results missing" },
    { outcome: "RUNNING", type: "test-result-missing", summary: "1 of 1 required test results missing" },
    // A suite that was skipped: nothing was tested.
    { outcome: "INFO", type: "test-result-missing", summary: "1 of 1 required test results missing" },
  ])("$outcome is $type", ({ outcome, type, summary }) => {
    const found = judged(only, { results: [own(outcome)] });
    expect([typesOf(found), summarize(found.answers), found.satisfied]).toEqual([[type], summary, outcome === "PASSED"]);
    const waived = judged(only, { results: [own(outcome)], waivers: [{ ...waiver, testcase: "flibs.smoke" }] });
    expect(waived.satisfied).toBe(true);
    expect(typesOf(waived)).toEqual([outcome === "PASSED" ? type : `${type}-waived`]);
  });

  test("one architecture that passed does not speak for another that was not tested", () => {
    const found = judged(only, { results: [own("PASSED")], architectures: ["x86_64", "aarch64"] });
    expect(formatDecision(found).unsatisfied_requirements).toEqual([
      {
        ...{ item: { item: nvr, type: "koji_build" }, scenario: null, source: null, subject_identifier: nvr, subject_type: "koji_build" },
        ...{ system_architecture: "aarch64", testcase: "flibs.smoke", type: "test-result-missing" },
      },
    ]);
    const failed = own("FAILED", { id: 2, architecture: "aarch64" });
    expect(summarize(judged(only, { results: [own("PASSED"), failed], architectures: ["x86_64", "aarch64"] }).answers)).toBe(
      "1 of 2 required tests failed",
    );
    // Of somebody else's test nobody knows where it should have run.
    expect(
      judged({ policies: [{ ...policy, rules: [rule("imagebot.tests.yml.smoke")] }] }, { architectures: ["x86_64", "aarch64"] }).satisfied,
    ).toBe(true);
  });

  test("the newest result of an architecture counts, whatever the order", () => {
    const results = [own("PASSED", { id: 3 }), own("FAILED", { id: 2 })];
    expect(judged(only, { results }).satisfied).toBe(true);
    expect(judged(only, { results: results.toReversed() }).satisfied).toBe(true);
    expect(judged(only, { results: [own("PASSED", { id: 1 }), own("FAILED", { id: 2 })] }).satisfied).toBe(false);
  });

  test("a scenario that is named must be the result's; without one every scenario has to pass", () => {
    const named = { policies: [{ ...policy, rules: [{ ...rule("flibs.smoke"), scenario: "fips" }] }] };
    expect(typesOf(judged(named, { results: [own("PASSED")] }))).toEqual(["test-result-missing"]);
    expect(judged(named, { results: [own("PASSED", { scenario: "fips" })] }).satisfied).toBe(true);
    expect(judged(only, { results: [own("PASSED"), own("FAILED", { id: 2, scenario: "fips" })] }).satisfied).toBe(false);
  });

  test("failed and missing are told apart in the summary", () => {
    const rules = ["a", "b", "c"].map(rule);
    const results = [own("FAILED", { testcase: "a" })];
    expect(summarize(judged({ policies: [{ ...policy, rules }] }, { results }).answers)).toBe(
      "1 of 3 required tests failed, 2 results missing",
    );
    expect(summarize(judged({ policies: [{ ...policy, rules: rules.slice(1) }] }, { results }).answers)).toBe(
      "2 of 2 required test results missing",
    );
  });
});

describe("which policies apply", () => {
  test("TR14: nobody's policy is no consent, in Greenwave's own words", () => {
    const found = decide(input({ decisionContexts: ["nope"] }));
    expect(found).toEqual({ message: "Cannot find any applicable policies for koji_build subjects at gating point nope in fedora-40" });
    expect(decide(input({ productVersion: "epel-9" }))).toHaveProperty("message");
    expect(decide(input({}, { type: "container-image" }))).toHaveProperty("message");
    expect(decide(input({ policies: [] }))).toHaveProperty("message");
    expect(decide(input({ decisionContexts: ["nope", "image_push_stable"] }))).toHaveProperty("satisfied");
  });

  test("a policy without rules requires nothing, and says so", () => {
    const found = judged({ policies: [{ ...policy, rules: [] }] });
    expect([found.satisfied, summarize(found.answers), found.applicablePolicies]).toEqual([
      true,
      "no tests are required",
      ["image_release"],
    ]);
  });

  test("lists of packages: asked, left out, or excluded", () => {
    const withPackages = (packages: string[], excludedPackages: string[]) => [{ ...policy, packages, excludedPackages }];
    expect(judged({ policies: withPackages(["httpd*"], []) }).satisfied).toBe(false);
    expect(judged({ policies: withPackages(["nginx*"], []) }).answers).toEqual([]);
    expect(typesOf(judged({ policies: withPackages([], ["httpd-*"]) }))).toEqual(["excluded"]);
    // Of what has no name nobody can say that it is not meant.
    expect(isListed({ ...policy, packages: ["httpd"] }, { type: "container-image", identifier: "x" })).toBe(true);
  });

  test("a rule counts from its day and until its day", () => {
    const at = (validSince: string, validUntil: string) =>
      judged({ policies: [{ ...policy, rules: [{ ...rule("a"), validSince, validUntil }] }] }).answers.length;
    expect(at("2026-11-23T20:00:00Z", "2026-11-23T20:00:01Z")).toBe(1);
    expect(at("2026-11-23T20:00:01Z", "2026-12-23T20:00:01Z")).toBe(0);
    expect(at("2026-01-01T00:00:00Z", "2026-11-23T20:00:00Z")).toBe(0);
  });

  test("a gating.yaml is asked where a policy says so, and only what in it is for this point", () => {
    const remote = (required: boolean) => ({ policies: [{ ...policy, rules: [{ kind: "remote" as const, required }] }] });
    expect(typesOf(judged(remote(true)))).toEqual(["missing-gating-yaml"]);
    expect(judged(remote(true), { waivers: [{ ...waiver, testcase: "missing-gating-yaml" }] }).satisfied).toBe(false);
    expect(judged(remote(false)).answers).toEqual([]);
    const gating = [
      { ...policy, rules: [rule("a")] },
      { ...policy, decisionContexts: ["other"], rules: [rule("b")] },
    ];
    const found = judged(remote(true), { gating });
    expect(typesOf(found)).toEqual(["fetched-gating-yaml", "test-result-missing"]);
    expect(summarize(found.answers)).toBe("1 of 1 required test results missing");
    expect(found.applicablePolicies).toEqual(["image_release"]);
  });

  test("rules of the request need no policy; what two policies ask for is asked once", () => {
    const asked = judged({ decisionContexts: [], policies: [policy], rules: [rule("imagebot.structure")] });
    expect([asked.applicablePolicies, asked.answers.length]).toEqual([[], 1]);
    expect(judged({ policies: [policy, { ...policy, id: "two" }] })).toMatchObject({
      applicablePolicies: ["image_release", "two"],
      answers: { length: 2 },
    });
  });

  test("an image may be asked about by NVR and by digest at once", () => {
    const digest = { ...subject, type: "container-image", identifier: `sha256:${"a".repeat(64)}` };
    expect(decide(input({ subjects: [subject, digest] }))).toHaveProperty("message");
    const found = decide(input({ subjects: [subject, { ...digest, mayLackPolicy: true }] }));
    expect(found).toMatchObject({ answers: { length: 2 } });
  });
});

describe("which waiver counts", () => {
  const about = (...waivers: Partial<Waiver>[]) =>
    judged(only, {
      results: [own("FAILED")],
      waivers: waivers.map((one, at) => ({ ...waiver, testcase: "flibs.smoke", id: at + 1, ...one })),
    });

  test("TR13: the newest one, also when it takes an older one back", () => {
    expect(about({}).satisfied).toBe(true);
    expect(about({}, { waived: false }).satisfied).toBe(false);
    expect(about({}, { waived: false }, {}).satisfied).toBe(true);
    expect(about({ id: 5, waived: false }, { id: 2 }).satisfied).toBe(false);
  });

  test("an expired one counts no more, and brings none before it back", () => {
    const expired = { expiresAt: "2026-11-23T20:00:00Z" };
    expect(about({ expiresAt: "2026-11-23T20:00:01Z" }).satisfied).toBe(true);
    expect(about(expired).satisfied).toBe(false);
    expect(about({}, expired).satisfied).toBe(false);
  });

  test("one for another test does not count, nor one that was given later than the time that is asked about", () => {
    expect(about({ testcase: "flibs.other" }).satisfied).toBe(false);
    const later = { results: [own("FAILED")], waivers: [{ ...waiver, testcase: "flibs.smoke", timestamp: "2026-11-24T00:00:00Z" }] };
    expect(judged({ ...only, when: now }, later).satisfied).toBe(false);
    expect(judged({ ...only, when: Date.parse("2026-11-24T00:00:00Z") }, later).satisfied).toBe(true);
    expect(typesOf(judged({ ...only, when: Date.parse("2026-11-01") }, { results: [own("PASSED")] }))).toEqual(["test-result-missing"]);
    // The clock of another replica may be ahead of ours.
    expect(judged(only, later).satisfied).toBe(true);
  });

  test("whatever is waived, a decision is satisfied only when each requirement passed or has a waiver", () => {
    const outcome = fc.constantFrom("PASSED", "FAILED", "ERROR", "RUNNING", "INFO", "x");
    const testcase = fc.constantFrom("flibs.a", "flibs.b", "other.c");
    const results = fc.array(fc.record({ outcome, testcase, architecture: fc.constantFrom("x86_64", "aarch64", null), id: fc.nat(9) }));
    const waivers = fc.array(fc.record({ testcase, waived: fc.boolean(), id: fc.nat(9) }));
    fc.assert(
      fc.property(results, waivers, fc.array(testcase), (some, given, rules) => {
        const found = judged(
          { policies: [{ ...policy, rules: rules.map(rule) }] },
          { results: some.map((one) => ({ ...passed, ...one })), waivers: given.map((one) => ({ ...waiver, ...one })) },
        );
        const decision = formatDecision(found);
        expect(decision.policies_satisfied).toBe(decision.unsatisfied_requirements.length === 0);
        expect(decision.satisfied_requirements.length + decision.unsatisfied_requirements.length).toBe(found.answers.length);
        for (const one of found.answers) expect(isSatisfied(one)).toBe(one.kind === "passed" || one.waiver !== undefined);
        for (const asked of rules) expect(found.answers.some((one) => one.testcase === asked)).toBe(true);
      }),
    );
  });
});
