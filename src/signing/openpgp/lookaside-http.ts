import { appError } from "../../domain/errors.ts";
import { lookasidePath, maxSignatureBytes, maxSignatures, type SignatureSource, type StoredSignature } from "../signature-source.ts";

/**
 * A served lookaside, read as containers/image reads it: 1, 2, … until 404. Whatever else is answered than 200 or 404 makes clients fail, so
 * it throws `signing.lookaside-unreadable`. `base` is the URL in the consumers' registries.d.
 */
export function httpLookaside(base: string, timeoutMs: number): SignatureSource {
  const root = base.endsWith("/") ? base : `${base}/`;
  return {
    async listStored(repository, digest) {
      const found: StoredSignature[] = [];
      for (let n = 1; n <= maxSignatures; n++) {
        const url = `${root}${lookasidePath(repository, digest, n)}`;
        const bytes = await fetchSignature(url, timeoutMs);
        if (bytes === undefined) break;
        found.push({ location: url, bytes });
      }
      return found;
    },
  };
}

async function fetchSignature(url: string, timeoutMs: number): Promise<Uint8Array | undefined> {
  const unreadable = (why: string, cause?: unknown) => appError("signing.lookaside-unreadable", `GET ${url} ${why}`, { cause });
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unreadable(`came back with ${response.status}, clients take only 200 and 404`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxSignatureBytes) throw unreadable(`came back with more than ${maxSignatureBytes} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof Error && error.name === "AppError") throw error;
    throw unreadable("failed", error);
  }
}
