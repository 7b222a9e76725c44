import type { BuildFilter, BuildRecord } from "../../builds/build-record.ts";
import { formatNvr } from "../../domain/nvr.ts";
import type { Pull } from "../../forge/forge.ts";
import type { Run } from "../../workflow/run.ts";
import { type Html, html, safeLink } from "../html.ts";
import { page } from "./page.ts";
import { age, badge, duration, pullPath } from "./words.ts";

export interface BuildsView {
  readonly builds: readonly BuildRecord[];
  /** Runs that cannot go on or have not begun. */
  readonly waiting: readonly Run[];
  /** Undefined when the forge could not be asked. */
  readonly pulls: readonly Pull[] | undefined;
  readonly filter: BuildFilter;
  readonly now: Date;
}

/** `/`: open promotion pull requests, then builds, newest first. */
export function buildsPage(view: BuildsView): string {
  const known = new Set(view.builds.map((build) => build.id));
  const queued = view.waiting.filter((run) => run.flow === "build" && !known.has(run.id));
  const content = html`<h1>Builds</h1>
${promotions(view)}
<section aria-labelledby="builds"><h2 id="builds">${view.filter.repository ?? "All repositories"}</h2>
<p class="filters">${["", "building", "complete", "failed", "cancelled"].map((state) => filterLink(state, view.filter))}</p>
${queued.map((run) => html`<p>${badge(run.status)} <a href="/builds/${run.id}">${run.subject}</a>${run.waitingFor === undefined ? "" : html` waits for ${run.waitingFor}`}</p>`)}
${view.builds.length === 0 ? html`<p class="none">No builds yet. Push to a repository of the containers namespace and one appears here.</p>` : table(view)}
</section>`;
  return page({ title: "Builds", live: true }, content);
}

function promotions({ pulls, now }: BuildsView): Html {
  const list = (pulls ?? []).map(
    (pull) => html`<li><a href="${safeLink(pull.url) ?? pullPath(pull.repository, pull.number)}">${pull.title}</a>
<span class="quiet">#${pull.number} in ${pull.repository}, opened ${age(pull.openedAt, now)}${pull.mergeable ? "" : ", conflicts with its base"}</span></li>`,
  );
  const none = pulls === undefined ? "The forge does not answer now." : "Nothing waits for a reviewer.";
  return html`<section aria-labelledby="promotions"><h2 id="promotions">Open promotions</h2>
${list.length > 0 ? html`<ul class="cards">${list}</ul>` : html`<p class="none">${none}</p>`}</section>`;
}

function filterLink(state: string, filter: BuildFilter): Html {
  const query = new URLSearchParams({ ...(filter.repository ? { repository: filter.repository } : {}), ...(state ? { state } : {}) });
  const current = (filter.state ?? "") === state;
  return html`<a href="/?${query.toString()}"${current ? html` aria-current="true"` : ""}>${state || "all"}</a> `;
}

function table({ builds, now }: BuildsView): Html {
  const rows = builds.map(
    (build) => html`<tr>
<td>${badge(build.state)}</td>
<td data-label="Build"><a href="/builds/${build.id}">${build.nvr ? formatNvr(build.nvr) : build.scratch ? "scratch build" : "no NVR yet"}</a></td>
<td data-label="From"><a class="plain" href="/?${new URLSearchParams({ repository: build.repository }).toString()}">${build.repository}</a>@${build.branch}</td>
<td data-label="Commit"><code>${build.commit.slice(0, 12)}</code></td>
<td data-label="Started">${age(build.createdAt, now)}</td>
<td data-label="Took">${duration(build.createdAt, build.finishedAt ?? now)}</td>
</tr>`,
  );
  return html`<table class="stack"><thead><tr><th>State</th><th>Build</th><th>From</th><th>Commit</th><th>Started</th><th>Took</th></tr></thead><tbody>${rows}</tbody></table>`;
}
