import { z } from "zod";
import { type Finding, finding, warning } from "./finding.ts";

/**
 * Keys of container.yaml that ask for services beside the build system: compose servers, dependency fetchers, operator tooling, flatpak tooling. They
 * are checked as strictly as all others, since the same file also serves systems that have these, and each is reported.
 */
const texts = (text: string) => z.array(z.string().min(1)).nullish().describe(text);
const flag = (text: string) => z.boolean().optional().describe(text);
const contentSet = z.string().regex(/^.*-rpms$/, "a content set's name ends in -rpms");
const architecture = z.string().regex(/^[a-z]/, "an architecture's name begins with a small letter");
/** Any tag of a list, or `true` for the one of the build target. */
const tagsOrTrue = (text: string) =>
  z
    .union([z.array(z.string().min(1)), z.literal(true)])
    .nullish()
    .describe(text);

export const contentSetsOf = z.record(architecture, z.array(contentSet).min(1));

const Compose = z.strictObject({
  packages: texts("Names of RPMs; an empty list stands for everything in the build tag"),
  pulp_repos: flag("Make composes of the content sets in content_sets.yml"),
  modules: z
    .array(
      z
        .string()
        .regex(/^[^:/\s]+:[^:/\s]+(?::[^:/\s]+){0,2}(?:\/[^:/\s]+)?$/, "write name:stream, with :version, :context or /profile behind it"),
    )
    .nullish()
    .describe("Modules as name:stream[:version[:context]][/profile]"),
  signing_intent: z.string().min(1).optional().describe("Which signatures the RPMs must have"),
  inherit: flag("Also use the yum repositories and composes of the base image's build"),
  ignore_absent_pulp_repos: flag("Go on when a content set is not there"),
  include_unpublished_pulp_repos: flag("Use content sets that are not published too"),
  multilib_method: z
    .array(z.enum(["none", "iso", "runtime", "devel", "all"]))
    .nullish()
    .describe("How packages of a second architecture are chosen"),
  multilib_arches: texts("Architectures whose composes hold packages of a second one"),
  modular_koji_tags: tagsOrTrue("Koji tags with modules; true for that of the build target"),
  module_resolve_tags: tagsOrTrue("Koji tags in which the modules' dependencies are looked for; true for that of the build target"),
  build_only_content_sets: contentSetsOf.nullish().describe("Content sets for building only, by architecture"),
});

const RemoteSource = z.strictObject({
  repo: z.string().min(1).describe("Address of a git repository"),
  ref: z
    .string()
    .regex(/^[0-9a-z]{40}$/, "must be a whole commit id of 40 characters")
    .describe("Commit"),
  pkg_managers: z
    .array(z.enum(["gomod", "rubygems", "pip", "yarn", "npm", "git-submodule"]))
    .nullish()
    .describe("Package managers whose dependencies are fetched; gomod when left out, none for an empty list"),
  flags: texts("Flags of the request"),
  packages: z
    .record(z.string(), z.array(z.strictObject({ path: z.string().min(1) })))
    .nullish()
    .describe("Where in the repository the packages are, by package manager"),
});

const OperatorManifests = z.strictObject({
  manifests_dir: z
    .string()
    .regex(/^[^/]/, "must be a path within the repository, without / at its start")
    .describe("Directory of the operator's manifests"),
  enable_digest_pinning: flag("Replace tags by digests; true when left out"),
  enable_repo_replacements: flag("Replace repositories by those of released images; true when left out"),
  enable_registry_replacements: flag("Replace registries as the site says; true when left out"),
  repo_replacements: z
    .array(z.strictObject({ registry: z.string(), package_mappings: z.record(z.string(), z.string()) }))
    .optional()
    .describe("More replacements of repositories, by registry"),
  skip_all: flag("Change nothing in the manifests; false when left out"),
});

/** Keys in use, of which two are required; others are let through, as OSBS does. */
const Flatpak = z.looseObject({
  id: z.string().optional().describe("Name of the application or runtime"),
  branch: z.string().optional().describe("Branch of the flatpak"),
  name: z.string().optional().describe("Module; the repository's name when left out"),
  component: z.string().optional(),
  base_image: z.string().optional(),
  "cleanup-commands": z.string().optional(),
  command: z.string().optional(),
  tags: z.array(z.string()).optional(),
  "finish-args": z.string().optional(),
  labels: z.record(z.string(), z.unknown()).optional(),
});

