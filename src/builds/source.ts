import type { Dockerfile } from "../distgit/dockerfile.ts";
import { type Finding, findingsError } from "../distgit/finding.ts";
import { baseImageOf, type ParentEnv } from "../distgit/labels.ts";
import { lintLinks } from "../distgit/links.ts";
import { type DialectFor, type LintContext, type LintedTree, lintTree } from "../distgit/lint.ts";
import { basePaths, filterTree, isBasePath } from "../distgit/overlay.ts";
import { stageUsers } from "../distgit/stage-users.ts";
import type { Tree } from "../distgit/tree.ts";
import { unknownDialect } from "../domain/dockerfile-dialect.ts";
import { appError, isAppError } from "../domain/errors.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import type { Looked } from "./build-schemas.ts";
import type { LookedContents } from "./contents.ts";
import { formatFindings } from "./findings-text.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { type ResolvedParent, resolveParents } from "./parents.ts";
import { choosePlatforms } from "./platforms.ts";
import { chooseTarget } from "./targets.ts";

/** What is needed to check out and read a commit. */
export type SourcePorts = Pick<BuildPorts, "workspaces" | "readTree" | "logs" | "secrets"> & {
  readonly engines: Pick<BuildPorts["engines"], "platforms" | "dialect">;
  readonly forge: (name: string) => Pick<ReturnType<BuildPorts["forge"]>, "checkout">;
  readonly settings: Pick<BuildPorts["settings"], "contextBytes" | "buildMs" | "labels" | "tmt" | "gatingContext">;
};

/** A commit, and whether `container.yaml` and `tests/` come from another one. */
export type Origin = Pick<BuildRequested, "forge" | "repository" | "commit" | "stranger">;

/** Directories on this machine. */
export interface Trees {
  /** The frozen commit as it is: what the image is built from. */
  readonly context: string;
  /** What flibs reads: the same, but for a stranger's commit. */
  readonly reading: string;
}

/** Checked out where they are not yet. Throws `forge.tree-too-large`. */
export async function ensureTrees(ports: SourcePorts, run: string, origin: Origin): Promise<Trees> {
  const context = await ports.workspaces.ensureTree(run, checkout(ports, origin, origin.commit));
  if (origin.stranger === undefined) return { context, reading: context };
  return { context, reading: await ports.workspaces.ensureOverlay(run, basePaths, checkout(ports, origin, origin.stranger.base)) };
}

/**
 * The tree that tests are given, a directory on this machine: the commit, or all of the base branch's for a stranger's. A test may read any file of it
 * (fmf inherits from the root, others copy a folder), so nothing of it may be the stranger's. Throws `forge.tree-too-large`.
 */
export async function ensureTestTree(ports: SourcePorts, run: string, origin: Origin): Promise<string> {
  if (origin.stranger === undefined) return await ports.workspaces.ensureTree(run, checkout(ports, origin, origin.commit));
  return await ports.workspaces.ensureBaseTree(run, checkout(ports, origin, origin.stranger.base));
}

function checkout({ forge, settings }: SourcePorts, origin: Origin, commit: string): (path: string) => Promise<void> {
  return (path) => forge(origin.forge).checkout(origin.repository, commit, path, settings.contextBytes);
}

/** What the engine builds: the tree, its Dockerfile and its help. Throws the first error finding, and `forge.tree-too-large`. */
export async function readSource(
  ports: SourcePorts,
  run: string,
  origin: Origin,
): Promise<{ readonly directory: string; readonly tree: Tree; readonly dockerfile: Dockerfile; readonly help: string | undefined }> {
  const trees = await ensureTrees(ports, run, origin);
  const linted = await readTrees(ports, trees, { dialectFor: knownDialect(ports) });
  const tree = await ports.readTree(trees.context);
  return { directory: trees.context, tree, dockerfile: demandDockerfile(linted), help: linted.help };
}

/** Everything that lint finds without asking a registry, secrets masked; also written into the log `lint`. */
export async function lintSource(ports: SourcePorts, run: string, origin: Origin): Promise<readonly Finding[]> {
  const { findings } = await readTrees(ports, await ensureTrees(ports, run, origin), { dialectFor: knownDialect(ports) });
  return await writeFindings(ports, run, findings);
}

