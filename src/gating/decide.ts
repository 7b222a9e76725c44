import {
  appliesTo,
  type DecisionSubject,
  type GatingPolicy,
  isExcluded,
  isListed,
  isValidAt,
  type PolicyQuestion,
  type TestCaseRule,
} from "./policy.ts";
import { suiteOf } from "./testcase.ts";
import { findWaiver, type Waiver } from "./waivers.ts";

/** A test's result, in ResultsDB's words. */
export interface GateResult {
  readonly id: number;
  readonly testcase: string;
  /** PASSED, INFO, FAILED, NEEDS_INSPECTION, ERROR, QUEUED, RUNNING */
  readonly outcome: string;
  readonly scenario: string | null;
  readonly architecture: string | null;
  readonly variant: string | null;
  /** One line, as whoever ran it said. */
  readonly note: string;
  /** ISO 8601. */
  readonly submittedAt: string;
}

/** What is known of one subject. */
export interface DecidedSubject extends DecisionSubject {
  readonly results: readonly GateResult[];
  readonly waivers: readonly Waiver[];
  /** Policies of the gating.yaml of its commit; undefined when it has none. */
  readonly gating: readonly GatingPolicy[] | undefined;
  /** flibs runs each of its own suites for every one of them. */
  readonly architectures: readonly string[];
  /** Nobody having a policy for it is no fault, as long as there is one for another subject. */
  readonly mayLackPolicy?: boolean;
}

export interface DecisionInput extends PolicyQuestion {
  readonly subjects: readonly DecidedSubject[];
  readonly policies: readonly GatingPolicy[];
  /** Rules of the request itself, which need no policy. */
  readonly rules?: readonly TestCaseRule[];
  /** Milliseconds. */
  readonly now: number;
  /**
   * What is younger is not known yet, milliseconds. Left out but for questions about the past: clocks of several replicas differ, and a result must
   * not be passed over for that.
   */
  readonly when?: number;
}

export type AnswerKind = "passed" | "missing" | "failed" | "errored" | "excluded" | GatingAnswer;
type GatingAnswer = "fetched-gating-yaml" | "missing-gating-yaml" | "invalid-gating-yaml" | "failed-fetch-gating-yaml";

/** One requirement, and how it stands. */
export interface Answer {
  readonly kind: AnswerKind;
  readonly subject: DecisionSubject;
  /** Undefined for what is about no test. */
  readonly testcase?: string;
  readonly scenario: string | null;
  /** Of a missing result only when there are others of this test, for other architectures. */
  readonly architecture?: string;
  readonly result?: GateResult;
  /** That makes it satisfied although it is none of `passed`. */
  readonly waiver?: Waiver;
}

export interface Judgement {
  readonly satisfied: boolean;
  readonly applicablePolicies: readonly string[];
  readonly answers: readonly Answer[];
}

/** TR14: that nobody wrote a policy is no consent. `message` is Greenwave's. */
export interface NoPolicy {
  readonly message: string;
}

/** Every rule that applies, and its answer for these results and waivers, as Greenwave has it. Pure. */
export function decide(input: DecisionInput): Judgement | NoPolicy {
  const applicable = new Set<string>();
  const answers: Answer[] = [];
  for (const subject of input.subjects) {
    if (input.rules !== undefined) answers.push(...input.rules.flatMap((rule) => checkRule(input, subject, rule)));
    const policies = input.policies.filter((policy) => appliesTo(policy, input, subject));
    if (policies.length === 0 && input.rules === undefined && subject.mayLackPolicy !== true) return noPolicy(input, subject);
    for (const policy of policies) {
      if (policy.id !== undefined) applicable.add(policy.id);
      answers.push(...checkPolicy(input, subject, policy));
    }
  }
  const once = onceEach(answers);
  return { satisfied: once.every(isSatisfied), applicablePolicies: [...applicable], answers: once };
}

export function isSatisfied({ kind, waiver }: Pick<Answer, "kind" | "waiver">): boolean {
  return kind === "passed" || kind === "excluded" || kind === "fetched-gating-yaml" || waiver !== undefined;
}

