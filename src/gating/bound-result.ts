import type { TestCase, TestOutcome, TestResult } from "./test-runner.ts";

/** What is kept of a result; the rest is counted. A test may have been written to make it long. */
export const kept = {
  cases: 500,
  nameLength: 200,
  messageLength: 1000,
  allMessages: 50_000,
  resultMessageLength: 1000,
  artifacts: 1000,
} as const;

/** A result of bounded size. */
export type BoundedResult = TestResult & {
  /** Cases that are not kept, by how they ended; absent when all are. */
  readonly leftOut?: Readonly<Partial<Record<TestOutcome, number>>>;
};

/**
 * The result with no more cases and no longer texts than are kept. Of too many cases those that did not pass stay first, in their order; text is
 * cut at whole characters, and once all messages together are long enough the rest of them are left out. Pure, and the same when it is done twice.
 */
export function boundResult(result: BoundedResult): BoundedResult {
  const cases = boundMessages(chooseCases(result.cases).map(boundCase));
  const leftOut = addCounts(result.leftOut ?? {}, countOutcomes(result.cases), countOutcomes(cases));
  const { leftOut: _, artifacts, ...rest } = result;
  return {
    ...rest,
    message: cutText(result.message, kept.resultMessageLength),
    cases,
    ...(artifacts === undefined ? {} : { artifacts: artifacts.slice(0, kept.artifacts) }),
    ...(Object.keys(leftOut).length === 0 ? {} : { leftOut }),
  };
}

/** How many cases ended how, those that are not kept included. */
export function countCases({ cases, leftOut = {} }: Pick<BoundedResult, "cases" | "leftOut">): Readonly<Record<TestOutcome, number>> {
  const counts = countOutcomes(cases);
  return {
    pass: counts.pass + (leftOut.pass ?? 0),
    fail: counts.fail + (leftOut.fail ?? 0),
    error: counts.error + (leftOut.error ?? 0),
    skip: counts.skip + (leftOut.skip ?? 0),
  };
}

/** At most so many UTF-16 units, no character cut in two. */
export function cutText(text: string, length: number): string {
  const whole = text.toWellFormed();
  return whole.length <= length ? whole : `${whole.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

function chooseCases(cases: readonly TestCase[]): readonly TestCase[] {
  if (cases.length <= kept.cases) return cases;
  const bad = cases.flatMap((one, index) => (one.outcome === "pass" || one.outcome === "skip" ? [] : [index]));
  const good = cases.flatMap((one, index) => (one.outcome === "pass" || one.outcome === "skip" ? [index] : []));
  const chosen = [...bad, ...good].slice(0, kept.cases).sort((a, b) => a - b);
  return chosen.flatMap((index) => cases[index] ?? []);
}

/** What did not pass has its words first. */
function boundMessages(cases: readonly TestCase[]): readonly TestCase[] {
  let left: number = kept.allMessages;
  const messages = new Map<TestCase, string>();
  const isBad = (one: TestCase) => one.outcome === "fail" || one.outcome === "error";
  for (const one of [...cases.filter(isBad), ...cases.filter((other) => !isBad(other))]) {
    const message = one.message.length <= left ? one.message : "";
    messages.set(one, message);
    left -= message.length;
  }
  return cases.map((one) => ({ ...one, message: messages.get(one) ?? "" }));
}

function boundCase({ name, outcome, message, durationMs, log }: TestCase): TestCase {
  return {
    name: cutText(name, kept.nameLength),
    outcome,
    message: cutText(message, kept.messageLength),
    durationMs,
    ...(log === undefined ? {} : { log }),
  };
}

function countOutcomes(cases: readonly TestCase[]): Record<TestOutcome, number> {
  const counts = { pass: 0, fail: 0, error: 0, skip: 0 };
  for (const { outcome } of cases) counts[outcome] += 1;
  return counts;
}

function addCounts(before: Readonly<Partial<Record<TestOutcome, number>>>, all: Record<TestOutcome, number>, left: typeof all) {
  const sums = (["pass", "fail", "error", "skip"] as const).map((one) => [one, (before[one] ?? 0) + all[one] - left[one]] as const);
  return Object.fromEntries(sums.filter(([, count]) => count > 0)) as Partial<Record<TestOutcome, number>>;
}
