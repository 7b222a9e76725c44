import { z } from "zod";
import { isDigest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import { parseNvr } from "../domain/nvr.ts";
import type { DecisionSubject, TestCaseRule } from "../gating/policy.ts";
import { subjectTypes } from "../gating/subject-types.ts";

/** What a client of Greenwave's asks. */
export interface DecisionRequest {
  readonly decisionContexts: readonly string[];
  readonly productVersion: string;
  readonly subjects: readonly DecisionSubject[];
  readonly rules?: readonly TestCaseRule[];
  readonly verbose: boolean;
  /** Milliseconds; the present when left out. */
  readonly when?: number;
}

/** Greenwave's `{"message": …}` for a request that it answers with 400. */
export interface RefusedRequest {
  readonly message: string;
}

const Text = z
  .string()
  .min(1)
  .max(300)
  .refine((text) => !text.includes("\0"));
const mostSubjects = 20;
const Subject = z.object({ type: Text.optional(), item: Text.optional(), original_spec_nvr: Text.optional() });
const Rule = z.object({ type: z.literal("PassingTestCaseRule"), test_case_name: Text, scenario: Text.nullish() });
const Body = z.object({
  product_version: Text.max(100),
  decision_context: z.union([Text, z.array(Text).min(1).max(20)]).optional(),
  rules: z.array(Rule).min(1).max(100).optional(),
  subject: z.array(Subject).min(1).max(mostSubjects).optional(),
  subject_type: Text.optional(),
  subject_identifier: Text.optional(),
  verbose: z.boolean().default(false),
  when: z.string().max(40).optional(),
});
type Body = z.infer<typeof Body>;

/** The body of `POST /api/v1.0/decision`. Never throws; what flibs does not know is passed over, as there, and so is a subject that
 * stands there twice. Pure. */
export function readDecisionRequest(body: unknown): DecisionRequest | RefusedRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return { message: "The request must be a JSON object" };
  if (!("product_version" in body) || body.product_version === "") return { message: "Missing required product version" };
  const parsed = Body.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { message: `Invalid ${issue?.path.join(".") || "request"}: ${issue?.message ?? ""}`.slice(0, 500) };
  }
  const { data } = parsed;
  if (data.decision_context === undefined && data.rules === undefined) return { message: "Either decision_context or rules is required" };
  if (data.decision_context !== undefined && data.rules !== undefined) return { message: "Cannot have both decision_context and rules" };
  const subjects = subjectsOf(data);
  if ("message" in subjects) return subjects;
  const when = data.when === undefined ? undefined : Date.parse(data.when);
  if (Number.isNaN(when)) return { message: 'Invalid "when" parameter: not an ISO 8601 time' };
  const contexts = data.decision_context ?? [];
  return {
    decisionContexts: typeof contexts === "string" ? [contexts] : contexts,
    productVersion: data.product_version,
    subjects,
    ...(data.rules === undefined ? {} : { rules: data.rules.map(ruleOf) }),
    verbose: data.verbose,
    ...(when === undefined ? {} : { when }),
  };
}

function subjectsOf({ subject, subject_type: type, subject_identifier: identifier }: Body): readonly DecisionSubject[] | RefusedRequest {
  if (subject === undefined) {
    if (type === undefined) return { message: 'Missing required "subject_type" parameter' };
    if (identifier === undefined) return { message: 'Missing required "subject_identifier" parameter' };
    return [named(type, identifier)];
  }
  if (type !== undefined || identifier !== undefined) return { message: "Give either subject, or subject_type and subject_identifier" };
  const subjects = subject.flatMap((one) => {
    if (one.original_spec_nvr !== undefined) return [named(subjectTypes.nvr, one.original_spec_nvr)];
    return one.type === undefined || one.item === undefined ? [] : [named(one.type, one.item)];
  });
  const once = new Map(subjects.map((one) => [JSON.stringify([one.type, one.identifier]), one]));
  return subjects.length === subject.length
    ? [...once.values()]
    : { message: "Invalid subject, must be a list of items with type and item" };
}

function ruleOf({ test_case_name: testcase, scenario }: z.infer<typeof Rule>): TestCaseRule {
  return { kind: "test", testcase, ...(scenario == null ? {} : { scenario }) };
}

function named(type: string, identifier: string): DecisionSubject {
  const name = nameOf(type, identifier);
  return { type, identifier, ...(name === undefined ? {} : { packageName: name }) };
}

function nameOf(type: string, identifier: string): string | undefined {
  return isNvrType(type) ? readNvr(identifier)?.name : undefined;
}

/** Greenwave knows the builds of Koji under an older name, too. */
export function isNvrType(type: string): boolean {
  return type === subjectTypes.nvr || type === "brew-build";
}

/** Undefined for what Koji would not take for one. */
export function readNvr(text: string) {
  try {
    return parseNvr(text);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

export function isDigestSubject({ type, identifier }: DecisionSubject): boolean {
  return type === subjectTypes.digest && isDigest(identifier);
}
