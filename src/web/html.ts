/** Text that is HTML already. Only {@link html} makes it, so nothing reaches a page unescaped by mistake. */
export class Html {
  readonly markup: string;
  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What may stand in `${…}`: text is escaped, `Html` is not, lists are joined, `undefined` and `false` are nothing. */
export type HtmlPart = string | number | Html | undefined | false | readonly HtmlPart[];

/** `html\`<p>${text}</p>\``: every hole is escaped, in text and in quoted attributes alike. */
export function html(pieces: TemplateStringsArray, ...holes: readonly HtmlPart[]): Html {
  return new Html(pieces.map((piece, i) => piece + (i < holes.length ? markupOf(holes[i]) : "")).join(""));
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function markupOf(part: HtmlPart): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.markup;
  if (typeof part === "object") return part.map(markupOf).join("");
  return visibleText(String(part)).replace(/[&<>"']/g, (character) => escapes[character] ?? "");
}

/** Control characters and the marks that turn the direction of writing can make a text look like another one. */
export function visibleText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (found) =>
    found === "\r" ? "" : "\ufffd",
  );
}

/** A link only to http(s) and to our own pages; anything else (`javascript:`) stays text. */
export function safeLink(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  if (/^\/(?![/\\])/.test(target)) return target;
  return /^https?:\/\/[^\s]+$/i.test(target) && URL.canParse(target) ? target : undefined;
}
