import { z } from "zod";
import { appError, isAppError } from "../../domain/errors.ts";
import { type Answer, type AnswerKind, isSatisfied, type Judgement } from "../decide.ts";
import type { Greenwave } from "../greenwave.ts";
import type { DecisionSubject } from "../policy.ts";
import type { Waiver } from "../waivers.ts";

export interface GreenwaveOptions {
  /** Without a slash at the end: `https://greenwave.example.org`. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly userAgent: string;
}

const maxAnswerBytes = 2 * 1024 * 1024;
const text = z.string().max(1000);
const Requirement = z.object({
  type: text,
  testcase: text.nullish(),
  scenario: text.nullish(),
  subject_type: text.nullish(),
  subject_identifier: text.nullish(),
  result_id: z.int().nullish(),
  system_architecture: text.nullish(),
  system_variant: text.nullish(),
});
const Waived = z.object({
  id: z.int(),
  subject_type: text,
  subject_identifier: text,
  testcase: text,
  username: text,
  product_version: text.nullish(),
  waived: z.boolean(),
  comment: z.string().max(100_000).nullish(),
  timestamp: text.nullish(),
});
const Decision = z.object({
  policies_satisfied: z.boolean(),
  applicable_policies: z.array(text).max(1000),
  satisfied_requirements: z.array(Requirement).max(5000),
  unsatisfied_requirements: z.array(Requirement).max(5000),
  waivers: z.array(Waived).max(5000).optional(),
});
type Decision = z.infer<typeof Decision>;

/** {@link Greenwave} over its HTTP API, version 1.0. */
export function greenwaveClient({ url, timeoutMs, userAgent }: GreenwaveOptions): Greenwave {
  return {
    async ask({ decisionContext, productVersion, subjects }, signal) {
      const answers: Judgement[] = [];
      for (const subject of subjects) {
        const asked = {
          ...{ decision_context: decisionContext, product_version: productVersion, verbose: true },
          ...{ subject_type: subject.type, subject_identifier: subject.identifier },
        };
        const { status, body } = await post(`${url}/api/v1.0/decision`, asked, { timeoutMs, userAgent, signal });
        if (status === 404) return { message: messageOf(body) ?? "the site's Greenwave knows no policy for this" };
        if (status !== 200) throw refused(url, status, messageOf(body));
        const parsed = Decision.safeParse(body);
        if (!parsed.success) throw refused(url, status, z.prettifyError(parsed.error).slice(0, 300));
        answers.push(judgementOf(parsed.data, subject));
      }
      return {
        satisfied: answers.every((one) => one.satisfied),
        applicablePolicies: [...new Set(answers.flatMap((one) => one.applicablePolicies))],
        answers: answers.flatMap((one) => one.answers),
      };
    },
  };
}

async function post(
  url: string,
  asked: unknown,
  { timeoutMs, userAgent, signal }: Pick<GreenwaveOptions, "timeoutMs" | "userAgent"> & { readonly signal: AbortSignal | undefined },
): Promise<{ readonly status: number; readonly body: unknown }> {
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", "user-agent": userAgent },
      body: JSON.stringify(asked),
      redirect: "error",
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    if (answer.status === 429 || answer.status >= 500) {
      await answer.body?.cancel();
      throw unavailable(url, `it answered ${answer.status}`);
    }
    return { status: answer.status, body: readJson(await readBounded(answer)) };
  } catch (error) {
    signal?.throwIfAborted();
    if (isAppError(error)) throw error;
    throw unavailable(url, limit.aborted ? `it took longer than ${timeoutMs / 1000} seconds` : "it did not answer", error);
  }
}

