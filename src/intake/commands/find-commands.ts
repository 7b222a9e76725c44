import MarkdownIt, { type StateBlock, type StateInline, type Token } from "markdown-it";

/** A line that begins with a slash and a letter, in a place where a person writes commands. Whether it is one of ours is decided later. */
export interface SlashLine {
  /** From the slash to the end of the line, as written. */
  readonly text: string;
  /** In the comment, from 1. */
  readonly line: number;
}

/**
 * Lines of GitHub-flavoured Markdown that are said rather than shown: they stand in a paragraph of the comment itself, as plain text.
 *
 * Left alone are code, quotes, HTML and its comments, headings, tables, links, images, emphasised and struck-out text, and text inside an
 * open HTML element such as `<details>`: that is where people show commands, and bots repeat them. Lists too: they enumerate what one could
 * do ("1. comment /build"), and templates and check lists are made of them.
 *
 * Grammar: CommonMark 0.31 and the GitHub Flavored Markdown specification. Time is linear in the length; nesting beyond a hundred levels is
 * not looked at.
 */
export function findSlashLines(comment: string): readonly SlashLine[] {
  if (!/^[ \t]*\/[a-z]/im.test(comment)) return [];
  const open: OpenElements = new Map();
  const found: SlashLine[] = [];
  const tokens = markdown.parse(comment, {});
  for (const [index, token] of tokens.entries()) {
    if (token.level === 0 && token.type === "html_block") followTags(token.content, open);
    const inline = tokens[index + 1];
    if (token.level === 0 && token.type === "paragraph_open" && inline !== undefined) found.push(...linesOf(inline, open));
  }
  return found;
}

const markType = "slash_at_line_start";

/** A parser that marks each slash at the start of a paragraph's line with a token of its own, wherever in the inline structure it ends up. */
const markdown = new MarkdownIt("default", { html: true });
markdown.core.ruler.disable(["linkify", "replacements", "smartquotes"]);
markdown.inline.ruler.before("text", markType, markSlash);
markdown.block.ruler.before("reference", "footnote", keepFootnote);

function markSlash(state: StateInline, silent: boolean): boolean {
  if (state.src[state.pos] !== "/" || !startsLine(state.src, state.pos)) return false;
  if (!silent) state.push(markType, "", 0).meta = { at: state.pos };
  state.pos += 1;
  return true;
}

function startsLine(text: string, at: number): boolean {
  let before = at;
  while (text[before - 1] === " " || text[before - 1] === "\t") before -= 1;
  return before === 0 || text[before - 1] === "\n";
}

/**
 * `[^1]: text` is a footnote on GitHub and goes on with the lines below; to CommonMark it is a link's definition, after which a new paragraph
 * begins. Taken as one paragraph here, and left alone by {@link linesOf}.
 */
function keepFootnote(state: StateBlock, start: number, end: number, silent: boolean): boolean {
  if (!state.src.startsWith("[^", (state.bMarks[start] ?? 0) + (state.tShift[start] ?? 0))) return false;
  const paragraph = state.md.block.ruler.getRules("").at(-1);
  return paragraph?.(state, start, end, silent) ?? false;
}

/** The slash lines of one paragraph; HTML in it is followed on the way. */
function linesOf(paragraph: Token, open: OpenElements): readonly SlashLine[] {
  const { content, map } = paragraph;
  const isFootnote = /^\[\^[^\]\s]+\]:/.test(content);
  const found: SlashLine[] = [];
  let depth = 0;
  let counted = 0;
  let line = (map?.[0] ?? 0) + 1;
  for (const token of paragraph.children ?? []) {
    depth += token.nesting;
    if (token.type === "html_inline") followTags(token.content, open);
    if (token.type !== markType || depth > 0 || isFootnote || open.size > 0) continue;
    const at = Number(token.meta?.at);
    for (; counted < at; counted += 1) if (content[counted] === "\n") line += 1;
    const end = content.indexOf("\n", at);
    const text = content.slice(at, end < 0 ? undefined : end).trimEnd();
    if (/^\/[a-z]/i.test(text)) found.push({ text, line });
  }
  return found;
}

/** How many elements of each name are open. */
type OpenElements = Map<string, number>;

/** Elements that GitHub lets through, need an end tag, and hold what is shown or hidden rather than said. */
const holding = new Set(
  ["details", "blockquote", "pre", "code", "samp", "kbd", "table", "ul", "ol", "dl", "div", "center"].concat(["del", "s", "strike"]),
);
const tag = /<(\/?)([a-z]+)(?=[\s/>])/iy;

function followTags(text: string, open: OpenElements): void {
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", at + 1)) {
    if (text.startsWith("<!--", at)) {
      const end = text.indexOf("-->", at);
      if (end < 0) return;
      at = end;
      continue;
    }
    tag.lastIndex = at;
    const [, slash, written = ""] = tag.exec(text) ?? [];
    const name = written.toLowerCase();
    if (!holding.has(name)) continue;
    const count = (open.get(name) ?? 0) + (slash === "" ? 1 : -1);
    if (count > 0) open.set(name, count);
    else open.delete(name);
  }
}
