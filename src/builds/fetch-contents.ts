import { z } from "zod";
import type { SourceFile } from "../distgit/sources-file.ts";
import type { Step } from "../workflow/step.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import { FetchedRepository, type LookedContents } from "./contents.ts";
import { ensureSources } from "./fetch-sources.ts";
import { fetchRepositories, hasRepositories } from "./yum-repositories.ts";

/**
 * What comes from elsewhere: yum repository files, which are remembered so that every platform and every attempt gets the same, and the lookaside cache's
 * files, which stand in the workspace. Nothing for journals of older releases. Throws as {@link fetchRepositories} and {@link ensureSources}.
 */
export async function fetchContents(
  ports: BuildPorts,
  step: Step,
  request: BuildRequested,
  looked: LookedContents | undefined,
): Promise<readonly FetchedRepository[]> {
  if (looked === undefined) return [];
  if (looked.sources.length > 0) {
    await step("fetch sources", z.null(), (_, signal) =>
      ensureBuildSources(ports, step.run, request, looked.sources, signal).then(() => null),
    );
  }
  const { repositories } = ports.settings;
  if (!hasRepositories(repositories, request)) return [];
  return await step("fetch repositories", z.array(FetchedRepository), (_, signal) =>
    fetchRepositories(ports.downloads, repositories, request, signal),
  );
}

/** Name in the build context to path on this machine; fetched where they are not yet. */
export function ensureBuildSources(
  { downloads, workspaces, settings }: Pick<BuildPorts, "downloads" | "workspaces" | "settings">,
  run: string,
  { repository }: Pick<BuildRequested, "repository">,
  sources: readonly SourceFile[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { sourcesUrl, contextBytes, buildMs } = settings;
  return ensureSources({ downloads, workspaces, sourcesUrl, maxBytes: contextBytes, timeoutMs: buildMs }, run, repository, sources, signal);
}
