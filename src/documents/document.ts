/** A file that is kept with a build's record and can be downloaded. */
export interface BuildDocument {
  /** Unique in the build; lower case, safe in a path: `metadata.json`, `x86_64.spdx.json`. */
  readonly name: string;
  readonly mediaType: string;
  /** Exactly what is downloaded: checksums elsewhere are over these bytes. */
  readonly text: string;
}

/** Who makes documents: name, version, and the address of the installation, without a slash at the end. */
export interface Maker {
  readonly name: string;
  readonly version: string;
  readonly url: string;
}

export const mediaTypes = {
  json: "application/json",
  spdx: "application/spdx+json",
  cycloneDx14: "application/vnd.cyclonedx+json; version=1.4",
  cycloneDx16: "application/vnd.cyclonedx+json; version=1.6",
  /** An in-toto statement that is not in a signed envelope. */
  inToto: "application/vnd.in-toto+json",
} as const;

/** What is not in ASCII's control characters, which JSON escapes anyway, and can still steer a terminal or turn the reading direction. */
const unsafe = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * JSON of the same value with every control character escaped, so that a document printed on a terminal changes nothing there: names,
 * licences and labels in it were written by whoever made the packages and the Dockerfile.
 */
export function formatJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2);
  return `${text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}
