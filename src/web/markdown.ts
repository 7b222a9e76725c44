import { decodeEntities, withoutBreaks } from "../domain/html-entities.ts";
import { Html, html, safeLink } from "./html.ts";

/**
 * The part of Markdown that promotion PRs and comments use: headings, paragraphs, lists, tables, fenced code, block quotes, `<details>`, bold,
 * italics, code, links and entities. Text of strangers stands in it: everything is escaped first by {@link html}, HTML is shown as text, links go to
 * http(s) only, images are not loaded.
 */
export function renderMarkdown(text: string): Html {
  return new Html(
    blocks(text.slice(0, longest).replace(/\r\n?/g, "\n").split("\n"), 0)
      .map((block) => block.markup)
      .join("\n"),
  );
}

const longest = 500_000;
const deepest = 4;

function blocks(lines: readonly string[], depth: number): readonly Html[] {
  const found: Html[] = [];
  for (let at = 0; at < lines.length; ) {
    const [block, next] = readBlock(lines, at, depth);
    if (block) found.push(block);
    at = Math.max(next, at + 1);
  }
  return found;
}

type Read = readonly [Html | undefined, number];

function readBlock(lines: readonly string[], at: number, depth: number): Read {
  const line = lines[at] ?? "";
  if (line.trim() === "") return [undefined, at + 1];
  if (/^\s*<!--/.test(line)) return [undefined, endOf(lines, at, (one) => one.includes("-->")) + 1];
  const fence = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
  if (fence !== undefined) {
    const end = endOf(lines, at + 1, (one) => one.trim().startsWith(fence));
    return [html`<pre><code>${lines.slice(at + 1, end).join("\n")}</code></pre>`, end + 1];
  }
  const heading = /^(#{1,6})\s(.*)$/.exec(line);
  // The page has its own h1 and h2.
  if (heading) return [headingOf((heading[1] ?? "").length, inline(withoutTail(heading[2] ?? ""))), at + 1];
  if (/^<details>/.test(line.trim()) && depth < deepest) return readDetails(lines, at, depth);
  if (/^\s*\|/.test(line) && isTableRule(lines[at + 1] ?? "")) return readTable(lines, at);
  if (/^\s*([-*+]|\d+[.)])\s+/.test(line)) return readList(lines, at);
  if (/^\s*>/.test(line) && depth < deepest) {
    const end = endOf(lines, at, (one) => !/^\s*>/.test(one));
    const inner = lines.slice(at, end).map((one) => one.replace(/^\s*> ?/, ""));
    return [html`<blockquote>${blocks(inner, depth + 1)}</blockquote>`, end];
  }
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) return [html`<hr>`, at + 1];
  const end = Math.max(
    at + 1,
    endOf(lines, at, (one) => one.trim() === "" || /^(#{1,6}\s|\s*\||\s*[-*+]\s|\s*```|<\/?details>)/.test(one)),
  );
  return [html`<p>${inline(lines.slice(at, end).join("\n"))}</p>`, end];
}

/** `Title ##` has a tail; by hand, since an expression for it takes quadratic time on a long line of signs. */
function withoutTail(text: string): string {
  let end = text.trimEnd().length;
  while (text[end - 1] === "#") end -= 1;
  return text.slice(0, end).trim();
}

/** `|---|:--|`. One class and no more: neighbours that match the same letters would take cubic time on a long line of blanks. */
function isTableRule(line: string): boolean {
  return /^[\s:|-]+$/.test(line) && line.includes("-");
}

function readDetails(lines: readonly string[], at: number, depth: number): Read {
  let open = 0;
  const end = endOf(lines, at, (one) => {
    if (one.includes("<details>")) open += 1;
    if (one.includes("</details>")) open -= 1;
    return open === 0;
  });
  const inner = lines
    .slice(at, end + 1)
    .join("\n")
    .replace(/^\s*<details>/, "")
    .replace(/<\/details>\s*$/, "");
  const summary = /^\s*<summary>(.*?)<\/summary>/.exec(inner);
  const rest = summary ? inner.slice(summary[0].length) : inner;
  return [html`<details><summary>${inline(summary?.[1] ?? "Details")}</summary>${blocks(rest.split("\n"), depth + 1)}</details>`, end + 1];
}

function readTable(lines: readonly string[], at: number): Read {
  const end = endOf(lines, at, (one) => !/^\s*\|/.test(one));
  const cells = (row: string) =>
    row
      .trim()
      .replace(/^\||(?<!\\)\|$/g, "")
      .split(/(?<!\\)\|/)
      .map((cell) => inline(cell.trim().replaceAll("\\|", "|")));
  const head = cells(lines[at] ?? "").map((cell) => html`<th>${cell}</th>`);
  const rows = lines.slice(at + 2, end).map((row) => html`<tr>${cells(row).map((cell) => html`<td>${cell}</td>`)}</tr>`);
  return [html`<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`, end];
}

function readList(lines: readonly string[], at: number): Read {
  // `s`, or a line separator in it would be tried with every blank before.
  const item = /^\s*(?:[-*+]|\d+[.)])\s+(.*)$/s;
  const end = endOf(lines, at, (one) => !item.test(one) && !/^\s{2,}\S/.test(one));
  const items: string[] = [];
  for (const line of lines.slice(at, end)) {
    const text = item.exec(line)?.[1];
    if (text !== undefined) items.push(text);
    else items.push(`${items.pop() ?? ""}\n${line.trim()}`);
  }
  const markup = items.map((text) => html`<li>${inline(text)}</li>`);
  return [/^\s*\d/.test(lines[at] ?? "") ? html`<ol>${markup}</ol>` : html`<ul>${markup}</ul>`, end];
}

