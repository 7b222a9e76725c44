import { formatBytes } from "../../domain/amounts.ts";
import type { ReleaseReport } from "../../promotion/release-store.ts";
import { type Html, html } from "../html.ts";
import type { WebOptions } from "../ports.ts";
import { page } from "./page.ts";
import { badge } from "./words.ts";

/** `/releases`: what each release did, tag by tag. */
export function releasesPage(reports: readonly ReleaseReport[], options: Pick<WebOptions, "production">): string {
  const content = html`<h1>Releases</h1>
${reports.length === 0 ? html`<p class="none">Nothing was released yet. Merge a promotion pull request and it appears here.</p>` : reports.map((report) => section(report, options))}`;
  return page({ title: "Releases", live: true }, content);
}

function section(report: ReleaseReport, { production }: Pick<WebOptions, "production">): Html {
  const rows = report.lines.map(
    (
      line,
    ) => html`<tr><td>${badge(line.what)}</td><td data-label="Tag">${line.tag}</td><td data-label="Digest"><code>${line.digest.slice(0, 19)}</code></td>
<td data-label="Sent">${formatBytes(line.bytesStreamed)}, ${line.blobsMounted} mounted</td><td data-label="Signatures">${line.signaturesAdded}</td><td>${line.message ?? ""}</td></tr>`,
  );
  const table = html`<table class="stack"><thead><tr><th>Outcome</th><th>Tag</th><th>Digest</th><th>Sent</th><th>Signatures</th><th></th></tr></thead><tbody>${rows}</tbody></table>`;
  return html`<section class="card"><h2>${badge(report.outcome)} ${production[report.registry] ?? report.registry}/${report.imageRepository}</h2>
<p class="quiet"><time datetime="${report.at}">${report.at}</time>, commit <code>${report.commit.slice(0, 12)}</code> of ${report.repository}, <a href="/builds/${report.run}">run</a></p>
${rows.length === 0 ? "" : table}</section>`;
}
