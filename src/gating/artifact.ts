/** A file that a test left. */
export interface Artifact {
  /** Its path in the test's directory. */
  readonly name: string;
  readonly mediaType: string;
  readonly content: Uint8Array;
}

/** How much of what a test leaves is kept. */
export interface ArtifactLimits {
  /** Files. */
  readonly most: number;
  /** Of one; of a longer text its beginning and its end. */
  readonly eachBytes: number;
  /** Of all together. */
  readonly totalBytes: number;
}

export interface ReadArtifacts {
  /** In the order in which they were named. */
  readonly artifacts: readonly Artifact[];
  /** Why others are not kept, a line each. */
  readonly problems: readonly string[];
}

/**
 * Reads what a test has left: only regular files that a result names, never through links. Secrets in text are masked. Nothing that a test can
 * do makes it throw; only a disk that fails does.
 */
export type ArtifactReader = (
  directory: string,
  names: readonly string[],
  limits: ArtifactLimits,
  mask: (text: string) => string,
) => Promise<ReadArtifacts>;

const longestName = 250;

/**
 * May a file have this path below a test's directory? Relative, in `/` parts of which none is empty, `.` or `..`, well-formed, at most 250 bytes of
 * UTF-8, without control characters, backslashes and marks that turn the direction of reading: it stands in addresses, headers and on terminals.
 */
export function isArtifactName(name: string): boolean {
  if (name === "" || !name.isWellFormed() || Buffer.byteLength(name) > longestName) return false;
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/u.test(name)) return false;
  return name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

const mediaTypes: Readonly<Record<string, string>> = {
  json: "application/json",
  xml: "application/xml",
  html: "text/html; charset=utf-8",
  htm: "text/html; charset=utf-8",
  xhtml: "application/xhtml+xml",
  svg: "image/svg+xml",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  gz: "application/gzip",
  xz: "application/x-xz",
  tar: "application/x-tar",
  zip: "application/zip",
};
export const plainText = "text/plain; charset=utf-8";

/** By the name, else text or bytes. */
export function mediaTypeOf(name: string, isText: boolean): string {
  const ending = /\.([A-Za-z0-9]{1,8})$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const known = Object.hasOwn(mediaTypes, ending) ? mediaTypes[ending] : undefined;
  return known ?? (isText ? plainText : "application/octet-stream");
}

/** What a browser may show by itself: nothing that can have a script or a link in it. All else is only downloaded. */
export function isInert(mediaType: string): boolean {
  return [plainText, "application/json", "image/png", "image/jpeg", "image/gif", "image/webp"].includes(mediaType);
}
