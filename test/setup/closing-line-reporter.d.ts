/** The counts of jest's aggregated result that the line is made of. */
export interface ClosingCounts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}
export function formatClosingLine(results: ClosingCounts): string;
