import type { ErrorReport } from "../domain/errors.ts";
import { formatNvr } from "../domain/nvr.ts";
import type { CommitStatus } from "../forge/forge.ts";
import type { TestResult } from "../gating/test-runner.ts";
import type { Ending } from "../workflow/run.ts";
import type { BuildRecord } from "./build-record.ts";
import { resultsOf } from "./verdict.ts";

/** Everything that a build says on a forge; nothing else of the builds room writes words for people there. */
export const lintStatus = "flibs / lint";
export const promotionStatus = "flibs / promotion";
export const buildStatus = (platform: string) => `flibs / build (${platform})`;
export const testStatus = (suite: string) => `flibs / test: ${suite}`;

export interface StatusView {
  /** Undefined while the run goes on. */
  readonly ending?: Ending;
  /** What the run waits for. */
  readonly waitingFor?: string;
  /** Last words of logs by name (`linux/amd64`, `test smoke linux/amd64`), secrets masked already. */
  readonly tails: Readonly<Record<string, string>>;
  /** `<publicUrl>/builds/<id>` */
  readonly url: string;
}

/** Where a build stands, as its record tells. */
type Stage = "lint" | "build" | "test" | "promotion";

const titleLength = 140;
const tailLines = 20;

/** All statuses of a build. Pure: the record and how the run ended decide; saying it twice changes nothing. */
export function statusesOf(record: BuildRecord, view: StatusView): readonly CommitStatus[] {
  const stage = stageOf(record);
  return [
    lintOf(stage, view),
    ...(record.plan?.platforms ?? []).map((platform) => platformOf(record, platform, stage, view)),
    ...(record.plan?.suites ?? []).map((suite) => suiteOf(record, suite, stage, view)),
    ...(record.plan === undefined || record.scratch ? [] : [promotionOf(record, stage, view)]),
  ];
}

function stageOf(record: BuildRecord): Stage {
  if (record.plan === undefined) return "lint";
  if (record.state !== "complete" && record.digest === undefined) return "build";
  const done = record.plan.suites.every((suite) => resultsOf(suite.name, record.tests).length >= (record.plan?.platforms.length ?? 0));
  return done ? "promotion" : "test";
}

function lintOf(stage: Stage, view: StatusView): CommitStatus {
  const found = (view.tails.lint ?? "").trimEnd();
  const count = (severity: string) => found.split("\n").filter((line) => line.startsWith(`${severity}: `)).length;
  if (stage !== "lint") {
    const warnings = count("warning");
    const title = `Dockerfile and labels are in order${warnings === 0 ? "" : `; ${warnings} ${warnings === 1 ? "warning" : "warnings"}`}`;
    return status(lintStatus, "success", title, warnings === 0 ? "" : fence(plainLines(found)), view);
  }
  const said = open(lintStatus, "running", "Reading the repository", view, undefined);
  if (count("error") < 2 || view.ending?.status !== "failed") return said;
  return { ...said, summary: `${said.summary}\n\nEverything that was found:\n\n${fence(plainLines(found))}` };
}

/** At most fifty findings of two lines. */
function plainLines(text: string): string {
  const lines = text.split("\n").map((line) => plainLine(line, 400));
  return lines.length > 100 ? [...lines.slice(0, 100), "…"].join("\n") : lines.join("\n");
}

function platformOf(record: BuildRecord, platform: string, stage: Stage, view: StatusView): CommitStatus {
  const name = buildStatus(platform);
  const image = record.images.find((one) => one.platform === platform);
  if (stage !== "build" && stage !== "lint") {
    const nvr = record.nvr ? formatNvr(record.nvr) : "scratch build";
    return status(name, "success", `Built ${nvr}`, image?.digest ? `\`${image.digest}\`, ${image.rpms.length} RPMs` : "", view);
  }
  if (view.ending?.status === "failed" && image !== undefined && record.images.length < (record.plan?.platforms.length ?? 0)) {
    return status(name, "cancelled", "Built, but another platform failed", "", view);
  }
  return open(name, "running", "Building", view, view.tails[platform]);
}

function suiteOf(
  record: BuildRecord,
  suite: { readonly name: string; readonly required: boolean },
  stage: Stage,
  view: StatusView,
): CommitStatus {
  const name = testStatus(suite.name);
  const results = resultsOf(suite.name, record.tests);
  const whole = results.length >= (record.plan?.platforms.length ?? 0);
  if (whole && results.length > 0) return resultStatus(name, suite.required, results, view);
  if (stage === "test") return open(name, "running", "Testing", view, undefined);
  return view.ending === undefined ? status(name, "pending", "Waits for the build", "", view) : skipped(name, view);
}

function resultStatus(name: string, required: boolean, results: readonly TestResult[], view: StatusView): CommitStatus {
  const bad = results.find((one) => one.outcome === "error") ?? results.find((one) => one.outcome !== "pass");
  if (bad === undefined)
    return status(name, "success", `${results.flatMap((one) => one.cases).length} cases passed`, casesOf(results), view);
  const words = { fail: "Failed", error: "Could not be carried out", skip: "Skipped", pass: "Passed" }[bad.outcome];
  const title = `${words}${required ? "" : " (not required)"}: ${bad.message}`;
  const tail = Object.entries(view.tails).find(([log]) => log.startsWith(`test ${bad.suite.replace(/ \(.*/, "")} `))?.[1];
  return status(name, bad.outcome === "error" ? "error" : "failure", title, `${casesOf(results)}${lastWords(tail)}`, view);
}

