import { readTurn, turns, waitingFiles } from "./turns.js";

/**
 * The last lines of a test run, for people and CI alike: which turn it was, each skipped test, whose name ends in the reason, and `12 passed, 0 failed, 1 skipped`. A file that
 * did not load counts as failed.
 */
export default class ClosingLineReporter {
  constructor(globalConfig) {
    // With --json, standard output is for the machine that asked for it.
    this.output = globalConfig.json ? process.stderr : process.stdout;
  }

  onRunComplete(_contexts, results) {
    // jest's own summary comes after all other reporters: only at the exit is ours the last line.
    const lines = [...tellTurn(readTurn(process.env.FLIBS_TEST_TURN)), ...listSkipped(results), formatClosingLine(results)];
    process.once("exit", () => this.output.write(`${lines.join("\n")}\n`));
  }
}

export function tellTurn(turn) {
  if (turn === undefined) return [];
  const share = "a quarter of the points to die at, of the tests that are slow on purpose and of each property";
  return [`turn ${turn} of ${turns}: ${share}; all: npm run test:all`, ...waitingFiles(turn).map((file) => `not on this turn: ${file}`)];
}

export function formatClosingLine(results) {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return `${results.numPassedTests} passed, ${failed} failed, ${results.numPendingTests + results.numTodoTests} skipped`;
}

/** What a person left out by choosing tests by name (`-t`) is many, and nobody's decision: listed only when there are few. */
export function listSkipped({ testResults }) {
  const skipped = testResults.flatMap(({ testResults: tests }) => tests.filter(({ status }) => status === "pending"));
  return skipped.length > 20 ? [] : skipped.map(({ fullName }) => `skipped: ${fullName}`);
}
