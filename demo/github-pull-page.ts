import { Html, html, safeLink } from "../src/web/html.ts";
import { renderMarkdown } from "../src/web/markdown.ts";
import { pageStyle } from "../src/web/views/page-style.ts";
import type { Github } from "../test/fakes/github/github.ts";
import type { Annotation, CheckRun, Comment, Pull } from "../test/fakes/github/state/data.ts";
import { headsOf } from "./github-heads.ts";

/** A whole document that needs no other file. */
export function documentOf(title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title} · flibs demo</title>
<style>${new Html(pageStyle + moreStyle)}</style>
</head>
<body>
<header><a class="brand" href="index.html">Pull requests</a><span class="quiet">as a GitHub on loopback has them, where the demo of flibs played</span></header>
<main>
${content}
</main>
</body>
</html>
`.markup;
}

const moreStyle = `
.said { border: 1px solid var(--line); border-radius: 6px; margin: 1rem 0; } .said > .quiet { margin: 0; padding: .35rem .75rem; background: var(--soft); border-bottom: 1px solid var(--line); }
.said > .markdown { padding: .1rem .75rem; } .said > .reactions { padding: 0 .75rem .5rem; margin: 0; }
.checks { list-style: none; padding: 0 0 0 1rem; margin: .5rem 0 1.5rem; border-left: 2px solid var(--line); } .checks > li { padding: .3rem 0; }
.source { padding-left: 0; padding-right: 0; } .source span { display: block; padding: 0 .75rem; } .source .hit { background: var(--bad-bg); }
.source .warning { background: var(--busy-bg); } .source .notice { background: var(--idle-bg); } .number { color: var(--quiet); font-style: normal; user-select: none; }
.checks details { border: 0; padding: 0; margin: 0; } .checks summary { color: var(--quiet); font-size: .875rem; } .checks .note { white-space: pre-line; }
`;

/** A pull request as people see it: what was said, and under each commit what flibs reported on it, in the order in which it happened. */
export async function pullPage(github: Github, repository: string, pull: Pull): Promise<string> {
  const { number, headRef, baseRef } = pull;
  const events: { readonly at: string; readonly shown: Html }[] = [];
  for (const { sha, at } of headsOf(github, repository, number)) {
    events.push({ at, shown: html`<h2>Commit <code>${sha.slice(0, 12)}</code></h2>${await checksOf(github, repository, sha)}` });
  }
  for (const comment of github.reads.comments(repository, number))
    events.push({ at: comment.createdAt, shown: commentOf(github, comment) });
  if (pull.mergedAt !== null && pull.mergeCommit !== null) {
    const checks = await checksOf(github, repository, pull.mergeCommit);
    const shown = html`<h2>${pull.mergedBy ?? "somebody"} merged it as <code>${pull.mergeCommit.slice(0, 12)}</code></h2>${checks}`;
    events.push({ at: pull.mergedAt, shown });
  }
  // Stable: what happened in one second stays in the order of before.
  const told = [...events].sort((a, b) => a.at.localeCompare(b.at));
  const content = html`<h1>${stateBadge(stateOf(pull))} ${pull.title} <span class="quiet">#${number}</span></h1>
<p class="quiet">${pull.author} asks to merge <code>${headRef}</code> into <code>${baseRef}</code> of ${repository}</p>
<article class="said"><p class="quiet">${pull.author}</p><div class="markdown">${renderMarkdown(pull.body ?? "")}</div></article>
${told.map(({ shown }) => shown)}`;
  return documentOf(`${pull.title} #${number}`, content);
}

export function stateOf(pull: Pull): "merged" | "open" | "closed" {
  return pull.mergedAt === null ? pull.state : "merged";
}

