import type { BuildRecord } from "../builds/build-record.ts";
import { worstResult } from "../builds/verdict.ts";
import { type Digest, shortDigest } from "../domain/digest.ts";
import { escapeCode, escapeText } from "./escape.ts";

export interface GateFacts {
  readonly build: BuildRecord;
  /** Suites that the policy asks for, and `signature`. */
  readonly gates: readonly string[];
  readonly candidateSigned: boolean;
  /** Page of a build or run. */
  pageOf(run: string): string | undefined;
}

const mostTests = 50;

/** Everything that had to be true of this very digest, what failed first; each with where it can be read. Pure. */
export function formatGates({ build, gates, candidateSigned, pageOf }: GateFacts): string {
  const required = requiredSuites(build, gates);
  const suites = [...new Set([...required, ...build.tests.map((test) => test.suite)])].slice(0, mostTests);
  const rows = suites.map((suite) => {
    const test = worstResult(build, suite);
    const outcome = test?.outcome ?? "not run";
    const by = gates.includes(suite) ? "the policy asks for it" : required.has(suite) ? "" : "optional";
    const said = [by, escapeText(test?.message ?? "", 200)].filter((text) => text !== "").join("; ");
    const isBad = required.has(suite) && outcome !== "pass";
    return {
      isBad,
      row: `| test ${escapeCode(suite)} | ${isBad ? `**${outcome}**` : outcome} | ${said} | ${link(pageOf(test?.run ?? build.id), "log")} |`,
    };
  });
  const source = `commit ${escapeCode(build.commit.slice(0, 12))} of ${escapeCode(build.repository)}`;
  return [
    `### Gates for ${escapeCode(shortDigest(build.digest as Digest))}`,
    "",
    "| gate | outcome | | |",
    "|---|---|---|---|",
    ...rows.filter((one) => one.isBad).map((one) => one.row),
    `| candidate signature | ${candidateSigned ? "valid" : "**missing**"} | | |`,
    `| build ${escapeCode(build.id)} | ${build.state} | ${source} | ${link(pageOf(build.id), "page")} |`,
    ...rows.filter((one) => !one.isBad).map((one) => one.row),
  ].join("\n");
}

/** Suites without which nothing is released. Pure. */
export function requiredSuites(build: BuildRecord, gates: readonly string[]): ReadonlySet<string> {
  return new Set([
    ...(build.plan?.suites ?? []).filter((suite) => suite.required).map((suite) => suite.name),
    ...gates.filter((gate) => gate !== "signature"),
  ]);
}

function link(url: string | undefined, word: string): string {
  return url === undefined ? "" : `[${word}](${url})`;
}