function casesOf(results: readonly TestResult[]): string {
  return results
    .flatMap((one) => one.cases)
    .slice(0, 100)
    .map((one) => `- ${one.outcome}: ${escapeMarkdown(one.name)}${one.message ? ` — ${escapeMarkdown(one.message)}` : ""}`)
    .join("\n");
}

function promotionOf(record: BuildRecord, stage: Stage, view: StatusView): CommitStatus {
  if (record.promotion !== undefined) {
    const { repository, number } = record.promotion;
    return status(
      promotionStatus,
      "success",
      `Proposed in ${repository} #${number}`,
      "Merging that pull request releases the image.",
      view,
    );
  }
  if (stage === "promotion" && view.ending?.status !== "done")
    return open(promotionStatus, "running", "Proposing the promotion", view, undefined);
  if (view.ending?.status === "done")
    return status(
      promotionStatus,
      "success",
      "Nothing to promote: this image, or a newer build of it, is released or proposed already",
      "",
      view,
    );
  return view.ending === undefined ? status(promotionStatus, "pending", "Waits for the tests", "", view) : skipped(promotionStatus, view);
}

/** The status of what the run is at: running, waiting, or how it ended. */
function open(name: string, state: "running", title: string, view: StatusView, tail: string | undefined): CommitStatus {
  if (view.waitingFor !== undefined)
    return status(name, "pending", `Waiting for ${view.waitingFor}`, "Nothing is lost; it goes on by itself.", view);
  const { ending } = view;
  if (ending === undefined) return status(name, state, title, "", view);
  switch (ending.status) {
    case "done":
      return status(name, "success", title, "", view);
    case "failed":
      return status(
        name,
        ending.error.kind === "input" ? "failure" : "error",
        titleOf(ending.error),
        failureText(ending.error, tail),
        view,
      );
    case "cancelled":
      return status(name, "cancelled", `Cancelled: ${ending.reason}`, "", view);
    case "superseded":
      return status(name, "cancelled", "Superseded by a newer commit", "", view);
  }
}

function skipped(name: string, view: StatusView): CommitStatus {
  return status(
    name,
    "cancelled",
    view.ending?.status === "failed" ? "Not reached, since something before it failed" : "Not reached",
    "",
    view,
  );
}

function titleOf(error: ErrorReport): string {
  if (error.kind !== "input" && error.kind !== "denied") return "flibs could not go on; the operators can see why";
  return `${placeOf(error)}${error.message}`;
}

function placeOf({ file, line }: ErrorReport): string {
  return file === undefined ? "" : `${file}${line === undefined ? "" : `:${line}`}: `;
}

/** What failed, where, the smallest fix, the last lines of the log. An internal error keeps its words for the operators. */
export function failureText(error: ErrorReport, tail: string | undefined): string {
  if (error.kind !== "input" && error.kind !== "denied") return `This is not your fault. Code: \`${error.code}\``;
  const place = placeOf(error).replace(/: $/, "");
  const lines = [`**What failed**: ${escapeMarkdown(error.message)}`];
  if (place !== "") lines.push(`**Where**: ${inlineCode(place)}`);
  if (error.hint !== undefined) lines.push(`**Fix**: ${escapeMarkdown(error.hint)}`);
  return lines.join("\n\n") + lastWords(tail);
}

function lastWords(tail: string | undefined): string {
  const lines = (tail ?? "")
    .trimEnd()
    .split("\n")
    .slice(-tailLines)
    .map((line) => plainLine(line, 400));
  return tail === undefined || tail.trim() === "" ? "" : `\n\nLast lines of the log:\n\n${fence(lines.join("\n"))}`;
}

function status(name: string, state: CommitStatus["state"], title: string, text: string, view: StatusView): CommitStatus {
  const link = `[Steps and log](${view.url})`;
  return {
    name: plainLine(name, 200),
    state,
    title: plainLine(title, titleLength),
    summary: text === "" ? link : `${text}\n\n${link}`,
    url: view.url,
  };
}

/** A code block that its content can't end. */
export function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const marks = "`".repeat(longest + 1);
  return `${marks}text\n${text}\n${marks}`;
}

function inlineCode(text: string): string {
  return `\`${plainLine(text, 300).replaceAll("`", "'")}\``;
}

/** Text of others as text: no links, images, mentions, HTML or new lines out of it. */
export function escapeMarkdown(text: string): string {
  return plainLine(text, 1000)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_{}[\]()#!|~>]/g, "\\$&")
    .replaceAll("@", "@\u200b");
}

/** One line without control characters, colours and tricks of text direction, cut at a length. */
export function plainLine(text: string, length: number): string {
  const plain = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
    .replaceAll(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g, " ")
    .trimEnd();
  return plain.length > length ? `${plain.slice(0, length - 1)}…` : plain;
}
