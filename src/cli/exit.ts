import { type ErrorKind, isAppError } from "../domain/errors.ts";
import { plain, type Terminal, tint } from "./terminal.ts";

/** Exit codes of `flibs`; `flibs --help` lists them. */
export const exitCodes = {
  ok: 0,
  /** What was asked about failed: a build, a check, a verification. */
  failed: 1,
  /** Wrong usage, settings or input. */
  usage: 2,
  /** Something that is needed cannot be reached. */
  unreachable: 3,
  denied: 4,
} as const;

const byKind: Readonly<Record<ErrorKind, number>> = {
  input: exitCodes.usage,
  denied: exitCodes.denied,
  stale: exitCodes.failed,
  transient: exitCodes.unreachable,
  internal: exitCodes.failed,
};

/** Says what went wrong where the person looks, and returns the exit code. Stack traces only for what nobody foresaw. */
export function reportFailure(terminal: Terminal, error: unknown): number {
  if (!isAppError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.err(`${tint(terminal, "bad", "flibs: unexpected error")}: ${plain(text)}\n`);
    return exitCodes.failed;
  }
  const place =
    error.file === undefined || error.message.includes(error.file)
      ? ""
      : ` (${error.file}${error.line === undefined ? "" : `:${error.line}`})`;
  terminal.err(`${tint(terminal, "bad", "flibs")}: ${plain(error.message + place)}\n`);
  if (error.hint) terminal.err(`  ${plain(error.hint)}\n`);
  return byKind[error.kind];
}
