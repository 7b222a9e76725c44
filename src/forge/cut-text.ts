/** What stands for the rest; `link` is a page that has all of it. */
function notice(link: string | undefined): string {
  return link === undefined ? "\n\n… cut here: it is too long for the forge" : `\n\n… cut here: [the page has all of it](${link})`;
}

/** Some forges count bytes and refuse what is longer; a character is never cut in two. */
export function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  // 10xxxxxx goes on with the character before.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}

/** Markdown that ends with a notice when it is cut, outside of a code block that the cut left open. */
export function cutMarkdown(text: string, maxBytes: number, link?: string): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const end = notice(link);
  const closing = 8;
  const kept = cutBytes(text, maxBytes - Buffer.byteLength(end) - closing);
  return `${kept}${closeFence(kept)}${end}`;
}

/** Others count characters; UTF-16 units are never fewer. */
export function cutComment(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = notice(undefined);
  let kept = text.slice(0, maxLength - end.length - 8);
  if (/[\ud800-\udbff]$/.test(kept)) kept = kept.slice(0, -1);
  return `${kept}${closeFence(kept)}${end}`;
}

function closeFence(text: string): string {
  let open: string | undefined;
  for (const [, fence = ""] of text.matchAll(/^ {0,3}(`{3,6}|~{3,6})/gm)) {
    if (open === undefined) open = fence;
    else if (fence.startsWith(open)) open = undefined;
  }
  return open === undefined ? "" : `\n${open}`;
}
