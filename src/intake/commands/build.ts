import { architectures, findArchitecture } from "../../domain/platform.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const build: CommandSpec<CommandOf<"build">> = {
  verb: "build",
  summary: "Build the image",
  details:
    "In an open pull request its head is built, always as a scratch build: it is tested, but gets no release and is not promoted. In a merged pull request the head of the branch that it was merged into is built, officially unless `--scratch` is given.",
  places: ["containers"],
  states: ["open", "merged"],
  need: { level: "write", on: "here", author: "once-approved", runsHead: true },
  arguments: [],
  options: [
    { name: "scratch", value: { kind: "flag" }, help: "stop after the tests: no release, no promotion" },
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
      help: "build for these architectures only, of those that the image is made for",
    },
  ],
  examples: ["build", "build --scratch", "build --arch amd64,arm64"],
  toRequest: (parsed) => {
    const named = parsed.list("arch");
    return { verb: "build", scratch: parsed.flag("scratch"), ...(named.length === 0 ? {} : { architectures: named }) };
  },
  toWords: ({ scratch, architectures: named }) => [...(scratch ? ["--scratch"] : []), ...(named ? ["--arch", named.join(",")] : [])],
};
