import { contentManifest } from "../distgit/content-manifest.ts";
import type { Dockerfile } from "../distgit/dockerfile.ts";
import { manPage, withTitle } from "../distgit/man-page.ts";
import type { Rewriting } from "../distgit/rewrite-dockerfile.ts";
import type { Tree } from "../distgit/tree.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";
import type { ExtraFile } from "../engines/engine.ts";
import type { FetchedRepository, PlannedContents } from "./contents.ts";

/** What goes into a build beside the repository's tree: files of the context, and how the Dockerfile speaks of them. */
export interface BuildContents {
  readonly extraFiles: Readonly<Record<string, ExtraFile>>;
  readonly rewriting: Pick<Rewriting, "buildinfo" | "env" | "help" | "repositories">;
}

export interface ContentSources {
  readonly tree: Pick<Tree, "entries">;
  readonly dockerfile: Dockerfile;
  /** Text of help.md. */
  readonly help: string | undefined;
  readonly repositories: readonly FetchedRepository[];
  /** Names in the build context to paths on this machine. */
  readonly sourcePaths: ReadonlyMap<string, string>;
}

/** Pure; the same for the same plan. Without `planned` (a plan of an older release) nothing is added. */
export function buildContents(planned: PlannedContents | undefined, platform: Platform, sources: ContentSources): BuildContents {
  if (planned === undefined) return { extraFiles: {}, rewriting: {} };
  const { tree, dockerfile, help, repositories, sourcePaths } = sources;
  const directory = freeDirectory(tree);
  const text = (content: string) => Buffer.from(content);
  const plain = (part: string) => part.replaceAll("/", "-");
  const { component, name, version, release } = planned;
  const architecture = rpmArchitecture(platform);
  const sets = Object.hasOwn(planned.contentSets, architecture) ? (planned.contentSets[architecture] ?? []) : [];
  const page = help === undefined ? undefined : manPage(withTitle(help, name, planned.maintainer, dateOf(planned.createdAt)));
  const files = {
    [`Dockerfile-${plain(name)}-${version}-${release}`]: text(dockerfile.source),
    "content_manifests/": text(""),
    [`content_manifests/${plain(component)}-${version}-${release}.json`]: text(contentManifest(sets, planned.baseLayers)),
  };
  const [buildinfo, helpPage] = [`${directory}/buildinfo.tar`, `${directory}/help.1`];
  const extraFiles: Record<string, ExtraFile> = {
    [buildinfo]: { archive: files },
    ...(page === undefined ? {} : { [helpPage]: text(page) }),
  };
  for (const { name, text: content } of repositories) extraFiles[`${directory}/repos/${name}`] = text(content);
  for (const [name, path] of sourcePaths) extraFiles[name] = { path };
  const names = repositories.map((one) => one.name);
  const users = planned.users.map((user) => user ?? undefined);
  return {
    extraFiles,
    rewriting: {
      buildinfo,
      ...(page === undefined ? {} : { help: helpPage }),
      ...(planned.releaseEnv === undefined ? {} : { env: { name: planned.releaseEnv, value: release } }),
      ...(names.length === 0 ? {} : { repositories: { source: `${directory}/repos/`, names, users } }),
    },
  };
}

/** A directory at the root of the context that the repository does not have. */
function freeDirectory({ entries }: Pick<Tree, "entries">): string {
  const taken = new Set(entries.map(({ path }) => path.split("/")[0]));
  for (let number = 0; ; number++) {
    const name = number === 0 ? ".flibs" : `.flibs.${number}`;
    if (!taken.has(name)) return name;
  }
}

/** `November 26, 2026`, as OSBS has it in man pages. */
function dateOf(createdAt: string): string {
  return new Date(createdAt).toLocaleDateString("en-US", { year: "numeric", month: "long", day: "numeric", timeZone: "UTC" });
}
