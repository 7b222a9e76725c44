import { suiteName, suiteNameWords } from "../../gating/suite-name.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";

export const test: CommandSpec<CommandOf<"test">> = {
  verb: "test",
  summary: "Run the tests once more, without building",
  details:
    "The newest build of the pull request's head is tested. Suites are the keys of `tests/commands.yaml` and the files `tests/tests*.yml`, without `.yml`; without a name all are run.",
  places: ["containers"],
  states: ["open"],
  need: { level: "write", on: "here", author: "once-approved", runsHead: true },
  arguments: [
    {
      name: "suite",
      required: false,
      value: {
        kind: "word",
        expected: `the name of a suite: ${suiteNameWords}`,
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
