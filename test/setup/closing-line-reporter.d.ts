/** The counts of jest's aggregated result that the line is made of. */
export interface ClosingCounts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}
export function formatClosingLine(results: ClosingCounts): string;

/** As much of jest's results as the list is made of. */
export interface TestFiles {
  readonly testResults: readonly { readonly testResults: readonly { readonly status: string; readonly fullName: string }[] }[];
}
export function listSkipped(results: TestFiles): readonly string[];
/** The line of a run that takes one turn; none for one that takes all. */
export function tellTurn(turn: number | undefined): readonly string[];
