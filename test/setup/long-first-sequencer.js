import Sequencer from "@jest/test-sequencer";

/** Folders in the order of what their slowest file takes: minutes of restarts, whole stories, real parts. */
const longFirst = ["/test/crash/", "/test/loss/", "/test/e2e/", "/test/real/"];

/**
 * jest begins with what took longest in the run before, and in a fresh clone with the largest file, which tells little: a crash suite that
 * begins last keeps one worker busy for minutes after all others are through. What jest remembers still goes first among equals.
 */
export default class LongFirstSequencer extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((one, other) => rankOf(one.path) - rankOf(other.path));
  }
}

export function rankOf(path) {
  const rank = longFirst.findIndex((folder) => path.replaceAll("\\", "/").includes(folder));
  return rank < 0 ? longFirst.length : rank;
}
