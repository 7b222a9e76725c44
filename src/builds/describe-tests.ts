import { formatNvr } from "../domain/nvr.ts";
import { countCases } from "../gating/bound-result.ts";
import type { BuildRecord } from "./build-record.ts";
import { artifactAddress, junitAddress } from "./test-names.ts";
import type { ListedArtifact, PastResult } from "./test-results.ts";

/** All tests of a build for machines: what counts, and everything before it. `pages` as of {@link artifactAddress}. Pure. */
export function describeTests(build: BuildRecord, history: readonly PastResult[], artifacts: readonly ListedArtifact[], pages: string) {
  const described = history.map((result) => describe(build.id, result, artifacts, pages));
  return {
    build: build.id,
    ...(build.nvr === undefined ? {} : { nvr: formatNvr(build.nvr) }),
    digest: build.digest ?? null,
    results: described.filter((one) => one.latest),
    history: described,
  };
}

function describe(build: string, result: PastResult, artifacts: readonly ListedArtifact[], pages: string) {
  const kept = artifacts.filter((one) => one.result === result.id);
  const { artifacts: names = [], ...rest } = result;
  return {
    ...rest,
    counts: countCases(result),
    flaky: result.flaky ?? false,
    junit: junitAddress(pages, build, result.id),
    artifacts: kept.map(({ name, mediaType, bytes }) => ({ name, mediaType, bytes, href: artifactAddress(pages, build, result.id, name) })),
    /** Named by the result, and removed since then. */
    removedArtifacts: names.filter((name) => !kept.some((one) => one.name === name)),
  };
}
