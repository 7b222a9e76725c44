/**
 * Every error flibs can tell somebody about. The kind says who has to act:
 *
 * - `input`: the maintainer's files or command are wrong (never retried, told where the person looks)
 * - `denied`: not allowed (never retried, names who may)
 * - `stale`: superseded, closed, moved on (never retried, hardly told)
 * - `transient`: network, 5xx, engine busy (retried with a budget)
 * - `internal`: a broken promise of ours or a peer's (operators look at the run)
 */
export type ErrorKind = "input" | "denied" | "stale" | "transient" | "internal";

/** One entry a code, room first. `docs/reference/errors.md` is made from this table. */
export const errorCatalogue = {
  // domain
  "domain.digest-invalid": { kind: "input", meaning: "A digest is not `sha256:` and 64 lower-case hexadecimal digits" },
  "domain.reference-invalid": { kind: "input", meaning: "An image reference does not follow the distribution grammar" },
  "domain.nvr-invalid": { kind: "input", meaning: "A name-version-release has a part that Koji would refuse" },
  "domain.tag-invalid": { kind: "input", meaning: "A tag does not follow the distribution grammar or is longer than 128 characters" },
  // config
  "config.invalid": { kind: "input", meaning: "The settings file has an unknown key, a missing value or a value of the wrong type" },
  "config.unreadable": { kind: "input", meaning: "The settings file, or a file that a secret is read from, cannot be read" },
  // workflow
  "workflow.step-repeated": { kind: "internal", meaning: "A flow used one step name twice in a run" },
  "workflow.journal-unreadable": { kind: "internal", meaning: "A recorded step result does not fit the schema of this release" },
  "workflow.lease-lost": { kind: "transient", meaning: "Another worker took the run over" },
  "workflow.cancelled": { kind: "stale", meaning: "A person cancelled the run, or a newer one took its place" },
} as const satisfies Record<string, { kind: ErrorKind; meaning: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

export interface ErrorExtra {
  /** The smallest thing that would mend it, as an imperative sentence. */
  readonly hint?: string;
  /** For `input`: where in the person's files. */
  readonly file?: string;
  readonly line?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Made by {@link appError}; matched by `code` and `kind`, never by message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, extra: ErrorExtra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.name = "AppError";
    this.code = code;
    this.kind = errorCatalogue[code].kind;
    this.hint = extra.hint;
    this.file = extra.file;
    this.line = extra.line;
    this.details = extra.details ?? {};
  }
}

/** Message: what was tried, on what, what came back; no full stop. */
export function appError(code: ErrorCode, message: string, extra: ErrorExtra = {}): AppError {
  return new AppError(code, message, extra);
}

/** Works across test realms, where `instanceof` does not. */
export function isAppError(error: unknown): error is AppError {
  return error instanceof Error && error.name === "AppError" && "code" in error && "kind" in error;
}

/** The kind of any error; what nobody translated counts as a broken promise of ours. */
export function errorKind(error: unknown): ErrorKind {
  return isAppError(error) ? error.kind : "internal";
}

/** What a run or a status remembers of an error: plain JSON, without stack or cause. */
export interface ErrorReport {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
}

export function reportError(error: unknown): ErrorReport {
  if (!isAppError(error)) {
    return { code: "internal", kind: "internal", message: error instanceof Error ? error.message : String(error) };
  }
  return {
    code: error.code,
    kind: error.kind,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.file === undefined ? {} : { file: error.file }),
    ...(error.line === undefined ? {} : { line: error.line }),
  };
}
