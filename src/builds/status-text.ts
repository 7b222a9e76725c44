/** Text of others made fit for a forge: nothing of it is a link, a mention or a colour, and nothing is longer than a forge takes. */

const tailLines = 20;
/** Forges cut or refuse a summary beyond 65,535 bytes; every part of one has a share. */
export const mostBytes = { summary: 65_000, list: 24_000 };

/** One line without control characters, colours and tricks of text direction, cut at a length. */
export function plainLine(text: string, length: number): string {
  const plain = text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
    .replaceAll(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+/g, " ")
    .toWellFormed()
    .trimEnd();
  return plain.length > length ? `${cutWell(plain, length - 1)}…` : plain;
}

/** Text of others as text: no links, images, mentions, HTML or new lines out of it. */
export function escapeMarkdown(text: string): string {
  return plainLine(text, 1000)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(/[\\`*_{}[\]()#!|~>]/g, "\\$&")
    .replaceAll("@", "@\u200b");
}

export function inlineCode(text: string): string {
  return `\`${plainLine(text, 300).replaceAll("`", "'")}\``;
}

/** A code block that its content can't end. */
export function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const marks = "`".repeat(longest + 1);
  return `${marks}text\n${text}\n${marks}`;
}

/** Whole lines, as many as fit; what is left out is counted. */
export function cutLines(lines: readonly string[], most: number, maxBytes: number = mostBytes.list): readonly string[] {
  let bytes = 0;
  const kept: string[] = [];
  for (const line of lines) {
    bytes += Buffer.byteLength(line) + 1;
    if (kept.length === most || bytes > maxBytes) return [...kept, `… and ${lines.length - kept.length} more lines`];
    kept.push(line);
  }
  return kept;
}

/** The end of a log, for a summary; nothing when there is no log. */
export function lastWords(tail: string | undefined): string {
  if (tail === undefined || tail.trim() === "") return "";
  const lines = tail
    .trimEnd()
    .split("\n")
    .slice(-tailLines)
    .map((line) => plainLine(line, 400));
  return `\n\nLast lines of the log:\n\n${fence(lines.join("\n"))}`;
}

/** At most so many bytes of UTF-8, no character cut in two. */
export function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  const room = maxBytes - Buffer.byteLength("…");
  return `${new TextDecoder().decode(bytes.subarray(0, room), { stream: true })}…`;
}

function cutWell(text: string, length: number): string {
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "");
}
