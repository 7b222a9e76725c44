import { createHash } from "node:crypto";
import { appError } from "./errors.ts";

/** Content address as OCI image-spec writes it; flibs speaks sha256 only, as every registry must. */
export type Digest = `sha256:${string}`;

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

export function parseDigest(text: string): Digest {
  if (!isDigest(text)) {
    throw appError("domain.digest-invalid", `"${text.slice(0, 100)}" is not a digest`, {
      hint: "Write sha256: and 64 lower-case hexadecimal digits",
    });
  }
  return text;
}

/** Digest over exact bytes; never over something parsed and written again. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The 64 digits, for file names and tags where ":" is not allowed. */
export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** Twelve digits for people; never for looking something up. */
export function shortDigest(digest: Digest): string {
  return digestHex(digest).slice(0, 12);
}
