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
  // cli
  "cli.usage": { kind: "input", meaning: "A command was called with a word or option that it does not take" },
  "cli.not-found": { kind: "input", meaning: "What a command was asked about does not exist" },
  "cli.checks-missing": { kind: "denied", meaning: "A promotion is not merged before its checks have succeeded" },
  "cli.working-copy": { kind: "input", meaning: "The directory is not a clean, pushed clone that tells what to build" },
  "cli.not-running": { kind: "transient", meaning: "A command needs the service, and none runs on this state directory" },
  // config
  "config.invalid": { kind: "input", meaning: "The settings file has an unknown key, a missing value or a value of the wrong type" },
  "config.unreadable": { kind: "input", meaning: "The settings file, or a file that a secret is read from, cannot be read" },
  // workflow
  "workflow.step-repeated": { kind: "internal", meaning: "A flow used one step name twice in a run" },
  "workflow.journal-unreadable": { kind: "internal", meaning: "A recorded step result does not fit the schema of this release" },
  "workflow.lease-lost": { kind: "transient", meaning: "Another worker took the run over" },
  "workflow.cancelled": { kind: "stale", meaning: "A person cancelled the run, or a newer one took its place" },
  // signing
  "signing.key-missing": { kind: "input", meaning: "The GnuPG home directory does not hold the key that the settings name" },
  "signing.key-unusable": { kind: "input", meaning: "The signing key is a subkey, revoked, or of an algorithm that clients refuse" },
  "signing.key-expired": { kind: "input", meaning: "The signing key has expired" },
  "signing.signer-unavailable": { kind: "transient", meaning: "gpg, its agent or the card did not answer, or the key is locked" },
  "signing.lookaside-unwritable": { kind: "transient", meaning: "A signature could not be written to the lookaside directory" },
  "signing.lookaside-unreadable": { kind: "transient", meaning: "A lookaside answered with something else than a signature or a clean absent" },
  "signing.lookaside-full": { kind: "internal", meaning: "One digest has 128 signatures already, clients read no more" },
  "signing.payload-invalid": { kind: "input", meaning: "A signature's text is not what the atomic signature format demands" },
  "signing.index-unreadable": { kind: "input", meaning: "A manifest list in the registry cannot be read, so its platforms are unknown" },
  "signing.stages-collide": { kind: "input", meaning: "Two registries have the same public name, so their signatures could not be told apart" },
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
