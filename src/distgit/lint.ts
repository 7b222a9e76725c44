import { classicDialect, type DockerfileDialect } from "../domain/dockerfile-dialect.ts";
import type { GatingPolicy } from "../gating/policy.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import { readAdditionalTags } from "./additional-tags.ts";
import { type ContainerSettings, readContainerYaml } from "./container-yaml.ts";
import { type ContentSetsByArchitecture, readContentSets } from "./content-sets.ts";
import { type Dockerfile, parseDockerfile } from "./dockerfile.ts";
import { findUnservedFiles } from "./file-names.ts";
import { type Finding, finding, warning } from "./finding.ts";
import { gatingFile, readGatingYaml } from "./gating-yaml.ts";
import { readHelp } from "./help.ts";
import type { SiteLabels } from "./image-labels.ts";
import { baseImageOf, type ParentEnv } from "./labels.ts";
import { lintLinks } from "./links.ts";
import { type ImageIdentity, lintLabels } from "./lint-labels.ts";
import { readSourcesFile, type SourceFile } from "./sources-file.ts";
import { testCommandsFile } from "./test-commands.ts";
import { readTestSuites } from "./test-suites.ts";
import type { Tree } from "./tree.ts";

/** Longest Dockerfile that is read: two parsers go over it, several times a build. */
const maxDockerfileBytes = 256 * 1024;
/** Most that are shown; more help nobody, and they are kept with the run. */
const maxShown = { error: 200, warning: 100 };

/** A dist-git repository at one commit, read and checked. */
export interface LintedTree {
  /** Undefined when it is missing or beyond reading. */
  readonly dockerfile?: Dockerfile;
  /** Undefined while something is wrong with the labels, or they depend on a parent that was not read. */
  readonly identity?: ImageIdentity;
  readonly container: ContainerSettings;
  readonly suites: readonly TestSuite[];
  /** Of gating.yaml; undefined when there is none. */
  readonly gating?: readonly GatingPolicy[];
  readonly contentSets: ContentSetsByArchitecture;
  /** Files of the lookaside cache. */
  readonly sources: readonly SourceFile[];
  /** Text of help.md; undefined when there is none. */
  readonly help?: string;
  readonly findings: readonly Finding[];
}

/** What the builders of the platforms that container.yaml wants understand of a Dockerfile. */
export type DialectFor = (container: ContainerSettings) => Promise<DockerfileDialect>;

/** What the site adds to a repository's own files, and what is known of its parents. All may be left out. */
export interface LintContext {
  readonly labels?: SiteLabels;
  /** Whether plans of tmt are suites here. */
  readonly tmt?: boolean;
  /** Longest build, seconds. */
  readonly buildSeconds?: number;
  /** Decision context that promotions are asked about; no file is told that it is not for it when left out. */
  readonly gatingContext?: string;
  /** The classic builder's when left out. */
  readonly dialectFor?: DialectFor;
  /** Labels of an image as written in FROM; undefined while it was not read. */
  readonly parentLabels?: (image: string) => Readonly<Record<string, string>> | undefined;
}

/**
 * Everything that can be said about the repository before a container is started. Without `parentEnv` (nobody asked the registry yet)
 * labels with variables of the parent image are left alone. Without `context.dialectFor` the Dockerfile is for the classic builder.
 */
