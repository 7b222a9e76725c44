import type { Readable } from "node:stream";
import { type Digest, parseDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { verifyBlob } from "./blob-check.ts";
import type { BlobDescriptor } from "./blob-transfers.ts";
import type { HttpAnswer } from "./http-transport.ts";
import { pullScope, pushScope, repositoryPath } from "./manifest-requests.ts";
import { discardBody, readBody, refuseEncoding, translateBodyError } from "./read-body.ts";
import { type RegistrySession, refusal } from "./registry-session.ts";
import { cancelUpload, uploadLocation } from "./upload-session.ts";

export async function hasBlob(session: RegistrySession, repository: string, digest: Digest, signal?: AbortSignal): Promise<boolean> {
  const call = { method: "HEAD", target: blobPath(repository, digest), scopes: pullScope(repository), signal } as const;
  return session.ask(call, async (answer) => {
    await discardBody(answer);
    if (answer.status === 404) return false;
    if (answer.status !== 200) throw await refusal(call, answer);
    return true;
  });
}

/** See `BlobTransfers.openBlob`. Retries until the head of the answer; the body is the reader's to try again. */
export async function openBlob(
  session: RegistrySession,
  repository: string,
  blob: BlobDescriptor,
  signal?: AbortSignal,
): Promise<Readable> {
  const answer = await answerWithBlob(session, repository, blob.digest, signal);
  const length = answer.header("content-length");
  if (length !== undefined && Number(length) !== blob.size) {
    answer.body.destroy();
    const where = `${session.endpoint}/${repository}@${blob.digest}`;
    throw appError("registry.digest-mismatch", `${where} has ${length.slice(0, 20)} bytes, its manifest says ${blob.size}`);
  }
  return answer.body;
}

/** See `Registry.readBlob`: the size is not known beforehand, so it is the cap that ends a lie. */
export async function readBlob(session: RegistrySession, repository: string, digest: Digest, maxBytes: number): Promise<Uint8Array> {
  const where = `${session.endpoint}/${repository}`;
  return session.retrying(async () => {
    const answer = await answerWithBlob(session, repository, digest);
    const tooLarge = () => {
      answer.body.destroy();
      return appError("registry.blob-too-large", `${where}@${digest} has more than ${maxBytes} bytes`);
    };
    if (Number(answer.header("content-length") ?? 0) > maxBytes) throw tooLarge();
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > maxBytes) throw tooLarge();
        chunks.push(chunk);
      }
    } catch (error) {
      throw translateBodyError(answer, error);
    }
    const bytes = Buffer.concat(chunks, size);
    for await (const _ of verifyBlob(asyncOnce(bytes), { digest, size }, where));
    return bytes;
  });
}

/** See `BlobTransfers.readBlobEnd`. distribution-spec v1.1.1 leaves ranges (RFC 9110, section 14) to the registry. */
export async function readBlobEnd(
  session: RegistrySession,
  repository: string,
  blob: BlobDescriptor,
  count: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const range = `${blob.size - count}-${blob.size - 1}`;
  const call = {
    ...({ method: "GET", target: blobPath(repository, blob.digest), scopes: pullScope(repository), signal } as const),
    headers: { range: `bytes=${range}` },
  };
  return session.ask(call, async (answer) => {
    if (answer.status === 404) throw await unknownBlob(session, repository, blob.digest, answer);
    if (answer.status === 200) {
      // All of it; nobody reads that.
      answer.body.destroy();
      return undefined;
    }
    if (answer.status === 206 && answer.header("content-range") === `bytes ${range}/${blob.size}`) return await readBody(answer, count);
    await discardBody(answer);
    return undefined;
  });
}

async function unknownBlob({ endpoint }: RegistrySession, repository: string, digest: Digest, answer: HttpAnswer): Promise<Error> {
  await discardBody(answer);
  return appError("registry.blob-unknown", `${endpoint}/${repository}@${digest} is not in the registry`);
}

async function* asyncOnce(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function answerWithBlob(session: RegistrySession, repository: string, digest: Digest, signal?: AbortSignal) {
  const call = { method: "GET", target: blobPath(repository, digest), scopes: pullScope(repository), signal } as const;
  return session.ask(call, async (answer) => {
    if (answer.status === 404) throw await unknownBlob(session, repository, digest, answer);
    if (answer.status !== 200) throw await refusal(call, answer);
    refuseEncoding(answer);
    return answer;
  });
}

/** See `BlobTransfers.mountBlob`. The token must name both repositories: with the destination alone some registries answer 401. */
export async function mountBlob(
  session: RegistrySession,
  repository: string,
  digest: Digest,
  from: string,
  signal?: AbortSignal,
): Promise<boolean> {
  repositoryPath(from);
  const query = new URLSearchParams({ mount: parseDigest(digest), from });
  const scopes = [...pushScope(repository), ...pullScope(from)];
  const call = { method: "POST", target: `${repositoryPath(repository)}/blobs/uploads/?${query}`, scopes, signal } as const;
  return session.ask(call, async (answer) => {
    await discardBody(answer);
    if (answer.status === 201) return true;
    // 202 is a fresh upload session in place of the mount; 404 and 405 come from registries without mounts.
    if (answer.status === 202) await cancelUpload(session, repository, uploadLocation(answer));
    else if (answer.status !== 404 && answer.status !== 405) throw await refusal(call, answer);
    return false;
  });
}

function blobPath(repository: string, digest: Digest): string {
  return `${repositoryPath(repository)}/blobs/${parseDigest(digest)}`;
}
