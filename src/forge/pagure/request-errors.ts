import { type AppError, appError, isAppError } from "../../domain/errors.ts";

/** An answer that is JSON and no success. */
export interface RefusedAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Pagure's own words; `errors` is a text for tokens and lists of texts by field for forms. Bounded. */
function wordsOf(body: unknown): { readonly code: string; readonly reason: string } {
  const { error, error_code: code, errors } = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const more = errors === undefined ? "" : typeof errors === "string" ? errors : JSON.stringify(errors);
  const said = [typeof error === "string" ? error : "", more].filter((one) => one !== "").join(": ");
  return { code: typeof code === "string" ? code.slice(0, 50) : "", reason: said.slice(0, 500) };
}

/** `operation` is `GET /api/0/<project>/…`; no token is in it. */
export function refusedError(operation: string, { status, body }: RefusedAnswer): AppError {
  const { code, reason } = wordsOf(body);
  return appError("forge.refused", `Pagure answered ${operation} with ${status}${code === "" ? "" : ` ${code}`}: ${reason}`, {
    details: { status, errorCode: code, reason },
  });
}

/** The status of an answer that was refused; undefined when there was none. */
export function statusOf(error: unknown): number | undefined {
  return isAppError(error) && typeof error.details.status === "number" ? error.details.status : undefined;
}

/** `ENOREQ`, `EDBERROR`; empty when there is none. */
export function errorCodeOf(error: unknown): string {
  return isAppError(error) && typeof error.details.errorCode === "string" ? error.details.errorCode : "";
}

export function reasonOf(error: unknown): string {
  return isAppError(error) && typeof error.details.reason === "string" ? error.details.reason : "";
}
