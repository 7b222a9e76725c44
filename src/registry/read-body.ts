import { appError, isAppError } from "../domain/errors.ts";
import type { HttpAnswer } from "./http-transport.ts";

/**
 * A whole answer in memory, at most `most` bytes (`registry.answer-invalid` beyond), whatever its Content-Length promises. A connection
 * that breaks is `registry.unreachable`. Compressed answers are refused: we ask for none, and digests are over the plain bytes.
 */
export async function readBody(answer: HttpAnswer, most: number): Promise<Uint8Array> {
  refuseEncoding(answer);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > most) throw invalidAnswer(answer, `with more than ${most} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw translateBodyError(answer, error);
  }
  const promised = answer.header("content-length");
  if (promised !== undefined && Number(promised) !== size) throw invalidAnswer(answer, `with ${size} bytes in place of ${promised}`);
  return Buffer.concat(chunks, size);
}

const mostDiscarded = 65_536;

/** Reads the little that is left, so that the connection can be used again, or gives the connection up. Never throws. */
export async function discardBody(answer: HttpAnswer): Promise<void> {
  try {
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > mostDiscarded) break;
    }
  } catch {
    // Nobody wanted these bytes.
  }
}

export function refuseEncoding(answer: HttpAnswer): void {
  const encoding = answer.header("content-encoding");
  if (encoding === undefined || encoding === "identity") return;
  answer.body.destroy();
  throw invalidAnswer(answer, `in the encoding ${encoding.slice(0, 40)}, which was not asked for`);
}

export function invalidAnswer(answer: HttpAnswer, what: string) {
  return appError("registry.answer-invalid", `${answer.url.host}${answer.url.pathname} answered ${answer.status} ${what}`);
}

/** What broke while a body was read: our own errors as they are, everything else is the network. */
export function translateBodyError(answer: HttpAnswer, error: unknown): unknown {
  if (isAppError(error)) return error;
  if (error instanceof Error && "code" in error) {
    return appError("registry.unreachable", `${answer.url.host}${answer.url.pathname} broke off its answer`, { cause: error });
  }
  return error;
}
