import type { Dockerfile } from "../distgit/dockerfile.ts";
import { type Finding, findingsError, formatPlace } from "../distgit/finding.ts";
import { type LintedTree, lintTree } from "../distgit/lint.ts";
import { appError } from "../domain/errors.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import type { Facts } from "./build-schemas.ts";
import { maskSecrets } from "./mask-secrets.ts";
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
  const { directory, linted } = await openSource(ports, build, request);
  const error = findingsError(linted.findings);
  if (error !== undefined) throw error;
  if (linted.dockerfile === undefined) throw appError("distgit.dockerfile-syntax", "Dockerfile can't be read", { file: "Dockerfile" });
  return { directory, linted, dockerfile: linted.dockerfile };
}

/** Like {@link readSource}; writes all that was found into the log `lint`. Warnings do not throw. */
export async function lintSource(ports: BuildPorts, build: string, request: BuildRequested): Promise<void> {
  const { linted } = await openSource(ports, build, request);
  await refuseErrors(ports, build, linted.findings);
}

async function openSource(ports: BuildPorts, build: string, { forge, repository, commit }: BuildRequested) {
  const directory = await ports.workspaces.ensureTree(build, (path) =>
    ports.forge(forge).checkout(repository, commit, path, ports.settings.contextBytes),
  );
  return { directory, linted: await lintTree(await ports.readTree(directory)) };
}

/** Everything the plan follows from but the NVR: platforms of the engine, parents of the registries, labels with the parents' ENV. */
export async function readFacts(ports: BuildPorts, build: string, request: BuildRequested): Promise<Facts> {
  const { directory, linted, dockerfile } = await readSource(ports, build, request);
  const platforms = choosePlatforms(await ports.engine.platforms(), linted.container);
  const parents = await resolveParents(dockerfile, platforms, ports.settings.allowedParents, ports.openRegistry);
  const whole = await lintTree(await ports.readTree(directory), (image) => parents.find((one) => one.written === image)?.env);
  await refuseErrors(ports, build, whole.findings);
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

/** Name of the log that has every finding, warnings too; there is none when nothing was found. */
export const lintLog = "lint";

/** An error speaks of one finding; whoever mends that should not have to push again to learn of the next. */
async function refuseErrors({ logs, secrets }: BuildPorts, build: string, findings: readonly Finding[]): Promise<void> {
  if (findings.length > 0) {
    const lines = findings.map((one) => `${one.severity}: ${oneLine(`${formatPlace(one)}: ${one.message}`)}\n  ${oneLine(one.fix)}\n`);
    await logs.restart(build, lintLog);
    await logs.append(build, lintLog, maskSecrets(secrets)(lines.join("")));
    await logs.close(build, lintLog);
  }
  const error = findingsError(findings);
  if (error !== undefined) throw error;
}

/** Paths and labels may have anything in them. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{C}+/gu, " ");
}