export async function lintTree(tree: Tree, parentEnv: ParentEnv = () => undefined, context: LintContext = {}): Promise<LintedTree> {
  const container = await readContainerYaml(tree);
  const additional = await readAdditionalTags(tree, container.settings.tags !== undefined);
  const tests = await readTestSuites(tree, context);
  const gate = await readGatingYaml(tree, context.gatingContext);
  const contentSets = await readContentSets(tree);
  const sources = await readSourcesFile(tree);
  const help = await readHelp(tree);
  const { dockerfile, findings } = await readDockerfile(tree, (await context.dialectFor?.(container.settings)) ?? classicDialect);
  const base = dockerfile === undefined ? undefined : baseImageOf(dockerfile);
  const inherited = base === undefined ? undefined : context.parentLabels?.(base);
  const site = { ...(context.labels === undefined ? {} : { site: context.labels }), ...(inherited === undefined ? {} : { inherited }) };
  const labels = dockerfile === undefined ? { findings: [] } : lintLabels(dockerfile, parentEnv, site);
  return {
    ...(dockerfile === undefined ? {} : { dockerfile }),
    ...("identity" in labels && labels.identity !== undefined ? { identity: labels.identity } : {}),
    container: withAdditionalTags(container.settings, additional.tags),
    suites: tests.suites,
    ...(gate.gating === undefined ? {} : { gating: gate.gating }),
    contentSets: contentSets.contentSets,
    sources: sources.sources,
    ...(help.text === undefined ? {} : { help: help.text }),
    findings: boundFindings([
      ...findings,
      ...labels.findings,
      ...container.findings,
      ...lintLimit(container.settings, context.buildSeconds),
      ...additional.findings,
      ...contentSets.findings,
      ...sources.findings,
      ...help.findings,
      ...findUnservedFiles(tree),
      ...tests.findings,
      ...gate.findings,
      ...lintPlainFiles(tree),
      ...lintLinks(tree),
    ]),
  };
}

function withAdditionalTags(settings: ContainerSettings, tags: readonly string[]): ContainerSettings {
  return tags.length === 0 ? settings : { ...settings, additionalTags: tags };
}

function lintLimit({ buildtimeLimit }: ContainerSettings, most: number | undefined): readonly Finding[] {
  if (buildtimeLimit === undefined || most === undefined || buildtimeLimit <= most) return [];
  const message = `"buildtime_limit" is cut to ${most} seconds, the most that the site allows`;
  return [
    warning(
      "distgit.limit-cut",
      "container.yaml",
      undefined,
      message,
      `Write ${most} or less, or ask the operators to raise limits.buildTime`,
    ),
  ];
}

/** In the same order; each severity for itself, so that warnings never push out an error. */
function boundFindings(findings: readonly Finding[]): readonly Finding[] {
  const left = { ...maxShown };
  return findings.filter(({ severity }) => left[severity]-- > 0);
}

async function readDockerfile(
  tree: Tree,
  dialect: DockerfileDialect,
): Promise<{ readonly dockerfile?: Dockerfile; readonly findings: readonly Finding[] }> {
  const wrong = (code: Finding["code"], message: string, fix: string) => ({
    findings: [finding(code, "Dockerfile", undefined, message, fix)],
  });
  const bytes = await tree.readFile("Dockerfile", maxDockerfileBytes + 1);
  if (bytes === undefined) {
    if (tree.entries.some((entry) => entry.path === "Dockerfile")) return { findings: [] };
    const other = tree.entries.find((entry) => /^(dockerfile|containerfile)$/i.test(entry.path));
    const fix = other ? `Rename it: git mv ${other.path} Dockerfile` : "Add one; containers-repo-template has an example to start from";
    return wrong(
      "distgit.dockerfile-missing",
      `there is no Dockerfile${other ? `, only ${other.path}` : " at the root of the repository"}`,
      fix,
    );
  }
  if (bytes.length > maxDockerfileBytes) return wrong("distgit.dockerfile-syntax", "Dockerfile has more than 256 KiB", "Shorten it");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return wrong("distgit.dockerfile-syntax", "Dockerfile is not UTF-8 text", "Save it as UTF-8");
  }
  return parseDockerfile(text, dialect);
}

const plainFiles = [
  ...["Dockerfile", "container.yaml", gatingFile, testCommandsFile, "tests"],
  ...["additional-tags", "content_sets.yml", "help.md", "sources"],
];

/** What flibs reads itself must be a file of the commit, no link to something else. */
function lintPlainFiles(tree: Tree): readonly Finding[] {
  return tree.entries.flatMap((entry) => {
    const isRead = plainFiles.includes(entry.path);
    if (entry.kind !== "link" || !isRead) return [];
    const message = `${entry.path} is a symbolic link; flibs reads only regular files`;
    return [finding("distgit.link-outside", entry.path, undefined, message, "Put the file itself there")];
  });
}
