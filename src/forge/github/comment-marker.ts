import { createHash } from "node:crypto";
import { cutComment } from "../cut-text.ts";

/** Longest body of a pull request or comment, in characters: GitHub refuses more. */
export const maxBodyLength = 65_536;

/** Readers do not see it; it stands first, so that cutting a long text leaves it whole. */
function markerOf(key: string): string {
  return `<!-- flibs:${createHash("sha256").update(key).digest("hex").slice(0, 32)} -->\n`;
}

export function markedText(key: string, text: string): string {
  const marker = markerOf(key);
  return `${marker}${cutComment(text, maxBodyLength - marker.length)}`;
}

/** GitHub gives back line feeds as they were sent, or with carriage returns when a person edited it in a browser. */
export function isMarked(key: string, body: string): boolean {
  return body.replaceAll("\r\n", "\n").startsWith(markerOf(key));
}

export function withoutMarker(body: string): string {
  return body.replace(/^<!-- flibs:[0-9a-f]{32} -->\r?\n/, "");
}
