/** The last line of a test run, for people and CI alike: `12 passed, 0 failed, 1 skipped`. A file that did not load counts as failed. */
export default class ClosingLineReporter {
  constructor(globalConfig) {
    // With --json, standard output is for the machine that asked for it.
    this.output = globalConfig.json ? process.stderr : process.stdout;
  }

  onRunComplete(_contexts, results) {
    // jest's own summary comes after all other reporters: only at the exit is ours the last line.
    process.once("exit", () => this.output.write(`${formatClosingLine(results)}\n`));
  }
}

export function formatClosingLine(results) {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return `${results.numPassedTests} passed, ${failed} failed, ${results.numPendingTests + results.numTodoTests} skipped`;
}
