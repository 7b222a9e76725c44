import { z } from "zod";
import type { ParsedYaml } from "../left-yaml.ts";
import type { TestCase, TestOutcome } from "../test-runner.ts";

const maxResults = 5000;

/** As tmt's specification has it (spec/plans/results); what else stands there is not needed here. */
const Result = z.object({
  name: z.string().min(1).max(1000),
  result: z.enum(["pass", "fail", "info", "warn", "error", "skip", "pending"]),
  duration: z
    .string()
    .regex(/^\d+:\d\d:\d\d$/)
    .nullish()
    .catch(undefined),
  note: z
    .union([z.string().transform((text) => [text]), z.array(z.string())])
    .nullish()
    .catch(undefined),
});
const Results = z.array(Result).max(maxResults);

const outcomes: Readonly<Record<z.infer<typeof Result>["result"], TestOutcome>> = {
  ...{ pass: "pass", info: "pass", fail: "fail", warn: "fail", error: "error", skip: "skip" },
  // It was to be run, and was not.
  pending: "error",
};

export type ReadResults = { readonly cases: readonly TestCase[] } | { readonly problem: string };

/** results.yaml of a plan. Pure; never throws, whatever stands there. */
export function readTmtResults(file: ParsedYaml): ReadResults {
  if ("problem" in file) return { problem: `results.yaml: ${file.problem}` };
  const parsed = Results.safeParse(file.value ?? []);
  if (!parsed.success) return { problem: `results.yaml: not as tmt writes it: ${parsed.error.issues[0]?.path.join(".")}` };
  return {
    cases: parsed.data.map(({ name, result, duration, note }) => ({
      name: oneLine(name).slice(0, 300),
      outcome: outcomes[result],
      message: oneLine([...(result === "pass" ? [] : [result]), ...(note ?? [])].join(": ")).slice(0, 500),
      durationMs: millisecondsOf(duration ?? ""),
    })),
  };
}

function millisecondsOf(duration: string): number {
  const [, hours, minutes, seconds] = /^(\d{1,4}):(\d\d):(\d\d)$/.exec(duration) ?? [];
  return seconds === undefined ? 0 : (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
}

/** They come from a container. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ");
}
