import { type Answer, type GateResult, isSatisfied, type Judgement } from "./decide.ts";
import type { DecisionSubject } from "./policy.ts";
import { formatWaiver, pythonTime } from "./waiver-json.ts";
import type { Waiver } from "./waivers.ts";

/** What `verbose` adds: everything that the decision was made from. */
export interface Material {
  readonly results: readonly { readonly subject: DecisionSubject; readonly result: GateResult }[];
  readonly waivers: readonly Waiver[];
}

/** A decision exactly as Greenwave answers it, keys in alphabetical order as there. Pure. */
export function formatDecision({ satisfied, applicablePolicies, answers }: Judgement, material?: Material) {
  const requirements = (wanted: boolean) => answers.filter((one) => isSatisfied(one) === wanted).map(formatRequirement);
  return {
    applicable_policies: applicablePolicies,
    policies_satisfied: satisfied,
    ...(material === undefined ? {} : { results: material.results.map(formatResult) }),
    satisfied_requirements: requirements(true),
    summary: summarize(answers),
    unsatisfied_requirements: requirements(false),
    ...(material === undefined ? {} : { waivers: material.waivers.map(formatWaiver) }),
  };
}

const types = {
  passed: "test-result-passed",
  missing: "test-result-missing",
  failed: "test-result-failed",
  errored: "test-result-errored",
};

function formatRequirement(answer: Answer): Readonly<Record<string, unknown>> {
  const { kind, subject, testcase, scenario, architecture, result, waiver } = answer;
  const about = { scenario, source: null, subject_identifier: subject.identifier, subject_type: subject.type };
  if (!(kind in types)) {
    return sorted({ ...about, ...(kind === "excluded" ? {} : { testcase: kind }), type: kind });
  }
  return sorted({
    ...about,
    // Old clients look there.
    ...(isSatisfied(answer) ? {} : { item: { item: subject.identifier, type: subject.type } }),
    ...(result === undefined || kind === "missing"
      ? (architecture ?? result?.architecture)
        ? { system_architecture: architecture ?? result?.architecture }
        : {}
      : { result_id: result.id, system_architecture: result.architecture, system_variant: result.variant }),
    testcase,
    type: `${types[kind as keyof typeof types]}${waiver === undefined ? "" : "-waived"}`,
  });
}

function sorted(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As ResultsDB shows it: every value of `data` is a list of texts. */
function formatResult({ subject, result }: Material["results"][number]) {
  const { id, testcase, outcome, scenario, architecture, variant, note, submittedAt } = result;
  const data = Object.entries({
    item: subject.identifier,
    scenario,
    system_architecture: architecture,
    system_variant: variant,
    type: subject.type,
  });
  return {
    data: Object.fromEntries(data.flatMap(([key, value]) => (value === null ? [] : [[key, [value]]]))),
    id,
    note,
    outcome,
    submit_time: pythonTime(submittedAt),
    testcase: { name: testcase },
  };
}

/** Greenwave's sentence. What was waived has not failed. Pure. */
export function summarize(answers: readonly Answer[]): string {
  const asked = answers.filter(({ kind }) => kind !== "excluded" && kind !== "fetched-gating-yaml");
  if (asked.length === 0) return "no tests are required";
  const open = asked.filter((one) => !isSatisfied(one));
  const missing = open.filter(({ kind }) => kind === "missing").length;
  const failed = open.length - missing;
  if (failed > 0 && missing > 0)
    return `${failed} of ${asked.length} required tests failed, ${missing} ${missing === 1 ? "result" : "results"} missing`;
  if (failed > 0) return `${failed} of ${asked.length} required tests failed`;
  if (missing > 0) return `${missing} of ${asked.length} required test results missing`;
  return "All required tests passed";
}
