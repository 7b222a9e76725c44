import { connect } from "node:net";
import type { z } from "zod";
import { appError, isAppError } from "../../domain/errors.ts";
import type { ReleaseSigner, ReleaseToSign } from "../../promotion/release-signer.ts";
import { errorOf, maxAnswerBytes, mostTags, SignedAnswer, SignerAnswer, type SignerRequest, WithdrawnAnswer } from "./protocol.ts";

/**
 * Has releases signed by the `flibs signer` that listens on a Unix socket. A signer that is away, breaks off or does not answer in time is
 * `signing.signer-unavailable` (transient): the run waits and asks again, and nothing is tagged meanwhile.
 */
export function socketSigner(socket: string, timeoutMs: number): ReleaseSigner {
  const askOnce = async <T>(shape: z.ZodType<T>, what: SignerRequest["do"], request: ReleaseToSign, signal: AbortSignal) => {
    const { commit, path, registry, tags } = request;
    const sent: SignerRequest = { version: 1, do: what, commit, path, registry, ...(tags === undefined ? {} : { tags: [...tags] }) };
    const answer = SignerAnswer.safeParse(await exchange(socket, `${JSON.stringify(sent)}\n`, timeoutMs, signal));
    if (!answer.success) throw unavailable("answered with something that it never should");
    if ("error" in answer.data) throw errorOf(answer.data.error);
    const done = shape.safeParse(answer.data.done);
    if (done.success) return done.data;
    throw unavailable("answered with something that it never should");
  };
  /** In parts, when there are more tags than one request may have: an image gathers tags for years. */
  const ask = async <T>(shape: z.ZodType<Record<string, T>>, what: SignerRequest["do"], request: ReleaseToSign, signal: AbortSignal) => {
    const { tags } = request;
    if (tags === undefined) return await askOnce(shape, what, request, signal);
    const answers: [string, T][] = [];
    for (let from = 0; from < tags.length; from += mostTags) {
      const part = await askOnce(shape, what, { ...request, tags: tags.slice(from, from + mostTags) }, signal);
      answers.push(...Object.entries(part));
    }
    return Object.fromEntries(answers);
  };
  return {
    // zod writes an absent member as `undefined`, which `failed` never is.
    sign: async (request, signal) => withoutUndefined(await ask(SignedAnswer, "sign", request, signal)),
    withdraw: async (request, signal) => withoutUndefined(await ask(WithdrawnAnswer, "withdraw", request, signal)),
  };
}

/** One line there, one line back; the end of the connection before that is a signer that died. */
async function exchange(path: string, line: string, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
  const text = await new Promise<string>((done, fail) => {
    signal.throwIfAborted();
    const chunks: Buffer[] = [];
    let size = 0;
    const connection = connect(path, () => connection.end(line));
    const stop = (why: string, cause?: unknown) => {
      fail(unavailable(why, cause));
      connection.destroy();
    };
    const timer = setTimeout(() => stop(`did not answer within ${timeoutMs} ms`), timeoutMs);
    const abort = () => stop("was not waited for");
    signal.addEventListener("abort", abort, { once: true });
    connection.on("data", (chunk) => {
      size += chunk.length;
      if (size > maxAnswerBytes) stop("answered with more than any answer has");
      else chunks.push(chunk);
    });
    connection.on("error", (cause) => stop("does not answer", cause));
    connection.on("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      done(Buffer.concat(chunks).toString("utf8"));
    });
  });
  if (!text.endsWith("\n")) throw unavailable("broke off");
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unavailable("answered with something that is not JSON", cause);
  }
}

function withoutUndefined<T extends { failed?: string | undefined }>(answer: Record<string, T>) {
  return Object.fromEntries(
    Object.entries(answer).map(([tag, { failed, ...rest }]) => [tag, { ...rest, ...(failed === undefined ? {} : { failed }) }]),
  ) as Record<string, Omit<T, "failed"> & { failed?: string }>;
}

function unavailable(why: string, cause?: unknown) {
  if (isAppError(cause)) return cause;
  return appError("signing.signer-unavailable", `flibs signer ${why}`, {
    cause,
    hint: "Is it running, and may the service use its socket?",
  });
}
