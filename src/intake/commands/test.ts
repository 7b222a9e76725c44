import type { CommandOf, CommandSpec } from "./command-spec.ts";

const suiteName = /^[a-z0-9][a-z0-9-]{0,39}$/;

export const test: CommandSpec<CommandOf<"test">> = {
  verb: "test",
  summary: "Run the tests once more, without building",
  details:
    "The newest build of the pull request's head is tested. Suites are the keys of `tests/commands.yaml`; without a name all are run.",
  places: ["containers"],
  states: ["open"],
  need: { level: "write", on: "here", author: "once-approved", runsHead: true },
  arguments: [
    {
      name: "suite",
      required: false,
      value: {
        kind: "word",
        expected: "the name of a suite: lower-case letters, digits and dashes, at most 40",
        read: (text) => (suiteName.test(text) ? text : undefined),
      },
      help: "only this suite",
    },
  ],
  options: [],
  examples: ["test", "test smoke"],
  toRequest: (parsed) => {
    const suite = parsed.word("suite");
    return { verb: "test", ...(suite === undefined ? {} : { suite }) };
  },
  toWords: ({ suite }) => (suite === undefined ? [] : [suite]),
};
