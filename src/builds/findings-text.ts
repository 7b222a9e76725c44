import { type Finding, formatPlace } from "../distgit/finding.ts";
import { isBasePath } from "../distgit/overlay.ts";
import type { ErrorReport } from "../domain/errors.ts";
import type { Annotation } from "../forge/forge.ts";
import type { BuildRequested } from "./build-record.ts";
import { cutBytes, cutLines, plainLine } from "./status-text.ts";
import { isMaintainers } from "./status-view.ts";

/** More help nobody; every finding is in the log. */
const mostAnnotations = 250;
const mostMessageBytes = 8000;

/**
 * What lint found, and how the build ended when that has a place in a file, as remarks: errors first, each once. What is read from the base
 * branch is left out, since the pull request does not show those lines. Pure.
 */
export function annotationsOf(
  findings: readonly Finding[],
  error: ErrorReport | undefined,
  { stranger }: Pick<BuildRequested, "stranger">,
): readonly Annotation[] {
  const remarks = [...findings.map(remarkOf), ...(error === undefined ? [] : remarkOfError(error, findings))];
  const order = { failure: 0, warning: 1, notice: 2 };
  const seen = new Set<string>();
  return remarks
    .filter(({ path }) => stranger === undefined || !isBasePath(path))
    .filter(({ path, line, message }) => {
      const same = JSON.stringify([path, line, message]);
      return !seen.has(same) && seen.add(same);
    })
    .sort((a, b) => order[a.level] - order[b.level])
    .slice(0, mostAnnotations);
}

/** Two lines for each finding: severity, place and what was found, then the fix. */
export function formatFindings(findings: readonly Finding[]): string {
  return findings
    .flatMap((one) => [`${one.severity}: ${oneLine(`${formatPlace(one)}: ${one.message}`)}\n`, `  ${oneLine(one.fix)}\n`])
    .join("");
}

/** {@link formatFindings}, cut for a summary. */
export function shortFindings(findings: readonly Finding[]): string {
  const lines = formatFindings(findings).trimEnd().split("\n");
  return cutLines(
    lines.map((line) => plainLine(line, 400)),
    100,
  ).join("\n");
}

function remarkOf({ file, line, severity, code, message, fix }: Finding): Annotation {
  const level = severity === "error" ? "failure" : "warning";
  return { path: file === "" ? "Dockerfile" : file, line: line ?? 1, level, message: messageOf(message, fix), title: code };
}

/** An error that says what a finding has said already adds nothing. */
function remarkOfError(error: ErrorReport, findings: readonly Finding[]): readonly Annotation[] {
  const { code, message, file, line, hint } = error;
  if (!isMaintainers(error) || file === undefined) return [];
  if (findings.some((one) => one.code === code && one.file === file && one.line === line)) return [];
  return [{ path: file, line: line ?? 1, level: "failure", message: messageOf(message, hint), title: code }];
}

function messageOf(message: string, fix: string | undefined): string {
  return cutBytes(fix === undefined ? oneLine(message) : `${oneLine(message)}\nFix: ${oneLine(fix)}`, mostMessageBytes);
}

/** Paths and labels may have anything in them. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{C}+/gu, " ");
}
