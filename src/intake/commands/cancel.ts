import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const cancel: CommandSpec<CommandOf<"cancel">> = {
  verb: "cancel",
  summary: "Stop the builds and tests of this pull request",
  details: "What waits or runs for this pull request is stopped. A later push or `build` starts anew.",
  places: ["containers"],
  states: ["open", "merged"],
  need: { level: "write", on: "here", author: "always", runsHead: false },
  arguments: [],
  options: [],
  examples: ["cancel"],
  toRequest: () => ({ verb: "cancel" }),
  toWords: () => [],
};