/** A whole run of backticks comes first: whether it begins code is looked up, since an expression would look for the end from each backtick. */
const spans =
  /(`+)|\[([^\][]{1,500})\]\(([^()\s]{1,2000})\)|\*\*(\S(?:[^*]*?\S)?)\*\*|(?<![\w*])[*_](\S(?:[^*_]*?\S)?)[*_](?![\w*])|\\([!-/:-@[-`{-~])|(https?:\/\/[^\s<>()"'`]+)/g;

function inline(text: string, depth = 0): Html {
  const parts: Html[] = [];
  const findRun = backtickRuns(text);
  // A position of its own: what stands in bold text is taken apart meanwhile.
  const search = new RegExp(spans);
  let last = 0;
  for (let match = search.exec(text); match !== null; match = search.exec(text)) {
    const [whole, ticks, label, target, bold, italic, escaped, url] = match;
    parts.push(html`${readable(text.slice(last, match.index))}`);
    last = search.lastIndex;
    const link = safeLink(target ?? url);
    const end = ticks === undefined ? undefined : findRun(ticks.length, last);
    if (end !== undefined) {
      parts.push(html`<code>${withoutBreaks(text.slice(last, end).trim())}</code>`);
      last = end + whole.length;
      search.lastIndex = last;
    } else if ((label !== undefined || url !== undefined) && link !== undefined)
      parts.push(html`<a href="${link}" rel="noreferrer nofollow">${readable(label ?? url ?? "")}</a>`);
    else if (bold !== undefined) parts.push(html`<strong>${inlineOf(bold, depth)}</strong>`);
    else if (italic !== undefined) parts.push(html`<em>${inlineOf(italic, depth)}</em>`);
    else parts.push(html`${escaped ?? readable(whole)}`);
  }
  parts.push(html`${readable(text.slice(last))}`);
  return html`${parts}`;
}

/** Finds where the next run of just so many backticks begins. Asked from left to right only: a run that was passed is never looked at again. */
function backtickRuns(text: string): (length: number, from: number) => number | undefined {
  const ahead = Map.groupBy([...text.matchAll(/`+/g)].toReversed(), ([run]) => run.length);
  return (length, from) => {
    const alike = ahead.get(length) ?? [];
    while ((alike.at(-1)?.index ?? from) < from) alike.pop();
    return alike.at(-1)?.index;
  };
}

/** Code may stand in bold text (`**gate \`x\` is taken away**`); one level is enough. */
function inlineOf(text: string, depth: number): Html {
  return depth < 1 ? inline(text, depth + 1) : html`${readable(text)}`;
}

/** After the text was taken apart: what an entity stands for is text and is escaped by {@link html} like all other. */
function readable(text: string): string {
  return withoutBreaks(decodeEntities(text));
}

function headingOf(level: number, text: Html): Html {
  if (level <= 2) return html`<h3>${text}</h3>`;
  return level === 3 ? html`<h4>${text}</h4>` : html`<h5>${text}</h5>`;
}

/** First line from `at` that fits, or the number of lines. */
function endOf(lines: readonly string[], at: number, fits: (line: string) => boolean): number {
  for (let i = at; i < lines.length; i++) if (fits(lines[i] ?? "")) return i;
  return lines.length;
}
