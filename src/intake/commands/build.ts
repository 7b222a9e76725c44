import { isIsolatedRelease } from "../../builds/check-request.ts";
import { isRelease } from "../../domain/nvr.ts";
import { architectures, findArchitecture } from "../../domain/platform.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";

/**
 * Of `flibs container-build` a comment takes what changes nothing but what is built and how it is called. Yum repositories, a parent build and
 * targets are left to the operators' command line: they bring in what no reviewer of the pull request has seen, or decide where it goes. A
 * release is for merged work only, since an open pull request is built as a scratch build.
 */
export const build: CommandSpec<CommandOf<"build">> = {
  verb: "build",
  summary: "Build the image",
  details:
    "In an open pull request its head is built, always as a scratch build: it is tested, but gets no release and is not promoted. In a merged pull request the head of the branch that it was merged into is built, officially unless `--scratch` is given. `--isolated 3.1` makes a fix to release 3: it has that release, moves no floating tag, and is promoted only by `promote` with its name.",
  places: ["containers"],
  states: ["open", "merged"],
  need: { level: "write", on: "here", author: "once-approved", runsHead: true },
  arguments: [],
  options: [
    { name: "scratch", value: { kind: "flag" }, help: "stop after the tests: no release, no promotion" },
    {
      name: "isolated",
      value: {
        kind: "word",
        expected: "a release of two numbers, and more behind another dot (3.1, 3.1.fc42)",
        read: (text) => (isIsolatedRelease(text) ? readRelease(text) : undefined),
      },
      help: "a fix with this release beside the line of releases; of merged work",
    },
    {
      name: "release",
      value: {
        kind: "word",
        expected: "a digit, then letters and digits parted by dots or underscores (7, 7.fc42)",
        read: readRelease,
      },
      help: "the release, in place of the label's or the next one; of merged work",
    },
    {
      name: "arch",
      value: {
        kind: "list",
        of: {
          kind: "word",
          expected: `an architecture (${architectures.join(", ")})`,
          read: findArchitecture,
          known: architectures,
        },
      },
      help: "build for these architectures only, whatever container.yaml says; with a scratch or isolated build",
    },
  ],
  examples: ["build", "build --scratch", "build --arch amd64,arm64", "build --isolated 3.1"],
  toRequest: (parsed) => {
    const named = parsed.list("arch");
    const isolated = parsed.word("isolated");
    const release = parsed.word("release");
    return {
      verb: "build",
      scratch: parsed.flag("scratch"),
      ...(isolated === undefined ? {} : { isolated }),
      ...(release === undefined ? {} : { release }),
      ...(named.length === 0 ? {} : { architectures: named }),
    };
  },
  toWords: ({ scratch, isolated, release, architectures: named }) => [
    ...(scratch ? ["--scratch"] : []),
    ...(isolated === undefined ? [] : ["--isolated", isolated]),
    ...(release === undefined ? [] : ["--release", release]),
    ...(named ? ["--arch", named.join(",")] : []),
  ],
};

function readRelease(text: string): string | undefined {
  return isRelease(text) && text.length <= 100 ? text : undefined;
}
