import type { BuildRecord, SuiteResult } from "../../builds/build-record.ts";
import { artifactAddress, junitAddress, testStepName } from "../../builds/test-names.ts";
import type { ListedArtifact, PastResult } from "../../builds/test-results.ts";
import { resultName } from "../../builds/verdict.ts";
import { formatBytes, formatDuration } from "../../domain/amounts.ts";
import { type Html, html } from "../html.ts";
import { age, badge, logPath } from "./words.ts";

export interface TestsView {
  /** Newest first. */
  readonly history: readonly PastResult[];
  readonly artifacts: readonly ListedArtifact[];
  readonly now: Date;
}

const mostCases = 500;
const mostPast = 100;

/** What counts of each suite and platform, with its cases and what it left; below it everything that was found before. */
export function testsSection(build: BuildRecord, view: TestsView): Html | undefined {
  if (build.tests.length === 0) return undefined;
  return html`<section aria-labelledby="tests"><h2 id="tests">Tests</h2>
<p class="quiet"><a href="/api/builds/${encodeURIComponent(build.id)}/junit.xml">JUnit XML</a>, <a href="/api/builds/${encodeURIComponent(build.id)}/tests">JSON with history</a></p>
${build.tests.map((result, i) => suite(build, result, i, view))}${history(build, view)}</section>`;
}

function suite(build: BuildRecord, result: SuiteResult, place: number, { artifacts }: TestsView): Html {
  const left = artifacts.filter((one) => one.result === result.id);
  const cases = result.cases.slice(0, mostCases).map((one) => {
    const log = left.find((artifact) => artifact.name === one.log);
    return html`<li>${badge(one.outcome)} ${one.name} <span class="quiet">${formatDuration(one.durationMs)}</span>${one.message ? html`<pre>${one.message}</pre>` : ""}${log && result.id !== undefined ? html` ${artifactLink(build, result.id, log)}` : ""}</li>`;
  });
  const more = Object.entries(result.leftOut ?? {}).map(([outcome, count]) => html`<li>${badge(outcome)} ${count} more</li>`);
  const id = result.id === undefined ? `suite-${place}` : `test-${result.id}`;
  return html`<details id="${id}"${result.outcome === "pass" ? "" : html` open`}><summary>${badge(result.outcome)} ${result.flaky ? badge("flaky") : ""} ${resultName(build, result)}
<span class="quiet">${formatDuration(result.durationMs)}${result.message ? `: ${result.message}` : ""}</span></summary>
${result.flaky ? html`<p class="note busy">Flaky: it has passed and failed with this very image.</p>` : ""}
${result.run === undefined ? "" : html`<p class="quiet">Run again: <a href="/builds/${result.run}">steps and log</a></p>`}
<ul class="cases">${cases}${more}</ul>${leftFiles(build, result, left)}</details>`;
}

function leftFiles(build: BuildRecord, result: SuiteResult, left: readonly ListedArtifact[]): Html | undefined {
  const { id, artifacts = [] } = result;
  if (id === undefined || artifacts.length === 0) return undefined;
  const removed = artifacts.length - left.length;
  const rows = left.map((one) => html`<li>${artifactLink(build, id, one)} <span class="quiet">${formatBytes(one.bytes)}</span></li>`);
  return html`<p>Left by the test:</p><ul>${rows}${removed > 0 ? html`<li class="quiet">${removed} that are no longer kept</li>` : ""}</ul>`;
}

function artifactLink(build: BuildRecord, result: number, { name }: ListedArtifact): Html {
  return html`<a href="${artifactAddress("/builds", build.id, result, name)}">${name}</a>`;
}

/** Nothing when nothing was run twice. */
function history(build: BuildRecord, { history: past, now }: TestsView): Html | undefined {
  if (past.every((one) => one.latest)) return undefined;
  const rows = past.slice(0, mostPast).map(
    (
      one,
    ) => html`<tr id="${one.latest ? "past" : "test"}-${one.id}"><td>${badge(one.outcome)}</td><td>${resultName(build, one)}${one.latest ? html` <span class="quiet">counts</span>` : ""}</td>
<td>${one.finishedAt === undefined ? "" : age(one.finishedAt, now)}</td><td>${one.message}</td>
<td><a href="${logOf(one)}">log</a>, <a href="${junitAddress("/builds", build.id, one.id)}">JUnit</a></td></tr>`,
  );
  const more = past.length - mostPast;
  return html`<details id="test-history"><summary>History <span class="quiet">${past.length} results</span></summary>
<div class="wide"><table><thead><tr><th>Outcome</th><th>Suite</th><th>Ended</th><th>What happened</th><th></th></tr></thead><tbody>${rows}</tbody></table></div>
${more > 0 ? html`<p class="quiet">${more} older ones are in the JSON.</p>` : ""}</details>`;
}

function logOf({ suite, platform, attempt, run }: PastResult): string {
  return platform === undefined ? `/builds/${encodeURIComponent(run)}` : logPath(run, testStepName(suite, platform, attempt ?? 1));
}
