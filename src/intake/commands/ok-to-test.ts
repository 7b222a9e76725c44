import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const okToTest: CommandSpec<CommandOf<"ok-to-test">> = {
  verb: "ok-to-test",
  summary: "Approve a commit of somebody without write access for building and testing",
  details:
    "The commit is named so that what was looked at is what is built: an approval counts for that head only, the next push needs another one. Another commit may have the same first digits, so the whole id is wanted; without it the answer is the exact line to paste.",
  places: ["containers"],
  states: ["open"],
  need: { level: "write", on: "here", author: "never", runsHead: false },
  arguments: [
    {
      name: "sha",
      required: false,
      value: { kind: "commit" },
      help: "the pull request's head, all of its digits",
    },
  ],
  options: [],
  examples: ["ok-to-test 3f786850e387550fdab836ed7e6dc881de23001b"],
  toRequest: (parsed) => {
    const sha = parsed.word("sha");
    return { verb: "ok-to-test", ...(sha === undefined ? {} : { sha }) };
  },
  toWords: ({ sha }) => (sha === undefined ? [] : [sha]),
};
