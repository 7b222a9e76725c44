import { formatMarkdown } from "../src/cli/markdown-text.ts";
import { plain } from "../src/cli/terminal.ts";
import type { Pagure } from "../test/fakes/pagure/pagure.ts";
import type { Comment, Flag } from "../test/fakes/pagure/state.ts";
import { until } from "./flibs-process.ts";
import { bot } from "./pagure-double.ts";
import { quote } from "./tell.ts";

/** Waits on the double, and tells what flibs writes there while it writes it. */
export interface PagureWatcher {
  /** Tells each change of the flags of a commit, until those named are there and none is pending but what fits `open`. */
  flags(project: string, commit: string, names: readonly RegExp[], open?: RegExp): Promise<ReadonlyMap<string, Flag>>;
  /** The first comment of flibs on a pull request that was not told yet, and matches. Told, too. */
  comment(project: string, number: number, pattern: RegExp): Promise<Comment>;
  until<T>(what: string, ask: () => T | undefined): Promise<T>;
}

/** When the signal fires, whoever waits gets its reason as an error. */
export function pagureWatcher(pagure: Pagure, signal: AbortSignal): PagureWatcher {
  const lines = new Set<string>();
  const told = new Set<number>();
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
    flags: (project, commit, names, open) =>
      wait(`${names.join(", ")} on ${commit}`, () => {
        const flags = pagure.flags(project, commit);
        for (const flag of flags) {
          const line = `${flag.username.padEnd(30)} ${flag.status}: ${flag.comment}`;
          if (lines.has(`${commit} ${line}`)) continue;
          lines.add(`${commit} ${line}`);
          quote(plain(line));
        }
        const isThere = names.every((name) => flags.some((flag) => name.test(flag.username)));
        const isOver = flags.every((flag) => flag.status !== "pending" || open?.test(flag.username) === true);
        return isThere && isOver ? new Map(flags.map((flag) => [flag.username, flag])) : undefined;
      }),
    async comment(project, number, pattern) {
      const found = await wait(`a comment that says ${pattern}`, () =>
        pagure.pull(project, number).comments.find((one) => one.user === bot && !told.has(one.id) && pattern.test(one.text)),
      );
      told.add(found.id);
      const text = formatMarkdown(found.text.replace(/\n\n<!--[^>]*-->$/, ""));
      quote(`${found.user}:\n${text.replace(/^(?=.)/gm, "  ")}`);
      return found;
    },
  };
}