/** Everything the plan follows from but the NVR: platforms of the engine, parents of the registries, labels with the parents' ENV. */
export async function readFacts(ports: BuildPorts, build: string, request: BuildRequested): Promise<Looked> {
  const trees = await ensureTrees(ports, build, request);
  const before = await readTrees(ports, trees, { dialectFor: async () => unknownDialect });
  const target = chooseTarget(ports.settings.targets, request);
  const platforms = choosePlatforms(await ports.engines.platforms(), before.container, request.architectures, target?.architectures);
  const dialect = await ports.engines.dialect(platforms);
  const dialectFor = async () => dialect;
  const dockerfile = demandDockerfile(await readTrees(ports, trees, { dialectFor }));
  const { parents, warnings } = await resolveParents(ports, dockerfile, platforms, request);
  const parentOf = (image: string) => parents.find((one) => one.written === image);
  const parentLabels = (image: string) => parentOf(image)?.labels;
  const whole = await readTrees(ports, trees, { dialectFor, parentLabels }, (image) => parentOf(image)?.env);
  const said = await writeFindings(ports, build, [...whole.findings, ...warnings]);
  // The check of a pull request's head is set by its look, too, which asks no registry: it must not depend on who was the last to set it.
  const findings = said.slice(0, whole.findings.length);
  if (findingsError(findings) !== undefined) return { refused: [...findings] };
  const record = await ports.builds.find(build);
  if (whole.identity === undefined || record === undefined) throw new Error(`build ${build} has no identity or no record after lint`);
  const { container } = whole;
  return {
    findings: [...findings],
    createdAt: record.createdAt,
    identity: { ...whole.identity, labels: { ...whole.identity.labels } },
    container: {
      not: [...container.not],
      ...(container.only === undefined ? {} : { only: [...container.only] }),
      ...(container.tags === undefined ? {} : { tags: [...container.tags] }),
      ...(container.additionalTags === undefined ? {} : { additionalTags: [...container.additionalTags] }),
    },
    ...(target === undefined ? {} : { target: { name: target.name, destinationTag: target.destinationTag } }),
    platforms: [...platforms],
    parents: parents.map(({ env: _, labels: __, user: ___, layers: ____, ...parent }) => parent),
    suites: [...whole.suites],
    ...(whole.gating === undefined ? {} : { gating: [...whole.gating] }),
    contents: contentsOf(ports, dockerfile, whole, parentOf),
  };
}

function contentsOf(
  { settings }: SourcePorts,
  dockerfile: Dockerfile,
  { container, contentSets, sources, help, identity }: LintedTree,
  parentOf: (image: string) => ResolvedParent | undefined,
): LookedContents {
  const image = baseImageOf(dockerfile);
  const base = image === undefined ? undefined : parentOf(image);
  // A base image may have any number of labels; only these are ever asked for.
  const equal = new Set(settings.labels.equal.flat());
  const users = stageUsers(
    dockerfile,
    (written) => parentOf(written)?.env,
    (written) => parentOf(written)?.user,
  );
  return {
    inherited: Object.fromEntries(Object.entries(base?.labels ?? {}).filter(([name]) => equal.has(name))),
    users: users.map((user) => user ?? null),
    baseLayers: base?.layers ?? 0,
    ...(container.releaseEnv === undefined ? {} : { releaseEnv: container.releaseEnv }),
    ...(container.buildtimeLimit === undefined ? {} : { buildtimeLimit: container.buildtimeLimit }),
    contentSets: Object.fromEntries(Object.entries(contentSets).map(([architecture, sets]) => [architecture, [...sets]])),
    sources: [...sources],
    help: help !== undefined,
    maintainer: identity?.labels.maintainer ?? "",
  };
}

function demandDockerfile({ findings, dockerfile }: LintedTree): Dockerfile {
  const error = findingsError(findings);
  if (error !== undefined) throw error;
  if (dockerfile === undefined) throw appError("distgit.dockerfile-syntax", "Dockerfile can't be read", { file: "Dockerfile" });
  return dockerfile;
}

/**
 * What the engines understand, when they can be asked: nobody should wait for an engine to hear of a misspelt label. The plan asks again, and
 * waits.
 */
function knownDialect({ engines }: SourcePorts): DialectFor {
  return async (container) => {
    try {
      return await engines.dialect(choosePlatforms(await engines.platforms(), container));
    } catch (error) {
      if (isAppError(error)) return unknownDialect;
      throw error;
    }
  };
}

async function readTrees(
  ports: SourcePorts,
  { context, reading }: Trees,
  known: Pick<LintContext, "parentLabels" | "dialectFor">,
  parentEnv?: ParentEnv,
): Promise<LintedTree> {
  const { labels, buildMs, tmt = false, gatingContext } = ports.settings;
  const site = { labels, buildSeconds: Math.floor(buildMs / 1000), tmt, gatingContext, ...known };
  const linted = await lintTree(await ports.readTree(reading), parentEnv, site);
  if (context === reading) return linted;
  // The engine gets these all the same, though flibs reads others in their place.
  const unread = filterTree(await ports.readTree(context), isBasePath);
  return { ...linted, findings: [...linted.findings, ...lintLinks(unread)] };
}

/** Name of the log that has every finding, warnings too; there is none when nothing was found. */
export const lintLog = "lint";

async function writeFindings({ logs, secrets }: SourcePorts, run: string, found: readonly Finding[]): Promise<readonly Finding[]> {
  const mask = maskSecrets(secrets);
  const findings = found.map((one) => ({ ...one, file: mask(one.file), message: mask(one.message), fix: mask(one.fix) }));
  if (findings.length > 0) {
    const fence = await logs.restart(run, lintLog);
    await logs.append(run, lintLog, fence, formatFindings(findings));
    await logs.close(run, lintLog, fence);
  }
  return findings;
}