function commentOf(github: Github, comment: Comment): Html {
  const reactions = github.reads.reactions(comment.id);
  const row = reactions.map(({ content, author }) => html`<span class="badge">${content} by ${author}</span> `);
  return html`<article class="said"><p class="quiet">${comment.author} commented, <time datetime="${comment.createdAt}">${comment.createdAt.slice(11, 19)} UTC</time></p>
<div class="markdown">${renderMarkdown(comment.body)}</div>${reactions.length === 0 ? "" : html`<p class="reactions">${row}</p>`}</article>`;
}

async function checksOf(github: Github, repository: string, sha: string): Promise<Html> {
  const runs = github.reads.runs(repository, sha);
  if (runs.length === 0) return html`<p class="none">No checks.</p>`;
  const shown: Html[] = [];
  for (const run of runs) shown.push(await checkOf(github, repository, run));
  return html`<ul class="checks">${shown}</ul>`;
}

async function checkOf(github: Github, repository: string, run: CheckRun): Promise<Html> {
  const link = safeLink(run.detailsUrl);
  const name = link === undefined ? html`${run.name}` : html`<a href="${link}" rel="noreferrer">${run.name}</a>`;
  const annotations: Html[] = [];
  for (const annotation of run.annotations) annotations.push(annotationOf(annotation, await linesOf(github, repository, run, annotation)));
  const summary = run.summary?.trim() ? html`<div class="markdown">${renderMarkdown(run.summary)}</div>` : "";
  const text = run.text?.trim() ? html`<div class="markdown">${renderMarkdown(run.text)}</div>` : "";
  const buttons = run.actions.map(({ label, description }) => html`<button disabled title="${description}">${label}</button> `);
  const row = buttons.length === 0 ? "" : html`<p>${buttons}</p>`;
  const head = html`${stateBadge(run.conclusion ?? run.status)} ${name} <span class="quiet">${run.title ?? ""}</span>`;
  const all = html`${summary}${text}${annotations}${row}`;
  if (all.markup === "") return html`<li>${head}</li>`;
  // What succeeded is of interest to few.
  return html`<li>${head}<details${run.conclusion === "success" ? "" : html` open`}><summary>what it says</summary>${all}</details></li>`;
}

interface Line {
  readonly number: number;
  readonly text: string;
}

const around = 2;

/** The annotated lines and some around them; none when the file is not there any more. */
async function linesOf(github: Github, repository: string, run: CheckRun, annotation: Annotation): Promise<readonly Line[]> {
  const text = await github.reads.file(repository, run.headSha, annotation.path);
  const lines = (text ?? "").split("\n").map((line, i) => ({ number: i + 1, text: line }));
  return lines.filter(({ number }) => number >= annotation.start_line - around && number <= annotation.end_line + around);
}

function annotationOf(annotation: Annotation, lines: readonly Line[]): Html {
  const { path, start_line: from, end_line: to, annotation_level: level, title, message } = annotation;
  const width = String(lines.at(-1)?.number ?? 0).length;
  const hit = level === "failure" ? "hit" : `hit ${level}`;
  const shown = lines.map(({ number, text }) => {
    const gutter = html`<i class="number">${String(number).padStart(width)} </i>`;
    return number >= from && number <= to ? html`<span class="${hit}">${gutter}${text}</span>` : html`<span>${gutter}${text}</span>`;
  });
  return html`<p class="quiet"><code>${path}:${from}</code></p><pre class="source">${shown}</pre>
<div class="note ${level === "failure" ? "bad" : level === "warning" ? "busy" : ""}"><p>${title === undefined ? "" : html`<strong>${title}</strong> `}${message}</p></div>`;
}

const tones: Readonly<Record<string, string>> = {
  success: "good",
  merged: "good",
  failure: "bad",
  timed_out: "bad",
  action_required: "busy",
  in_progress: "busy",
  queued: "busy",
  open: "busy",
};

/** A state in its colour; the word stands there, too. */
export function stateBadge(state: string): Html {
  return html`<span class="badge ${tones[state] ?? ""}">${state.replaceAll("_", " ")}</span>`;
}
