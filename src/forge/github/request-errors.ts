import { type AppError, appError, isAppError } from "../../domain/errors.ts";

/** What Octokit throws; matched by shape, since several copies of its class may be loaded. */
export interface ResponseError extends Error {
  readonly status: number;
  readonly response?: { readonly headers: Readonly<Record<string, string | number | undefined>>; readonly data: unknown };
}

export function isResponseError(error: unknown): error is ResponseError {
  return error instanceof Error && "status" in error && typeof error.status === "number";
}

/** The status of an answer that {@link translateError} made an error of; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return isAppError(error) && typeof error.details.status === "number" ? error.details.status : undefined;
}

/** What GitHub said about a refused request. */
export function reasonOf(error: unknown): string {
  return isAppError(error) && typeof error.details.reason === "string" ? error.details.reason : "";
}

/** Foreign errors end here. `operation` is `GET /repos/{owner}/{repo}`, and no token is in it. */
export function translateError(error: unknown, operation: string, where: string): AppError {
  if (isAppError(error)) return error;
  const on = where === "" ? operation : `${operation} on ${where}`;
  if (!isResponseError(error) || error.response === undefined) {
    return appError("forge.unreachable", `GitHub did not answer ${on}`, { cause: error });
  }
  const { status } = error;
  const reason = reasonIn(error.response.data);
  const details = { status, reason };
  if (status >= 500) return appError("forge.unreachable", `GitHub answered ${on} with ${status}`, { cause: error, details });
  if (status === 401 || (status === 403 && /not accessible by integration|suspended|must have/i.test(reason))) {
    return appError("forge.app-denied", `GitHub refused ${on}: ${reason}`, {
      hint: "Compare the App's id, key and permissions with app.yml, and accept new permissions where it is installed",
      cause: error,
      details,
    });
  }
  return appError("forge.refused", `GitHub answered ${on} with ${status}: ${reason}`, { cause: error, details });
}

function reasonIn(data: unknown): string {
  if (typeof data !== "object" || data === null) return "";
  const { message, errors } = data as { message?: unknown; errors?: unknown };
  const more = Array.isArray(errors) ? errors.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(", ") : "";
  return [typeof message === "string" ? message : "", more]
    .filter((one) => one !== "")
    .join(": ")
    .slice(0, 500);
}
