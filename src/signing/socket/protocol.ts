import { z } from "zod";
import { type AppError, appError, type ErrorCode, isErrorCode } from "../../domain/errors.ts";

/**
 * What is said over a signer's socket: one connection, one line of JSON there, one line back. Both sides hold the other to a shape and a size:
 * the signer must not be kept busy or confused by a service that was broken into, nor the other way round.
 */
const text = (most: number) => z.string().max(most);

/** Of one request; a client asks for more than these in parts. */
export const mostTags = 1000;
const longestFailure = 2000;

export const SignerRequest = z.strictObject({
  version: z.literal(1),
  do: z.enum(["sign", "withdraw"]),
  commit: text(64),
  path: text(300),
  registry: text(63),
  tags: z.array(text(128)).max(mostTags).optional(),
});
export type SignerRequest = z.infer<typeof SignerRequest>;

const Failed = text(longestFailure).optional();
const count = z.number().int().nonnegative();
export const SignedAnswer = z.record(text(128), z.strictObject({ added: count, ms: count, failed: Failed }));
export const WithdrawnAnswer = z.record(text(128), z.strictObject({ removed: count, failed: Failed }));

const ErrorAnswer = z.strictObject({ code: text(100), message: text(2000), hint: text(1000).optional() });
export const SignerAnswer = z.union([z.strictObject({ done: z.unknown() }), z.strictObject({ error: ErrorAnswer })]);
export type SignerAnswer = z.infer<typeof SignerAnswer>;

export const maxRequestBytes = 2 ** 20;
export const maxAnswerBytes = 8 * 2 ** 20;

/** Throws `signing.request-refused`. */
export function parseRequest(line: string): SignerRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw refused("it is not JSON");
  }
  const parsed = SignerRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refused(`${issue?.path.join(".") || "it"}: ${issue?.message}`.slice(0, 300));
}

/** What the other side takes: an answer that it must refuse for its length would be asked for again for ever. */
export function fitting<T extends { readonly failed?: string }>(done: Readonly<Record<string, T>>): Record<string, T> {
  const cut = (one: T): T => (one.failed === undefined ? one : { ...one, failed: one.failed.slice(0, longestFailure) });
  return Object.fromEntries(Object.entries(done).map(([tag, one]) => [tag, cut(one)]));
}

/** An error of the signer's side, as this side throws it; one that this release does not know is told as "unavailable". */
export function errorOf(error: z.infer<typeof ErrorAnswer>): AppError {
  const code: ErrorCode = isErrorCode(error.code) ? error.code : "signing.signer-unavailable";
  return appError(code, error.message, error.hint === undefined ? {} : { hint: error.hint });
}

export function refused(why: string): AppError {
  return appError("signing.request-refused", `the request is none that a signer takes: ${why}`);
}
