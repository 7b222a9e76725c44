import { z } from "zod";
import { appError } from "../domain/errors.ts";
import { formatNvr } from "../domain/nvr.ts";
import { subjectTypes } from "../gating/subject-types.ts";
import { demandReason, findWaiver, type NewWaiver, readExpiry, type WaiverStore } from "../gating/waivers.ts";
import type { BuildRecord } from "./build-record.ts";
import type { Gate, GateAnswer } from "./gate.ts";
import { answerName } from "./gate-words.ts";

/** As the journal of a command keeps it until it is written down. */
export const NewWaiverShape: z.ZodType<NewWaiver> = z.object({
  key: z.string(),
  subject: z.object({ type: z.string(), identifier: z.string() }),
  testcase: z.string(),
  username: z.string(),
  productVersion: z.string(),
  waived: z.boolean(),
  comment: z.string(),
  expiresAt: z.string().exactOptional(),
});

export interface WaiverLengths {
  /** When whoever gives one does not say, milliseconds. */
  readonly lengthMs: number;
  readonly mostMs: number;
}

export interface WaiverRequest {
  /** Suite or testcase, as the person calls it. */
  readonly test: string;
  readonly reason: string;
  readonly username: string;
  /** `7d`; never together with `until`. */
  readonly for?: string;
  /** `2026-12-31` */
  readonly until?: string;
  /** For whatever image has the build's NVR, in the place of its digest. */
  readonly byNvr: boolean;
  /** Of what asks: a second time nothing is written. */
  readonly key: string;
}

export interface WaiverPorts {
  readonly gate: Gate;
  readonly waivers: Pick<WaiverStore, "listOf">;
  now(): Date;
  readonly lengths: WaiverLengths;
}

/**
 * A waiver of a test that the gate of a build asks for and that has not passed there. Writes nothing. Throws `gating.build-unfit`,
 * `gating.not-required`, `gating.waiver-invalid` and what the gate throws.
 */
export async function prepareWaiver(ports: WaiverPorts, build: BuildRecord, request: WaiverRequest): Promise<NewWaiver> {
  const comment = demandReason(request.reason);
  const subject = subjectOf(build, request.byNvr);
  const answer = await ports.gate.ask(build);
  const testcase = demandTestcase(build, answer, request.test);
  const { lengthMs, mostMs } = ports.lengths;
  const expiresAt = readExpiry(request, ports.now(), lengthMs, mostMs);
  const { username, key } = request;
  return { key, subject, testcase, username, productVersion: answer.productVersion, waived: true, comment, expiresAt };
}

/** What takes the waiver of a test back that counts now. Throws `gating.nothing-waived` and what {@link prepareWaiver} throws. */
export async function prepareRevocation(
  ports: WaiverPorts,
  build: BuildRecord,
  { test, reason, username, byNvr, key }: Omit<WaiverRequest, "for" | "until">,
): Promise<NewWaiver> {
  const comment = demandReason(reason === "" ? "taken back" : reason);
  const subject = subjectOf(build, byNvr);
  const subjects = namesOf(build);
  const given = await ports.waivers.listOf(subjects);
  const testcases = meantBy(
    test,
    [...new Set(given.map((one) => one.testcase))].map((testcase) => ({ testcase, kind: "missing" as const })),
  ).map(({ testcase }) => testcase);
  const found = testcases.map((testcase) => findWaiver(given, testcase, ports.now().getTime())).find((one) => one !== undefined);
  if (found === undefined) {
    throw appError("gating.nothing-waived", `no waiver of ${test.slice(0, 100)} counts for build ${build.id}`, {
      hint: "flibs waivers, or the pull request of the promotion, show those that do",
    });
  }
  return { key, subject, testcase: found.testcase, username, productVersion: found.productVersion, waived: false, comment };
}

function namesOf({ nvr, digest }: BuildRecord) {
  return [
    ...(digest === undefined ? [] : [{ type: subjectTypes.digest, identifier: digest }]),
    ...(nvr === undefined ? [] : [{ type: subjectTypes.nvr, identifier: formatNvr(nvr) }]),
  ];
}

/** The digest, which is nothing but this image; the NVR for a build that has no digest yet, and for whoever wants that. */
function subjectOf(build: BuildRecord, byNvr: boolean): NewWaiver["subject"] {
  const unfit = (why: string, hint: string) => appError("gating.build-unfit", `build ${build.id} ${why}`, { hint });
  if (build.scratch) throw unfit("is a scratch build, which is never promoted", "Merge it first; its official build may be waived");
  if (build.state !== "building" && build.state !== "complete") throw unfit(`is ${build.state}`, "Build it again");
  const names = namesOf(build);
  const found = byNvr ? names.find(({ type }) => type === subjectTypes.nvr) : names[0];
  if (found === undefined) throw unfit("has no name-version-release yet", "Wait until it is being built");
  return found;
}

/** A testcase by its whole name before the suite that is called the same: `smoke` may be somebody else's test, `flibs.smoke` never is. */
function meantBy<T extends Parameters<typeof answerName>[0]>(test: string, tests: readonly T[]): readonly T[] {
  const exact = tests.filter(({ testcase }) => testcase === test);
  return exact.length > 0 ? exact : tests.filter((one) => answerName(one) === test);
}

function demandTestcase(build: BuildRecord, { answers, undecided }: GateAnswer, test: string): string {
  const tests = answers.filter(({ testcase, kind }) => testcase !== undefined && ["passed", "missing", "failed", "errored"].includes(kind));
  const meant = meantBy(test, tests);
  const [first] = meant;
  if (first?.testcase === undefined) {
    const known = [...new Set(tests.map(answerName))].slice(0, 20);
    const there = known.length > 0 ? `it asks for ${known.join(", ")}` : "it asks for no test";
    throw appError("gating.not-required", `the gate of build ${build.id} does not ask for "${test.slice(0, 100)}"; ${there}`, {
      hint: undecided === undefined ? "Only a test that holds a build back can be waived" : `Nobody could decide: ${undecided}`,
    });
  }
  if (meant.every(({ kind }) => kind === "passed")) {
    throw appError("gating.not-required", `${answerName(first)} of build ${build.id} has passed`, { hint: "There is nothing to waive" });
  }
  return first.testcase;
}
