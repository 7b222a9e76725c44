import MarkdownIt, { type Token } from "markdown-it";

/** What the title lines of help.md say; `% name(section) manual`, `% author`, `% date`. */
export interface ManTitle {
  readonly name: string;
  readonly section: string;
  readonly manual: string;
  readonly author: string;
  readonly date: string;
}

/** Three title lines put before a help text that has none (OSBS): its first line does not begin with `% `. */
export function withTitle(markdown: string, name: string, maintainer: string, date: string): string {
  if (markdown.startsWith("% ")) return markdown;
  const line = (text: string) => text.replaceAll(/\s+/g, " ").trim();
  return `% ${line(name)}(1) Container Image Pages\n% ${line(maintainer)}\n% ${line(date)}\n${markdown}`;
}

/**
 * Markdown to a man page, as go-md2man does it: title lines, headings, paragraphs, lists, code, quotes, tables, bold, italics, links. The text is a
 * stranger's and is read by groff on other people's terminals, so nothing of it is ever a request or an escape: control
 * characters go, backslashes and leading dots are escaped, HTML is left out. Pure, and the same for the same text.
 */
export function manPage(markdown: string): string {
  const { title, body } = readTitle(markdown.replaceAll(/\r\n?/g, "\n"));
  const { name, section, date, author, manual } = title;
  const arguments_ = [name.toUpperCase(), section, date, author, manual].map(quoted).join(" ");
  const tokens = new MarkdownIt("commonmark", { html: true }).enable("table").parse(body, {});
  const hasTable = tokens.some((token) => token.type === "table_open");
  return `${hasTable ? "'\\\" t\n" : ""}.nh\n.TH ${arguments_}\n${writeBlocks(tokens)}`;
}

function readTitle(text: string): { readonly title: ManTitle; readonly body: string } {
  const lines = text.split("\n");
  let count = 0;
  while (count < 3 && /^%( |$)/.test(lines[count] ?? "")) count += 1;
  const [first = "", author = "", date = ""] = lines.slice(0, count).map((line) => line.slice(1).trim());
  const [, name = first, section = "1", manual = ""] = /^([^\s(]{1,200})\s{0,9}\((\d[a-z]{0,9})\)(.*)$/.exec(first) ?? [];
  return { title: { name, section, manual: manual.trim(), author, date }, body: lines.slice(count).join("\n") };
}

function writeBlocks(tokens: readonly Token[]): string {
  let text = "";
  /** Lists that are open, and the number of the next item; undefined for bullets. */
  const lists: { next: number | undefined }[] = [];
  /** The paragraph that follows stands beside its bullet. */
  let afterBullet = false;
  const paragraph = () => {
    if (!afterBullet) text += lists.length > 0 ? ".IP\n" : ".PP\n";
    afterBullet = false;
  };
  let cells = 0;
  let columns = 0;
  for (const [index, token] of tokens.entries()) {
    switch (token.type) {
      case "heading_open":
        text += `.${/^h[12]$/.test(token.tag) ? "SH" : "SS"} ${quoted(plainInline(tokens[index + 1]))}\n`;
        break;
      case "paragraph_open":
        paragraph();
        break;
      case "inline":
        if (tokens[index - 1]?.type !== "heading_open") text += lines(writeInline(token));
        break;
      case "bullet_list_open":
      case "ordered_list_open":
        if (lists.length > 0) text += ".RS\n";
        lists.push({ next: token.type === "bullet_list_open" ? undefined : Number(token.attrGet("start") ?? 1) });
        break;
      case "bullet_list_close":
      case "ordered_list_close":
        lists.pop();
        if (lists.length > 0) text += ".RE\n";
        break;
      case "list_item_open": {
        const list = lists.at(-1);
        text += list?.next === undefined ? ".IP \\(bu 2\n" : `.IP "${list.next++}." 4\n`;
        afterBullet = true;
        break;
      }
      case "list_item_close":
        afterBullet = false;
        break;
      case "blockquote_open":
        afterBullet = false;
        text += ".RS 4\n";
        break;
      case "blockquote_close":
        text += ".RE\n";
        break;
      case "fence":
      case "code_block":
        paragraph();
        text += `.RS 4\n.nf\n${lines(escapeText(token.content))}.fi\n.RE\n`;
        break;
      case "hr":
        paragraph();
        text += "\\l'\\n(.lu'\n";
        break;
      case "table_open":
        columns = columnsOf(tokens, index);
        text += `.TS\nallbox;\n${"l ".repeat(columns).trim()}.\n`;
        break;
      case "table_close":
        text += ".TE\n";
        break;
      case "tr_open":
        cells = 0;
        break;
      case "th_open":
      case "td_open":
        text += cells === 0 ? "T{\n" : "\tT{\n";
        cells += 1;
        break;
      case "th_close":
      case "td_close":
        text += cells === columns ? "T}\n" : "T}";
        break;
    }
  }
  return text;
}

function columnsOf(tokens: readonly Token[], table: number): number {
  let columns = 0;
  for (let index = table; index < tokens.length && tokens[index]?.type !== "tr_close"; index++) {
    if (tokens[index]?.type === "th_open") columns += 1;
  }
  return columns;
}

/** What stands alone on its line: it ends there, and no line of it begins with what groff would obey. */
function lines(text: string): string {
  const guarded = text
    .replace(/\n+$/, "")
    .split("\n")
    .map((line) => (/^(?:[.']|T\}|\s)/.test(line) && line !== breakLine ? `\\&${line}` : line));
  return `${guarded.join("\n")}\n`;
}

const breakLine = ".br";

function writeInline({ children }: Token): string {
  let text = "";
  const fonts = ["R"];
  const into = (font: string) => {
    fonts.push(font);
    text += `\\f${font}`;
  };
  const out = () => {
    fonts.pop();
    text += `\\f${fonts.at(-1) ?? "R"}`;
  };
  const links: string[] = [];
  for (const token of children ?? []) {
    switch (token.type) {
      case "text":
      case "text_special":
      case "image":
        text += escapeText(token.content);
        break;
      case "code_inline":
        into("B");
        text += escapeText(token.content);
        out();
        break;
      case "softbreak":
        text += "\n";
        break;
      case "hardbreak":
        text += `\n${breakLine}\n`;
        break;
      case "em_open":
        into("I");
        break;
      case "strong_open":
        into("B");
        break;
      case "em_close":
      case "strong_close":
        out();
        break;
      case "link_open":
        links.push(token.markup === "autolink" ? "" : String(token.attrGet("href") ?? ""));
        break;
      case "link_close": {
        const address = links.pop() ?? "";
        if (address !== "") text += ` \\(la${escapeText(address)}\\(ra`;
        break;
      }
    }
  }
  return text;
}

/** Of a heading: its words without fonts, since they are an argument. */
function plainInline(token: Token | undefined): string {
  return (token?.children ?? []).map((child) => (child.type === "softbreak" ? " " : child.content)).join("");
}

/** One argument of a request. */
function quoted(text: string): string {
  return `"${escapeText(text.replaceAll("\n", " ")).replaceAll('"', "\\(dq")}"`;
}

const special: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  "`": "\\(ga",
  "^": "\\(ha",
  "~": "\\(ti",
  // At the start of a line it would be a request; anywhere else this changes nothing.
  ".": "\\&.",
};

function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go; C1 and what turns the direction of text, too
  const plain = text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "");
  return plain.replaceAll(/[\\\-'`^~]|(?<=^|\n)\./g, (character) => special[character] ?? character);
}
