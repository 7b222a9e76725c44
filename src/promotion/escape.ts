/**
 * Text from images, labels, package names and files, made harmless in Markdown: no markup, no HTML, no link, no mention of a person, no
 * reference to an issue or commit, no emoji, no command or list at the start of a line, one line. Longer than `most` characters is cut. Only what has a
 * meaning where it stands becomes an entity: people read this in terminals too.
 */
export function escapeText(text: string, most = 200): string {
  // Look at twice the length only: a label may have megabytes.
  const line = text
    .slice(0, most * 2)
    .replace(invisible, " ")
    .replace(/ {2,}/g, " ")
    .trim();
  const cut = [...line].length > most ? `${[...line].slice(0, most - 1).join("")}…` : line;
  return cut
    .replace(markup, (found) => [...found].map((character) => `&#${character.codePointAt(0)};`).join(""))
    .replace(commitId, (id) => id.replace(/.{6}(?=.)/g, "$&\u200b"))
    .replace(reference, "$&\u200b");
}

/**
 * The same in a code span. Inside code, entities are not read, so what could end the span or the table cell is replaced; an empty text is a dash.
 */
export function escapeCode(text: string, most = 200): string {
  const line = text
    .slice(0, most * 2)
    .replace(invisible, " ")
    .trim();
  const cut = [...line].length > most ? `${[...line].slice(0, most - 1).join("")}…` : line;
  return cut === "" ? "-" : `\`${cut.replaceAll("`", "'").replaceAll("|", "¦").replaceAll("--", "-\u200b-")}\``;
}

/** One line of at most 140 characters for a status's title: forges show it as it is, so nothing is markup; digests are shown short. */
export function cutTitle(text: string): string {
  const line = text
    .slice(0, 1000)
    .replace(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, "$1")
    .replace(invisible, " ")
    .replace(/ {2,}/g, " ")
    .trim();
  return [...line].length > 140 ? `${[...line].slice(0, 139).join("")}…` : line;
}

/** A fenced block that its content can't close; `most` characters, then cut at a line end. */
export function fenced(text: string, language: string, most: number): string {
  const clean = text.replace(/\r\n?/g, "\n").replace(controlButNewline, "?");
  const cut = clean.length > most ? `${clean.slice(0, Math.max(0, clean.lastIndexOf("\n", most)))}\n… (cut)` : clean;
  const longest = Math.max(2, ...[...cut.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${cut.replace(/\n+$/, "")}\n${fence}`;
}

/** Control and format characters (line ends, terminal escapes, direction overrides, zero width) and lone surrogates. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const controlButNewline = /[^\P{C}\n\t]/gu;
/** Markup anywhere; `_` at a word's edge; what begins a command, list or heading at the start. */
const markup = /[&<>[\]*~`|!\\{}$]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|^[-+/=]|(?<=^\d{1,9})[.)](?=\s|$)/gu;
/** People, issues, links and emoji: forges look for these after entities have become text again, so a zero-width space comes in between. */
const reference = /@|(?<!&)#|\bGH-(?=\d)|:(?=\/\/|[\w+-]*[a-z][\w+-]*:)|\bwww(?=\.)/giu;
/** What may be an abbreviated or whole commit id: 7 to 40 hexadecimal digits, letters and numbers both, in a word of their own. Broken into parts too short for one. */
const commitId = /(?<![\p{L}\p{N}])(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{7,40}(?![\p{L}\p{N}])/giu;
