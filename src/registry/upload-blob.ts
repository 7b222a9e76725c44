import type { ClientRequest } from "node:http";
import type { Readable } from "node:stream";
import { appError, isAppError } from "../domain/errors.ts";
import { type BlobCheck, checkBlob } from "./blob-check.ts";
import { hasBlob } from "./blob-requests.ts";
import type { BlobDescriptor, UploadOptions } from "./blob-transfers.ts";
import { parseUploadedBytes } from "./byte-range.ts";
import { pushScope } from "./manifest-requests.ts";
import { discardBody, invalidAnswer } from "./read-body.ts";
import { type RegistrySession, refusal } from "./registry-session.ts";
import { cancelUpload, completionAddress, startUpload, uploadLocation } from "./upload-session.ts";
import { passedBytes } from "./young-garbage.ts";

/** What fits through proxies that refuse a whole layer; one such piece is in memory at a time. */
const pieceBytes = 8 * 1024 * 1024;

/**
 * See `BlobTransfers.uploadBlob`. One POST and one PUT with the whole body; where a proxy answers 413 to that, in pieces. A try that
 * breaks starts over: by looking, since a lost answer may have been a success, then with a new source and a new session.
 */
export async function uploadBlob(
  session: RegistrySession,
  repository: string,
  blob: BlobDescriptor,
  open: () => Promise<Readable>,
  options: UploadOptions = {},
): Promise<void> {
  const where = `${session.endpoint}/${repository}`;
  let send = sendWhole;
  let isFirst = true;
  await session.retrying(async () => {
    if (!isFirst && (await hasBlob(session, repository, blob.digest, options.signal))) return;
    isFirst = false;
    const location = await startUpload(session, repository, options.signal);
    const check = checkBlob(blob, where);
    let source: Readable | undefined;
    try {
      source = await open();
      await send({ session, repository, blob, source, location, options, check });
    } catch (error) {
      await cancelUpload(session, repository, location);
      if (send === sendWhole && isAppError(error) && error.details.status === 413) {
        send = sendInPieces;
        throw appError("registry.unreachable", `${where} takes no blob of ${blob.size} bytes at once`, { cause: error });
      }
      throw error;
    } finally {
      source?.destroy();
      check.close();
    }
  }, options.signal);
}

interface Sending {
  readonly session: RegistrySession;
  readonly repository: string;
  readonly blob: BlobDescriptor;
  readonly source: Readable;
  readonly location: URL;
  readonly options: UploadOptions;
  readonly check: BlobCheck;
}

async function sendWhole({ session, repository, blob, source, location, options, check }: Sending): Promise<void> {
  const call = {
    method: "PUT",
    target: completionAddress(location, blob.digest),
    headers: { "content-type": "application/octet-stream", "content-length": String(blob.size) },
    body: (request: ClientRequest) => pump(source, request, check, options),
    scopes: pushScope(repository),
    signal: options.signal,
  } as const;
  await session.askOnce(call, async (answer) => {
    if (answer.status !== 201) throw await refusal(call, answer);
    await discardBody(answer);
  });
}

/**
 * Source to request with back-pressure of both the request and the hash. The last bytes are written only after the digest has been
 * compared, so that a wrong blob is never complete. Events and not pipeline(): a transform in between would cost another copy of the queue.
 */
function pump(source: Readable, request: ClientRequest, check: BlobCheck, { onBytes }: UploadOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let isFull = false;
    let isChecking = false;
    // The end of a source comes although it is paused.
    let checkedUntilNow = Promise.resolve();
    const fail = (error: unknown) => {
      source.destroy();
      reject(error);
    };
    const goOn = () => {
      if (!isFull && !isChecking) source.resume();
    };
    const send = (chunk: Uint8Array) => {
      onBytes?.(chunk.length);
      passedBytes(chunk.length);
      isFull = !request.write(chunk);
      if (isFull) source.pause();
    };
    source.on("error", (error) =>
      fail(isAppError(error) ? error : appError("registry.unreachable", "the source of a blob broke off", { cause: error })),
    );
    source.on("data", (chunk: Uint8Array) => {
      let checked: Promise<void> | undefined;
      try {
        checked = check.update(chunk);
      } catch (error) {
        return fail(error);
      }
      if (checked === undefined) return send(chunk);
      isChecking = true;
      source.pause();
      checkedUntilNow = checked.then(() => {
        isChecking = false;
        if (request.destroyed) return;
        send(chunk);
        goOn();
      });
      checkedUntilNow.catch(fail);
    });
    source.on("end", () => {
      checkedUntilNow.then(() => check.finish()).then(() => request.end(() => resolve()), fail);
    });
    request.on("drain", () => {
      isFull = false;
      goOn();
    });
    // Closed before the end: refused early, or the connection broke; the transport tells which.
    request.on("close", () => fail(appError("registry.unreachable", "an upload was cut off")));
    request.on("response", () => source.destroy());
  });
}

async function sendInPieces(sending: Sending): Promise<void> {
  const { session, repository, blob, source, options, check } = sending;
  let location = sending.location;
  let sent = 0;
  for await (const piece of pieces(source, check)) {
    const range = `${sent}-${sent + piece.length - 1}`;
    const headers = { "content-type": "application/octet-stream", "content-range": range };
    const call = {
      method: "PATCH",
      target: location,
      headers,
      body: piece,
      scopes: pushScope(repository),
      signal: options.signal,
    } as const;
    sent += piece.length;
    location = await session.askOnce(call, async (answer) => {
      if (answer.status !== 202) throw await refusal(call, answer);
      await discardBody(answer);
      if (parseUploadedBytes(answer.header("range")) !== sent) throw invalidAnswer(answer, `without having taken ${sent} bytes`);
      return uploadLocation(answer);
    });
    options.onBytes?.(piece.length);
  }
  await check.finish();
  const call = {
    method: "PUT",
    target: completionAddress(location, blob.digest),
    body: new Uint8Array(),
    scopes: pushScope(repository),
  } as const;
  await session.askOnce({ ...call, signal: options.signal }, async (answer) => {
    if (answer.status !== 201) throw await refusal(call, answer);
    await discardBody(answer);
  });
}

async function* pieces(source: AsyncIterable<Uint8Array>, check: BlobCheck): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    await check.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + pieceBytes - size);
      waiting.push(part);
      size += part.length;
      at += part.length;
      if (size < pieceBytes) continue;
      yield Buffer.concat(waiting, size);
      waiting = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}
