import type { BuildRecord, BuiltImage } from "../../builds/build-record.ts";
import type { ListedArtifact, PastResult } from "../../builds/test-results.ts";
import { formatBytes } from "../../domain/amounts.ts";
import { formatNvr } from "../../domain/nvr.ts";
import { isFinal, type JournalEntry, type Run } from "../../workflow/run.ts";
import { type Html, html } from "../html.ts";
import { logCleaner } from "../log-text.ts";
import type { WebOptions } from "../ports.ts";
import { page } from "./page.ts";
import { testsSection } from "./tests-section.ts";
import { age, badge, documentPath, duration, logPath, pullPath } from "./words.ts";

export interface ShownLog {
  readonly name: string;
  readonly bytes: number;
  readonly closed: boolean;
  readonly text: string;
  /** Where the live part begins. */
  readonly next: number;
  /** Only the end is shown. */
  readonly cut: boolean;
  /** Its text is gone since then. */
  readonly prunedAt?: string;
}

export interface BuildView {
  readonly id: string;
  /** Undefined for runs of other flows, and before the build's first step. */
  readonly build: BuildRecord | undefined;
  readonly run: Run | undefined;
  readonly journal: readonly JournalEntry[];
  readonly logs: readonly ShownLog[];
  readonly documents: readonly { readonly name: string; readonly mediaType: string; readonly bytes: number }[];
  /** Newest first. */
  readonly history: readonly PastResult[];
  readonly artifacts: readonly ListedArtifact[];
  readonly options: Pick<WebOptions, "candidate">;
  readonly now: Date;
}

/** `/builds/<id>`: what became of it on the first screen, then steps, logs, tests, contents. */
export function buildPage(view: BuildView): string {
  const { build, run } = view;
  const state = build?.state ?? run?.status ?? "unknown";
  const name = build?.nvr ? formatNvr(build.nvr) : (run?.subject ?? (build?.scratch ? "scratch build" : "build"));
  const live = (run !== undefined && !isFinal(run.status)) || build?.state === "building";
  const content = html`<div id="live">
<h1>${badge(state)} ${name}</h1>
${build ? facts(build, view) : ""}
${run?.waitingFor !== undefined && !isFinal(run.status) ? html`<p class="note busy">Waits for ${run.waitingFor}. Nothing is lost; it goes on by itself.</p>` : ""}
${problem(build?.error ?? run?.error)}
${build ? pull(build, view) : ""}
${steps(view, live)}
${build ? [testsSection(build, view), images(build.images)] : ""}
${documents(view)}
</div>
<section aria-labelledby="logs"><h2 id="logs">Logs</h2><div id="loglist">
${view.logs.length === 0 ? html`<p class="none">No log yet.</p>` : view.logs.map((log) => logSection(view.id, log))}
</div></section>`;
  return page({ title: `${name}: ${state}`, live }, content);
}

