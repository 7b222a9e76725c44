import type { Pull } from "../../forge/forge.ts";
import { html, safeLink } from "../html.ts";
import { page } from "./page.ts";
import { age, badge, pullPath } from "./words.ts";

/** `/pulls`: pull requests of every repository that flibs knows, newest first. */
export function pullsPage(pulls: readonly Pull[], state: Pull["state"] | "all", now: Date): string {
  const rows = pulls
    .toSorted((a, b) => b.openedAt.localeCompare(a.openedAt))
    .map(
      (pull) => html`<tr><td>${badge(pull.state)}</td>
<td data-label="Title"><a href="${safeLink(pull.url) ?? pullPath(pull.repository, pull.number)}">${pull.title}</a></td>
<td data-label="Where">${pull.repository} #${pull.number}</td><td data-label="Author">${pull.author}</td><td data-label="Opened">${age(pull.openedAt, now)}</td></tr>`,
    );
  const filters = ["open", "merged", "closed", "all"].map(
    (one) => html`<a href="/pulls?state=${one}"${one === state ? html` aria-current="true"` : ""}>${one}</a> `,
  );
  const table = html`<table class="stack"><thead><tr><th>State</th><th>Title</th><th>Where</th><th>Author</th><th>Opened</th></tr></thead><tbody>${rows}</tbody></table>`;
  const content = html`<h1>Pull requests</h1><p class="filters">${filters}</p>
${rows.length === 0 ? html`<p class="none">${state === "open" ? "Nothing waits for a reviewer." : "There are none."}</p>` : table}`;
  return page({ title: "Pull requests", live: true }, content);
}