const unserved = "checked, but not acted upon by flibs";

export const serviceKeys = {
  autorebuild: z
    .strictObject({
      from_latest: flag("Rebuild the newest commit of the branch"),
      add_timestamp_to_release: flag("Add the time to a release that is given by a label"),
      ignore_isolated_builds: flag("Isolated builds of the base image start no rebuild"),
    })
    .nullish()
    .describe(`Rebuilds after the base image's builds; ${unserved}`),
  compose: Compose.nullish().describe(`RPM repositories made for the build by ODCS; ${unserved}`),
  flatpak: Flatpak.nullish().describe("Of flatpak builds; refused unless null, since flibs builds no flatpaks"),
  go: z
    .strictObject({
      modules: z
        .array(
          z.strictObject({
            module: z.string().min(1).describe("Name of the Go module"),
            archive: z.string().optional().describe("Archive with the source and all dependencies"),
            path: z.string().optional().describe("Directory of the source in the archive"),
          }),
        )
        .nullish(),
    })
    .optional()
    .describe(`Go modules in the image, deprecated; excludes remote_source and remote_sources; ${unserved}`),
  image_build_method: z.enum(["docker_api", "imagebuilder", "buildah_bud"]).optional().describe("Deprecated; ignored as by OSBS"),
  operator_manifests: OperatorManifests.optional().describe(`Of images with an operator's manifests; ${unserved}`),
  remote_source: RemoteSource.nullish().describe(`Source repository with dependencies; excludes go and remote_sources; ${unserved}`),
  remote_sources: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-zA-Z0-9_-]+$/, "may have letters, digits, dashes and underscores only")
          .describe("Directory of this source"),
        remote_source: RemoteSource,
      }),
    )
    .min(1)
    .optional()
    .describe(`Several source repositories with dependencies; excludes go and remote_source; ${unserved}`),
  remote_sources_version: z
    .union([z.literal(1), z.literal(2)], { error: "must be 1 or 2" })
    .optional()
    .describe(`1 for Cachito, 2 for Hermeto; ${unserved}`),
} as const;

/** Keys of which a file may have one. */
export const exclusiveKeys = ["go", "remote_source", "remote_sources"] as const;

export type ServiceSettings = { readonly [K in keyof typeof serviceKeys]?: z.infer<(typeof serviceKeys)[K]> };

const keep = "Leave it when other systems need it, else remove it";
const noSources = "no source is fetched, and REMOTE_SOURCES, REMOTE_SOURCES_DIR and cachito.env are not there in the build";

/** What will not be done, by key. */
const undone: Readonly<Record<Exclude<keyof ServiceSettings, "flatpak">, string>> = {
  autorebuild: "a new build of the base image starts no rebuild, and no time is added to the release",
  compose: "no compose is made; packages come from the repositories of the base image, of the request and of the site",
  go: "it is deprecated, and the modules are neither fetched nor recorded",
  image_build_method: "it is deprecated, and the site chooses the builder",
  operator_manifests: "no digest is pinned and nothing is replaced in the manifests, which are taken as they are",
  remote_source: noSources,
  remote_sources: noSources,
  remote_sources_version: "there is no service that fetches remote sources",
};

/** A finding for each key that is there and asks for something that will not be done; `lineOf` tells where a key stands. */
export function findUnserved(settings: ServiceSettings, lineOf: (key: string) => number): readonly Finding[] {
  const file = "container.yaml";
  const findings: Finding[] = [];
  if (settings.flatpak !== undefined && settings.flatpak !== null) {
    const message = '"flatpak" asks for a flatpak, and flibs builds container images only';
    const fix = "Build flatpaks elsewhere, or remove the key";
    findings.push(finding("distgit.container-yaml-invalid", file, lineOf("flatpak"), message, fix));
  }
  for (const [key, what] of Object.entries(undone)) {
    const value = settings[key as keyof typeof undone];
    if (value === undefined || value === null) continue;
    const message = `"${key}" is not acted upon: ${what}`;
    findings.push(warning("distgit.container-yaml-unserved", file, lineOf(key), message, keep));
  }
  return findings;
}