function noPolicy({ decisionContexts, productVersion }: PolicyQuestion, { type }: DecisionSubject): NoPolicy {
  const contexts = decisionContexts.join(", ");
  const points = decisionContexts.length === 1 ? "point" : "points";
  return { message: `Cannot find any applicable policies for ${type} subjects at gating ${points} ${contexts} in ${productVersion}` };
}

function checkPolicy(input: DecisionInput, subject: DecidedSubject, policy: GatingPolicy): readonly Answer[] {
  if (isExcluded(policy, subject)) return [{ kind: "excluded", subject: plain(subject), scenario: null }];
  if (!isListed(policy, subject)) return [];
  return policy.rules.flatMap((rule) =>
    rule.kind === "test" ? checkRule(input, subject, rule) : checkGating(input, subject, rule.required),
  );
}

function checkGating(input: DecisionInput, subject: DecidedSubject, required: boolean): readonly Answer[] {
  const about = { subject: plain(subject), scenario: null };
  if (subject.gating === undefined) return required ? [{ kind: "missing-gating-yaml", ...about }] : [];
  const policies = subject.gating.filter((policy) => appliesTo(policy, input, subject));
  if (policies.length === 0 && subject.mayLackPolicy === true) return [];
  return [{ kind: "fetched-gating-yaml", ...about }, ...policies.flatMap((policy) => checkPolicy(input, subject, policy))];
}

/** Of the results of each architecture, variant and scenario the newest counts; each of them has to have passed. */
function checkRule({ now, when }: DecisionInput, subject: DecidedSubject, rule: TestCaseRule): readonly Answer[] {
  if (!isValidAt(rule, now)) return [];
  const waiver = findWaiver(subject.waivers, rule.testcase, now, when);
  const about = { subject: plain(subject), testcase: rule.testcase, scenario: rule.scenario ?? null };
  const missing = (architecture?: string): Answer => ({
    ...{ kind: "missing", ...about },
    ...(architecture === undefined ? {} : { architecture }),
    ...(waiver === undefined ? {} : { waiver }),
  });
  const results = newestEach(subject.results, rule, when);
  if (results.length === 0) return [missing()];
  const wanted = suiteOf(rule.testcase) === undefined ? [] : subject.architectures;
  const lacking = wanted.filter((one) => !results.some(({ architecture }) => architecture === one));
  const answers = results.map((result): Answer => {
    const kind = kindOf(result);
    const found = { kind, ...about, scenario: result.scenario, result };
    return kind === "passed" || waiver === undefined ? found : { ...found, waiver };
  });
  return [...answers, ...lacking.map(missing)];
}

function newestEach(
  results: readonly GateResult[],
  { testcase, scenario }: TestCaseRule,
  when = Number.POSITIVE_INFINITY,
): readonly GateResult[] {
  const newest = new Map<string, GateResult>();
  for (const result of results) {
    const isMeant = result.testcase === testcase && (scenario === undefined || result.scenario === scenario);
    if (!isMeant || Date.parse(result.submittedAt) > when) continue;
    const key = JSON.stringify([result.scenario, result.architecture, result.variant]);
    const other = newest.get(key);
    if (other === undefined || other.id < result.id) newest.set(key, result);
  }
  return [...newest.values()];
}

/**
 * What has not ended is missing (6.3 of the handbook). So is INFO, which Greenwave takes for passed: it is what a suite says that was skipped, and
 * then nothing was tested.
 */
function kindOf({ outcome }: GateResult): AnswerKind {
  if (outcome === "PASSED") return "passed";
  if (outcome === "QUEUED" || outcome === "RUNNING" || outcome === "INFO") return "missing";
  return outcome === "ERROR" ? "errored" : "failed";
}

function plain({ type, identifier, packageName }: DecisionSubject): DecisionSubject {
  return { type, identifier, ...(packageName === undefined ? {} : { packageName }) };
}

/** Several policies may ask for the same. */
function onceEach(answers: readonly Answer[]): readonly Answer[] {
  const seen = new Set<string>();
  return answers.filter(({ kind, subject, testcase, scenario, architecture, result }) => {
    const key = JSON.stringify([kind, subject.type, subject.identifier, testcase, scenario, architecture, result?.id]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
