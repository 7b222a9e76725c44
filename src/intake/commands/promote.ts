import { formatNvr, parseNvr } from "../../domain/nvr.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";
import { readNvr } from "./read-nvr.ts";

export const promote: CommandSpec<CommandOf<"promote">> = {
  verb: "promote",
  summary: "Propose a build for release",
  details:
    "Opens, or brings up to date, the pull request in the registry-manifest repository that releases the build when it is merged. Without a name: in a container repository the newest complete build of the pull request's branch, in a promotion the build that it proposes.",
  places: ["containers", "manifests"],
  states: ["open", "merged"],
  need: { level: "write", on: "manifests", author: "never", runsHead: false },
  arguments: [
    {
      name: "nvr",
      required: false,
      value: { kind: "word", expected: "a build's name-version-release", read: readNvr },
      help: "the build, as name-version-release",
    },
  ],
  options: [],
  examples: ["promote", "promote cockpit-container-323-1"],
  toRequest: (parsed) => {
    const nvr = parsed.word("nvr");
    return { verb: "promote", ...(nvr === undefined ? {} : { nvr: parseNvr(nvr) }) };
  },
  toWords: ({ nvr }) => (nvr === undefined ? [] : [formatNvr(nvr)]),
};
