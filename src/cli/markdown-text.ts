import { decodeEntities, withoutBreaks } from "../domain/html-entities.ts";
import { plain } from "./terminal.ts";

/**
 * Markdown of a pull request or comment as people read it in a terminal: hidden blocks go, `<details>` opens under its summary, entities
 * become what they stand for, but not inside code, where they are no entities. Whatever comes out of that is made harmless again. Pure.
 */
export function formatMarkdown(markdown: string): string {
  const lines = withoutHidden(markdown).split("\n");
  let fence: string | undefined;
  const shown = lines.flatMap((line) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
      return [line];
    }
    fence = mark;
    if (mark !== undefined) return [line];
    if (/^\s*<\/details>\s*$/.test(line)) return [];
    return [
      outsideCode(line.replace(/^\s*<details>\s*(?:<summary>(.*)<\/summary>)?/, (_, summary?: string) => (summary ? `${summary}:` : ""))),
    ];
  });
  return plain(withoutBreaks(shown.join("\n")))
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/** A mark without an end hides nothing. By hand: an expression would look for the end of each of them anew. */
function withoutHidden(markdown: string): string {
  let shown = "";
  let from = 0;
  for (;;) {
    const open = markdown.indexOf("<!--", from);
    const end = open === -1 ? -1 : markdown.indexOf("-->", open + 4);
    if (end === -1) return shown + markdown.slice(from);
    shown += markdown.slice(from, open);
    from = end + 3;
  }
}

/** Code spans are left as they are. */
function outsideCode(line: string): string {
  return line
    .split(/(`+[^`]*`+)/)
    .map((part, i) => (i % 2 === 1 ? part : decodeEntities(part)))
    .join("");
}
