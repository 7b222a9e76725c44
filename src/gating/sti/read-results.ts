import { z } from "zod";
import type { ParsedYaml } from "../left-yaml.ts";
import type { TestCase, TestOutcome } from "../test-runner.ts";

/** What stands at a path of the artifacts folder; a link on the way makes the whole path one. */
export type Place = "file" | "link" | "absent";

export interface Finished {
  readonly exitCode: number;
  /** `results.yml`; undefined when there is none. */
  readonly results: ParsedYaml | undefined;
  /** A relative path without `..`. */
  readonly placeOf: (path: string) => Place;
}

export interface Reading {
  readonly outcome: TestOutcome;
  readonly message: string;
  readonly cases: readonly TestCase[];
  /** Another try would come to the same. */
  readonly final?: boolean;
}

/** PyYAML writes an alias wherever one list of logs stands in two results. */
export const maxAliases = 100;

const Results = z.object({
  results: z
    .array(
      z.object({
        test: z.union([z.string().min(1), z.number(), z.boolean()]).transform(String),
        result: z.enum(["pass", "fail", "error"]),
        logs: z.array(z.string().min(1)).max(100).nullish(),
      }),
    )
    .max(1000),
});

/**
 * Pure: one reading for versions 1 and 2 of the interface (Standard Test Interface 2.0.0, "Results"). Exit code 0 means that the tests were carried
 * out, not that they passed: `results.yml` tells. Suites of version 1 have none, and end with 2 when a test fails.
 */
export function readResults({ exitCode, results, placeOf }: Finished): Reading {
  if (results === undefined) return { ...withoutResults(exitCode), cases: [] };
  const parsed = parseResults(results);
  if ("problem" in parsed) return bad(parsed.problem);
  const cases: TestCase[] = [];
  for (const { test, result, logs } of parsed.results) {
    const name = test.replaceAll(/\p{C}+/gu, " ").slice(0, 200);
    const [log] = logs ?? [];
    for (const path of logs ?? []) {
      const problem = problemOf(path, placeOf);
      if (problem !== undefined) return bad(`the log ${JSON.stringify(path.slice(0, 100))} of ${name} ${problem}`);
    }
    const isThere = log !== undefined && placeOf(normal(log)) === "file";
    cases.push({ name, outcome: result, message: words[result], durationMs: 0, ...(isThere ? { log: normal(log) } : {}) });
  }
  return { ...summary(cases, exitCode), cases };
}

const words = { pass: "", fail: "failed", error: "could not be carried out" } as const;

function bad(problem: string): Reading {
  return { outcome: "error", message: `results.yml: ${problem}`, cases: [], final: true };
}

type Parsed = z.infer<typeof Results> | { readonly problem: string };

function parseResults(file: ParsedYaml): Parsed {
  if ("problem" in file) return file;
  const parsed = Results.safeParse(file.value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `${issue?.path.join(".") || "the file"}: ${issue?.message.slice(0, 200)}` };
  }
  const seen = new Set<string>();
  for (const { test } of parsed.data.results) {
    if (seen.has(test)) return { problem: `the test ${JSON.stringify(test.slice(0, 100))} is in it twice` };
    seen.add(test);
  }
  return parsed.data;
}

/** Undefined for a log that lies in the folder, whether it is there or not. */
function problemOf(path: string, placeOf: Finished["placeOf"]): string | undefined {
  if (path.startsWith("/") || path.split("/").includes("..")) return "is outside of the artifacts";
  if (/\p{C}/u.test(path)) return "has control characters";
  return placeOf(normal(path)) === "link" ? "is a symbolic link or behind one" : undefined;
}

function normal(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

function summary(cases: readonly TestCase[], exitCode: number): Omit<Reading, "cases"> {
  const worst = (["error", "fail"] as const).find((outcome) => cases.some((one) => one.outcome === outcome));
  if (worst !== undefined) {
    const found = cases.filter((one) => one.outcome === worst);
    const more = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
    return { outcome: worst, message: `${found[0]?.name}: ${words[worst]}${more}` };
  }
  if (exitCode !== 0) return { outcome: "error", message: `ansible-playbook ${meaningOf(exitCode)}, though no test of results.yml failed` };
  if (cases.length === 0) return { outcome: "error", message: "results.yml names no test" };
  return { outcome: "pass", message: `${cases.length} passed` };
}

function withoutResults(exitCode: number): Omit<Reading, "cases"> {
  if (exitCode === 0) return { outcome: "pass", message: "ansible-playbook ended well; there is no results.yml" };
  return { outcome: exitCode === 2 ? "fail" : "error", message: `ansible-playbook ${meaningOf(exitCode)}; there is no results.yml` };
}

/** In words: https://docs.ansible.com names none of these; they are those of ansible-core's task queue and command line. */
const meanings: Readonly<Record<number, string>> = {
  1: "had an error",
  2: "had a task that failed",
  4: "could not reach the container, or not read the playbook",
  5: "was given options that it does not know",
  99: "was interrupted",
  250: "crashed",
};

function meaningOf(exitCode: number): string {
  return `${meanings[exitCode] ?? "ended unexpectedly"} (exit code ${exitCode})`;
}