async function readBounded(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of answer.body ?? []) {
    size += part.length;
    if (size > maxAnswerBytes) throw refused(answer.url, answer.status, `more than ${maxAnswerBytes / 2 ** 20} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function messageOf(body: unknown): string | undefined {
  return z.object({ message: z.string() }).safeParse(body).data?.message.slice(0, 500);
}

function unavailable(url: string, why: string, cause?: unknown): Error {
  return appError("gating.greenwave-unavailable", `${new URL(url).host} could not be asked for a decision: ${why}`, { cause });
}

function refused(url: string, status: number, why: string | undefined): Error {
  const said = why === undefined ? "" : `: ${why}`;
  return appError("gating.greenwave-answer", `${new URL(url).host} answered ${status}, which is no decision${said}`, {
    hint: "Compare the setting gating.greenwave with that installation",
  });
}

function judgementOf(decision: Decision, subject: DecisionSubject): Judgement {
  const waivers = (decision.waivers ?? []).map(waiverOf);
  const answers = [
    ...decision.satisfied_requirements.map((one) => answerOf(one, subject, waivers, true)),
    ...decision.unsatisfied_requirements.map((one) => answerOf(one, subject, waivers, false)),
  ];
  // What counts is its own word; should it contradict its own list, nothing is released.
  const satisfied = decision.policies_satisfied && answers.every(isSatisfied);
  return { satisfied, applicablePolicies: decision.applicable_policies, answers };
}

const kinds: Readonly<Record<string, AnswerKind>> = {
  "test-result-passed": "passed",
  "test-result-missing": "missing",
  "test-result-incomplete": "missing",
  "test-result-failed": "failed",
  "test-result-errored": "errored",
  excluded: "excluded",
  "fetched-gating-yaml": "fetched-gating-yaml",
  "missing-gating-yaml": "missing-gating-yaml",
  "invalid-gating-yaml": "invalid-gating-yaml",
  "failed-fetch-gating-yaml": "failed-fetch-gating-yaml",
};

/** Of a type that is not known here only that it is satisfied, or not. */
function answerOf(one: z.infer<typeof Requirement>, subject: DecisionSubject, waivers: readonly Waiver[], satisfied: boolean): Answer {
  const isWaived = one.type.endsWith("-waived");
  const kind = kinds[isWaived ? one.type.slice(0, -"-waived".length) : one.type] ?? (satisfied ? "passed" : "failed");
  const scenario = one.scenario ?? null;
  const result =
    one.result_id == null
      ? {}
      : {
          result: {
            ...{ id: one.result_id, testcase: one.testcase ?? "", outcome: kind.toUpperCase(), scenario, note: "", submittedAt: "" },
            ...{ architecture: one.system_architecture ?? null, variant: one.system_variant ?? null },
          },
        };
  const testcase = one.testcase ?? one.type;
  const waiver =
    satisfied && isWaived
      ? (waivers.find((given) => given.testcase === testcase && given.waived) ?? unnamed(subject, testcase))
      : undefined;
  return {
    kind,
    subject: { ...subject, type: one.subject_type ?? subject.type, identifier: one.subject_identifier ?? subject.identifier },
    testcase,
    scenario,
    ...(one.result_id == null && one.system_architecture != null ? { architecture: one.system_architecture } : {}),
    ...result,
    ...(waiver === undefined ? {} : { waiver }),
  };
}

function waiverOf({
  id,
  subject_type,
  subject_identifier,
  testcase,
  username,
  product_version,
  waived,
  comment,
  timestamp,
}: z.infer<typeof Waived>): Waiver {
  return {
    ...{ id, subject: { type: subject_type, identifier: subject_identifier }, testcase, username, waived },
    ...{ productVersion: product_version ?? "", comment: (comment ?? "").slice(0, 500), timestamp: timestamp ?? "" },
  };
}

function unnamed(subject: DecisionSubject, testcase: string): Waiver {
  const about = { subject: { type: subject.type, identifier: subject.identifier }, testcase, productVersion: "", timestamp: "" };
  return { id: 0, ...about, username: "somebody", waived: true, comment: "waived where the site's Greenwave looks" };
}
