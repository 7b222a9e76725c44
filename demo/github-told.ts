import { formatMarkdown } from "../src/cli/markdown-text.ts";
import { plain } from "../src/cli/terminal.ts";
import type { Github } from "../test/fakes/github/github.ts";
import type { Annotation, CheckRun, Comment } from "../test/fakes/github/state/data.ts";
import { until } from "./flibs-process.ts";
import { quote } from "./tell.ts";

/** Waits on the double, and tells what flibs writes there while it writes it. */
export interface Watcher {
  /** Tells each change of the check runs of a commit, until those named are there and all are completed. Newest run of each name. */
  checks(repository: string, commit: string, names: readonly RegExp[]): Promise<ReadonlyMap<string, CheckRun>>;
  /** The first comment of flibs on a pull request that was not told yet, and matches. Told, too. */
  comment(repository: string, number: number, pattern: RegExp): Promise<Comment>;
  until<T>(what: string, ask: () => T | undefined): Promise<T>;
}

/** When the signal fires, whoever waits gets its reason as an error. */
export function watcherOf(github: Github, signal: AbortSignal): Watcher {
  const told = new Set<number>();
  const lines = new Set<string>();
  const wait = <T>(what: string, ask: () => T | undefined) =>
    until(
      what,
      async () => {
        signal.throwIfAborted();
        return ask();
      },
      // The double is in this process: asking often costs nothing, and short states are seen.
      50,
    );
  return {
    until: wait,
    checks: (repository, commit, names) =>
      wait(`${names.join(", ")} on ${commit}`, () => {
        const runs = github.reads.runs(repository, commit);
        for (const run of runs) {
          const line = lineOf(run);
          if (lines.has(`${run.id} ${line}`)) continue;
          lines.add(`${run.id} ${line}`);
          quote(plain(line));
          if (run.status === "completed" && run.conclusion !== "success") quoteFinding(run);
        }
        const isThere = names.every((name) => runs.some((run) => name.test(run.name)));
        return isThere && runs.every((run) => run.status === "completed") ? new Map(runs.map((run) => [run.name, run])) : undefined;
      }),
    async comment(repository, number, pattern) {
      const found = await wait(`a comment that says ${pattern}`, () =>
        github.reads
          .comments(repository, number)
          .find((one) => one.author === github.app.bot && !told.has(one.id) && pattern.test(one.body)),
      );
      told.add(found.id);
      quote(`${found.author}:\n${indented(formatMarkdown(found.body))}`);
      return found;
    },
  };
}

/** `flibs / build (linux/amd64)    in progress: Building  [Cancel]`: what is in brackets is a button. */
function lineOf(run: CheckRun): string {
  const state = run.conclusion ?? run.status;
  const buttons = run.actions.map(({ label }) => `  [${label}]`).join("");
  return `${run.name.padEnd(30)} ${state.replaceAll("_", " ")}${run.title === null ? "" : `: ${run.title}`}${buttons}`;
}

/** What a check that did not succeed says below its line. */
function quoteFinding(run: CheckRun): void {
  if (run.annotations.length > 0) quote(plain(indented(run.annotations.map(annotationLine).join("\n"))));
  else if (run.summary !== null) quote(indented(formatMarkdown(run.summary)));
}

function annotationLine(annotation: Annotation): string {
  return `${annotation.path}:${annotation.start_line} ${annotation.annotation_level}: ${annotation.message}`;
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : `  ${line}`))
    .join("\n");
}