function facts(build: BuildRecord, { now }: BuildView): Html {
  const promotion = build.promotion && pullPath(build.promotion.repository, build.promotion.number);
  return html`<dl class="facts">
<dt>From</dt><dd>${build.repository}@${build.branch}, commit <code>${build.commit}</code>${build.pull === undefined ? "" : html`, <a href="${pullPath(build.repository, build.pull)}">pull request #${build.pull}</a>`}</dd>
<dt>Asked for by</dt><dd>${build.requestedBy}, ${age(build.createdAt, now)}${build.scratch ? " (scratch: never promoted)" : build.isolated ? " (isolated: promoted when somebody names it)" : ""}</dd>
<dt>${build.finishedAt === undefined ? "Runs for" : "Took"}</dt><dd>${duration(build.createdAt, build.finishedAt ?? now)}</dd>
${build.digest ? html`<dt>Digest</dt><dd><code>${build.digest}</code></dd>` : ""}
${build.plan?.target ? html`<dt>Target</dt><dd>${build.plan.target.name}, tagged into ${build.plan.target.destinationTag}</dd>` : ""}
${(build.plan?.parents ?? []).map((parent) => html`<dt>Parent</dt><dd>${parent.written}${parent.nvr === undefined ? "" : `, ${parent.nvr}`}<br><code>${parent.digest}</code></dd>`)}
${promotion ? html`<dt>Promotion</dt><dd><a href="${promotion}">pull request #${build.promotion?.number} in ${build.promotion?.repository}</a></dd>` : ""}
</dl>`;
}

function problem(error: BuildRecord["error"]): Html | undefined {
  if (error === undefined) return undefined;
  const place = error.file === undefined ? "" : `${error.file}${error.line === undefined ? "" : `, line ${error.line}`}: `;
  return html`<div class="note bad" role="alert"><p><strong>${place}${error.message}</strong></p>
${error.hint === undefined ? "" : html`<p>${error.hint}</p>`}<p class="quiet"><code>${error.code}</code></p></div>`;
}

function pull({ plan, digest, state }: BuildRecord, { options }: BuildView): Html | undefined {
  if (plan === undefined || digest === undefined || state === "building") return undefined;
  const tag = plan.primaryTag ?? plan.uniqueTag;
  return html`<section aria-labelledby="pull"><h2 id="pull">Try it</h2>
<pre class="command">podman pull ${options.candidate}/${plan.imageRepository}:${tag}</pre>
<p class="quiet">This is the candidate. To take signed images only: <a href="/consumer/policy.json">policy.json</a>, <a href="/consumer/registries.d/flibs.yaml">registries.d</a>.</p></section>`;
}

function steps({ journal, run, now, logs }: BuildView, live: boolean): Html {
  const rows = journal.map(
    (entry) => html`<tr><td>${badge("done")}</td><td>${entry.step}</td><td>${duration(entry.startedAt, entry.finishedAt)}</td>
<td class="quiet">${age(entry.finishedAt, now)}</td></tr>`,
  );
  const since = journal.at(-1)?.finishedAt ?? run?.startedAt;
  const open = logs.filter((log) => !log.closed).map((log) => log.name);
  const current =
    live && run
      ? html`<tr class="current"><td>${badge(run.status)}</td><td>${open.length > 0 ? open.join(", ") : "next step"}</td>
<td>${since === undefined ? "" : duration(since, now)}</td><td class="quiet">${run.attempt > 1 ? `attempt ${run.attempt}` : ""}</td></tr>`
      : undefined;
  const ended =
    run?.status === "failed" || run?.status === "cancelled" || run?.status === "superseded"
      ? html`<tr><td>${badge(run.status)}</td><td>${run.error?.message ?? reasonOf(run) ?? ""}</td><td></td><td></td></tr>`
      : undefined;
  return html`<section aria-labelledby="steps"><h2 id="steps">Steps</h2>
${rows.length === 0 && !current && !ended ? html`<p class="none">No step has ended yet.</p>` : html`<div class="wide"><table><thead><tr><th>Outcome</th><th>Step</th><th>Took</th><th>Ended</th></tr></thead><tbody>${rows}${current}${ended}</tbody></table></div>`}</section>`;
}

function reasonOf({ ending }: Run): string | undefined {
  return ending !== undefined && "reason" in ending ? ending.reason : undefined;
}

function images(built: readonly BuiltImage[]): Html | undefined {
  if (built.length === 0) return undefined;
  const found = built.map(
    (image) => html`<details id="image-${image.platform}"><summary>${image.platform}
<span class="quiet">${formatBytes(image.sizeBytes)}, ${image.diffIds.length} layers, ${image.rpms.length} RPMs</span></summary>
<dl class="facts">${image.digest ? html`<dt>Digest</dt><dd><code>${image.digest}</code></dd>` : ""}
<dt>User</dt><dd>${image.config.user || "root"}</dd>
${image.distribution ? html`<dt>Distribution</dt><dd>${image.distribution.id} ${image.distribution.version ?? ""}</dd>` : ""}
<dt>Starts</dt><dd><code>${[...image.config.entrypoint, ...image.config.cmd].join(" ") || "nothing"}</code></dd>
${Object.entries(image.config.labels).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}${layers(image)}</dl>
${image.rpmProblem === undefined ? "" : html`<p class="note bad">The list of RPMs is not complete: ${image.rpmProblem}</p>`}
${image.rpms.length === 0 ? "" : html`<ul class="rpms">${image.rpms.map((rpm) => html`<li>${rpm.name}-${rpm.epoch === undefined ? "" : `${rpm.epoch}:`}${rpm.version}-${rpm.release}${rpm.arch === undefined ? "" : `.${rpm.arch}`}${rpm.keyId === undefined ? "" : html` <span class="quiet">signed with ${rpm.keyId}</span>`}</li>`)}</ul>`}</details>`,
  );
  return html`<section aria-labelledby="images"><h2 id="images">Images</h2>${found}</section>`;
}

/** What is kept beside the record, for download. */
function documents({ id, documents: kept }: BuildView): Html | undefined {
  if (kept.length === 0) return undefined;
  const rows = kept.map(
    ({ name, mediaType, bytes }) =>
      html`<tr><td><a href="${documentPath(id, name)}">${name}</a></td><td>${formatBytes(bytes)}</td><td class="quiet">${mediaType}</td></tr>`,
  );
  return html`<section aria-labelledby="documents"><h2 id="documents">Documents</h2>
<div class="wide"><table><thead><tr><th>Name</th><th>Size</th><th>Type</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function layers({ parts }: BuiltImage): Html | undefined {
  if (parts === undefined || parts.layers.length === 0) return undefined;
  const rows = parts.layers.map(
    ({ digest, compressedBytes, sizeBytes }) =>
      html`<li><code>${digest}</code> <span class="quiet">${formatBytes(compressedBytes)}${sizeBytes === undefined ? "" : `, ${formatBytes(sizeBytes)} unpacked`}</span></li>`,
  );
  return html`<dt>Layers</dt><dd><ol class="layers">${rows}</ol></dd>`;
}

function logSection(id: string, log: ShownLog): Html {
  const path = logPath(id, log.name);
  if (log.prunedAt !== undefined) {
    return html`<p class="none">${log.name}: ${formatBytes(log.bytes)}, removed on <time datetime="${log.prunedAt}">${log.prunedAt.slice(0, 10)}</time>. Logs are not kept for ever; everything else of the record is.</p>`;
  }
  const cleaner = logCleaner();
  const text = cleaner.clean(log.text);
  const live = log.closed ? "" : html` data-events="${path}/events?offset=${log.next - cleaner.keptBytes}"`;
  return html`<details class="log" id="log-${log.name}"${log.closed ? "" : html` open`}><summary>${log.name} <span class="quiet">${log.closed ? formatBytes(log.bytes) : "live"}</span></summary>
<p class="quiet">${log.cut ? "The end of it. " : ""}<a href="${path}">Plain text</a></p>
<pre class="log" tabindex="0" aria-label="Log ${log.name}"${live}>${text}</pre></details>`;
}
