import { type AppError, appError, type ErrorCode } from "../domain/errors.ts";

/** What lint has to say about one place in a dist-git repository, for someone who has never seen flibs. */
export interface Finding {
  readonly file: string;
  /** Counted from one; undefined when the file itself is the matter. */
  readonly line?: number;
  /** A warning is shown and stops nothing. */
  readonly severity: "error" | "warning";
  readonly code: ErrorCode;
  /** What was found and what was expected; no full stop. */
  readonly message: string;
  /** The smallest thing that would mend it, as an imperative sentence. */
  readonly fix: string;
}

/** An error finding; `line` is left out when it is not known. */
export function finding(code: ErrorCode, file: string, line: number | undefined, message: string, fix: string): Finding {
  return { file, ...(line === undefined ? {} : { line }), severity: "error", code, message, fix };
}

export function warning(code: ErrorCode, file: string, line: number | undefined, message: string, fix: string): Finding {
  return { ...finding(code, file, line, message, fix), severity: "warning" };
}

/** `Dockerfile:3`, or the file alone. */
export function formatPlace(place: { readonly file?: string; readonly line?: number }): string {
  return `${place.file ?? ""}${place.line === undefined ? "" : `:${place.line}`}`;
}

/** One error for all errors among the findings: the first speaks, `details.findings` has every one. Undefined when nothing stops the build. */
export function findingsError(findings: readonly Finding[]): AppError | undefined {
  const errors = findings.filter((one) => one.severity === "error");
  const [first] = errors;
  if (first === undefined) return undefined;
  const others = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  return appError(first.code, `${first.message}${others}`, {
    hint: first.fix,
    file: first.file,
    ...(first.line === undefined ? {} : { line: first.line }),
    details: { findings: errors },
  });
}
