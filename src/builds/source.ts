import type { Dockerfile } from "../distgit/dockerfile.ts";
import { findingsError } from "../distgit/finding.ts";
import { type LintedTree, lintTree } from "../distgit/lint.ts";
import { appError } from "../domain/errors.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import type { Facts } from "./build-schemas.ts";
import { resolveParents } from "./parents.ts";
import { choosePlatforms } from "./platforms.ts";

export interface Source {
  /** The frozen tree on this machine. */
  readonly directory: string;
  readonly linted: LintedTree;
  readonly dockerfile: Dockerfile;
}

/** The repository at the build's commit, checked out where it is not yet and linted. Throws the first error finding, and `forge.tree-too-large`. */
export async function readSource(ports: BuildPorts, build: string, request: BuildRequested): Promise<Source> {
  const { repository, commit } = request;
  const directory = await ports.workspaces.ensureTree(build, (path) =>
    ports.forge(request.forge).checkout(repository, commit, path, ports.settings.contextBytes),
  );
  const linted = await lintTree(await ports.readTree(directory));
  const error = findingsError(linted.findings);
  if (error !== undefined) throw error;
  if (linted.dockerfile === undefined) throw appError("distgit.dockerfile-syntax", "Dockerfile can't be read", { file: "Dockerfile" });
  return { directory, linted, dockerfile: linted.dockerfile };
}

/** Everything the plan follows from but the NVR: platforms of the engine, parents of the registries, labels with the parents' ENV. */
export async function readFacts(ports: BuildPorts, build: string, request: BuildRequested): Promise<Facts> {
  const { directory, linted, dockerfile } = await readSource(ports, build, request);
  const platforms = choosePlatforms(await ports.engine.platforms(), linted.container);
  const parents = await resolveParents(dockerfile, platforms, ports.settings.allowedParents, ports.openRegistry);
  const whole = await lintTree(await ports.readTree(directory), (image) => parents.find((one) => one.written === image)?.env);
  const error = findingsError(whole.findings);
  if (error !== undefined) throw error;
  const record = await ports.builds.find(build);
  if (whole.identity === undefined || record === undefined) throw new Error(`build ${build} has no identity or no record after lint`);
  const { container } = whole;
  return {
    createdAt: record.createdAt,
    identity: { ...whole.identity, labels: { ...whole.identity.labels } },
    container: {
      not: [...container.not],
      ...(container.only === undefined ? {} : { only: [...container.only] }),
      ...(container.tags === undefined ? {} : { tags: [...container.tags] }),
    },
    platforms: [...platforms],
    parents: parents.map(({ written, pinned, digest }) => ({ written, pinned, digest })),
    suites: [...whole.suites],
  };
}
