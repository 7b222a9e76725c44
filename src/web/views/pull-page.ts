import type { CommitStatus, Pull, PullComment } from "../../forge/forge.ts";
import { type Html, html, safeLink } from "../html.ts";
import { renderMarkdown } from "../markdown.ts";
import { page } from "./page.ts";
import { age, badge } from "./words.ts";

export interface PullView {
  readonly pull: Pull;
  readonly comments: readonly PullComment[];
  /** Of the head commit. */
  readonly statuses: readonly CommitStatus[];
  /** Unified diff; undefined when there is none to show. */
  readonly diff: string | undefined;
  readonly now: Date;
}

/** A pull request of a forge without pages: enough to decide and to know the command that merges. */
export function pullPage({ pull, comments, statuses, diff, now }: PullView): string {
  const content = html`<div id="live"><h1>${badge(pull.state)} ${pull.title} <span class="quiet">#${pull.number}</span></h1>
<p class="quiet">${pull.author} asks to merge <code>${pull.headBranch}</code> into <code>${pull.baseBranch}</code> of ${pull.repository}, ${age(pull.openedAt, now)};
head <code>${pull.head.slice(0, 12)}</code>${pull.mergeCommit === undefined ? "" : html`, merged as <code>${pull.mergeCommit.slice(0, 12)}</code>`}</p>
${pull.state === "open" ? merging(pull) : ""}
${statuses.length === 0 ? "" : html`<section aria-labelledby="checks"><h2 id="checks">Checks</h2><ul class="cases">${statuses.map(check)}</ul></section>`}
<section aria-label="Description" class="markdown">${renderMarkdown(pull.body)}</section>
<section aria-labelledby="comments"><h2 id="comments">Comments</h2>
${comments.length === 0 ? html`<p class="none">No comments.</p>` : comments.map((one) => html`<article class="card"><p class="quiet">${one.author}, ${age(one.at, now)}</p><div class="markdown">${renderMarkdown(one.text)}</div></article>`)}</section>
${diff ? html`<section aria-labelledby="diff"><h2 id="diff">Changes</h2><pre class="diff">${diffLines(diff)}</pre></section>` : ""}</div>`;
  return page({ title: pull.title, live: pull.state === "open" }, content);
}

function merging(pull: Pull): Html {
  if (!pull.mergeable) return html`<p class="note bad">Conflicts with ${pull.baseBranch}: it cannot be merged as it is.</p>`;
  return html`<pre class="command">flibs pr merge ${pull.number} --repository ${pull.repository}</pre>`;
}

function check(status: CommitStatus): Html {
  const link = safeLink(status.url);
  const name = link === undefined ? html`${status.name}` : html`<a href="${link}" rel="noreferrer">${status.name}</a>`;
  const more = status.summary.trim() === "" ? "" : html`<div class="markdown">${renderMarkdown(status.summary)}</div>`;
  return html`<li>${badge(status.state)} ${name} <span class="quiet">${status.title}</span>${more}</li>`;
}

function diffLines(diff: string): readonly Html[] {
  return diff.split("\n").map((line) => {
    const kind = /^(\+\+\+|---|diff |index )/.test(line)
      ? "head"
      : line.startsWith("+")
        ? "add"
        : line.startsWith("-")
          ? "del"
          : line.startsWith("@@")
            ? "hunk"
            : "";
    return kind === "" ? html`${line}\n` : html`<span class="${kind}">${line}</span>\n`;
  });
}
