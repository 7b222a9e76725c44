import { formatNvr, parseNvr } from "../../domain/nvr.ts";
import { isWaiverEnd, isWaiverLength, maxReason, readReason } from "../../gating/waivers.ts";
import type { ArgumentSpec, OptionSpec } from "./command-grammar.ts";
import type { CommandOf, CommandSpec } from "./command-spec.ts";
import { readNvr } from "./read-nvr.ts";

const test: ArgumentSpec = {
  name: "test",
  required: true,
  value: {
    kind: "word",
    expected: "a suite (smoke), or the whole name of a test (flibs.smoke)",
    read: (text) => (/^[A-Za-z0-9][\w.:/+~-]{0,199}$/.test(text) ? text : undefined),
  },
  help: "the test, as the promotion calls it",
};

const reason: ArgumentSpec = {
  name: "reason",
  required: true,
  rest: true,
  value: {
    kind: "word",
    expected: `why, in at most ${maxReason} letters, none of them invisible`,
    read: (text) => (/^[^\s\-\u2013\u2014]/u.test(text) ? readReason(text) : undefined),
  },
  help: "why, for people; everybody can read it",
};

const nvr: OptionSpec = {
  name: "nvr",
  value: { kind: "word", expected: "a build's name-version-release", read: readNvr },
  help: "the build, by its name-version-release",
};

const whichBuild =
  "Without `--nvr`: in a container repository the newest official build of the pull request's branch, in a promotion the build that it proposes.";

export const waive: CommandSpec<CommandOf<"waive">> = {
  verb: "waive",
  summary: "Let a build through although a required test has not passed",
  details: `The waiver is for this test and this image only: for its digest, or with \`--nvr\` for the name-version-release. It ends after a while, ${"`--for`"} or \`--until\` say when. The gate is asked again at once, and the promotion shows who waived what, and why. ${whichBuild}`,
  places: ["containers", "manifests"],
  states: ["open", "merged"],
  need: { level: "write", on: "manifests", author: "never", runsHead: false },
  arguments: [test, reason],
  options: [
    nvr,
    {
      name: "for",
      value: { kind: "word", expected: "a number and h or d (7d)", read: (text) => (isWaiverLength(text) ? text : undefined) },
      help: "how long it holds",
    },
    {
      name: "until",
      value: { kind: "word", expected: "a day (2026-12-31)", read: (text) => (isWaiverEnd(text) ? text : undefined) },
      help: "the last day it holds, UTC",
    },
  ],
  examples: ["waive smoke the mirror was down", "waive smoke known bug 1234, fixed in the next release --for 7d"],
  toRequest: (parsed) => {
    const [named, length, until] = [parsed.word("nvr"), parsed.word("for"), parsed.word("until")];
    return {
      verb: "waive",
      test: parsed.word("test") ?? "",
      reason: parsed.word("reason") ?? "",
      ...(named === undefined ? {} : { nvr: parseNvr(named) }),
      ...(length === undefined ? {} : { for: length }),
      ...(until === undefined ? {} : { until }),
    };
  },
  toWords: (command) => [
    command.test,
    command.reason,
    ...(command.nvr === undefined ? [] : ["--nvr", formatNvr(command.nvr)]),
    ...(command.for === undefined ? [] : ["--for", command.for]),
    ...(command.until === undefined ? [] : ["--until", command.until]),
  ],
};

export const unwaive: CommandSpec<CommandOf<"unwaive">> = {
  verb: "unwaive",
  summary: "Take a waiver back",
  details: `The test holds the build back again, whoever waived it; the check of its promotion fails from then on. What is released stays released. ${whichBuild}`,
  places: ["containers", "manifests"],
  states: ["open", "merged"],
  need: { level: "write", on: "manifests", author: "never", runsHead: false },
  arguments: [test, { ...reason, required: false }],
  options: [nvr],
  examples: ["unwaive smoke", "unwaive smoke it is a bug of ours after all"],
  toRequest: (parsed) => {
    const [why, named] = [parsed.word("reason"), parsed.word("nvr")];
    return {
      verb: "unwaive",
      test: parsed.word("test") ?? "",
      ...(why === undefined ? {} : { reason: why }),
      ...(named === undefined ? {} : { nvr: parseNvr(named) }),
    };
  },
  toWords: (command) => [
    command.test,
    ...(command.reason === undefined ? [] : [command.reason]),
    ...(command.nvr === undefined ? [] : ["--nvr", formatNvr(command.nvr)]),
  ],
};
