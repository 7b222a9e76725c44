import type { Dockerfile } from "../distgit/dockerfile.ts";
import { type Finding, findingsError } from "../distgit/finding.ts";
import type { ParentEnv } from "../distgit/labels.ts";
import { lintLinks } from "../distgit/links.ts";
import { type DialectFor, type LintedTree, lintTree } from "../distgit/lint.ts";
import { basePaths, filterTree, isBasePath } from "../distgit/overlay.ts";
import { unknownDialect } from "../domain/dockerfile-dialect.ts";
import { appError, isAppError } from "../domain/errors.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import type { Looked } from "./build-schemas.ts";
import { formatFindings } from "./findings-text.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { resolveParents } from "./parents.ts";
import { choosePlatforms } from "./platforms.ts";

/** What is needed to check out and read a commit. */
export type SourcePorts = Pick<BuildPorts, "workspaces" | "readTree" | "logs" | "secrets"> & {
  readonly engines: Pick<BuildPorts["engines"], "platforms" | "dialect">;
  readonly forge: (name: string) => Pick<ReturnType<BuildPorts["forge"]>, "checkout">;
  readonly settings: Pick<BuildPorts["settings"], "contextBytes">;
};

/** A commit, and whether `container.yaml` and `tests/` come from another one. */
export type Origin = Pick<BuildRequested, "forge" | "repository" | "commit" | "stranger">;

/** Directories on this machine. */
export interface Trees {
  /** The frozen commit as it is: what the image is built from. */
  readonly context: string;
  /** What flibs and the tests read: the same, but for a stranger's commit. */
  readonly reading: string;
}

/** Checked out where they are not yet. Throws `forge.tree-too-large`. */
export async function ensureTrees(ports: SourcePorts, run: string, { forge, repository, commit, stranger }: Origin): Promise<Trees> {
  const checkout = (at: string) => (path: string) => ports.forge(forge).checkout(repository, at, path, ports.settings.contextBytes);
  const context = await ports.workspaces.ensureTree(run, checkout(commit));
  if (stranger === undefined) return { context, reading: context };
  return { context, reading: await ports.workspaces.ensureOverlay(run, basePaths, checkout(stranger.base)) };
}

/** What the engine builds: the tree and its Dockerfile. Throws the first error finding, and `forge.tree-too-large`. */
export async function readSource(
  ports: SourcePorts,
  run: string,
  origin: Origin,
): Promise<{ readonly directory: string; readonly dockerfile: Dockerfile }> {
  const trees = await ensureTrees(ports, run, origin);
  return { directory: trees.context, dockerfile: demandDockerfile(await readTrees(ports, trees, undefined, knownDialect(ports))) };
}

/** Everything that lint finds without asking a registry, secrets masked; also written into the log `lint`. */
export async function lintSource(ports: SourcePorts, run: string, origin: Origin): Promise<readonly Finding[]> {
  const { findings } = await readTrees(ports, await ensureTrees(ports, run, origin), undefined, knownDialect(ports));
  return await writeFindings(ports, run, findings);
}

/** Everything the plan follows from but the NVR: platforms of the engine, parents of the registries, labels with the parents' ENV. */
export async function readFacts(ports: BuildPorts, build: string, request: BuildRequested): Promise<Looked> {
  const trees = await ensureTrees(ports, build, request);
  const before = await readTrees(ports, trees, undefined, async () => unknownDialect);
  const platforms = choosePlatforms(await ports.engines.platforms(), before.container, request.architectures);
  const dialect = await ports.engines.dialect(platforms);
  const dockerfile = demandDockerfile(await readTrees(ports, trees, undefined, async () => dialect));
  const parents = await resolveParents(dockerfile, platforms, ports.settings.allowedParents, ports.openRegistry);
  const parentEnv = (image: string) => parents.find((one) => one.written === image)?.env;
  const whole = await readTrees(ports, trees, parentEnv, async () => dialect);
  const findings = await writeFindings(ports, build, whole.findings);
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
    },
    platforms: [...platforms],
    parents: parents.map(({ written, pinned, digest }) => ({ written, pinned, digest })),
    suites: [...whole.suites],
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
  parentEnv: ParentEnv | undefined,
  dialectFor: DialectFor,
): Promise<LintedTree> {
  const linted = await lintTree(await ports.readTree(reading), parentEnv, dialectFor);
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
    await logs.restart(run, lintLog);
    await logs.append(run, lintLog, formatFindings(findings));
    await logs.close(run, lintLog);
  }
  return findings;
}
