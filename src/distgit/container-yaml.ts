import { z } from "zod";
import { type Finding, finding, warning } from "./finding.ts";
import type { Tree } from "./tree.ts";
import { maxYamlBytes, readYaml } from "./yaml-file.ts";

const oneOrMore = z.union([z.string(), z.array(z.string())]).nullish();

/** Keys of OSBS that are understood but not acted upon yet, so that existing repositories lint with a word of warning. */
const later = [
  "autorebuild",
  "buildtime_limit",
  "compose",
  "flatpak",
  "go",
  "image_build_method",
  "operator_manifests",
  "remote_source",
  "remote_sources",
  "remote_sources_version",
  "set_release_env",
] as const;

/** container.yaml as OSBS has it; unknown keys are errors. */
export const ContainerYaml = z
  .strictObject({
    platforms: z
      .strictObject({
        only: oneOrMore.describe("Build for these architectures only"),
        not: oneOrMore.describe("Do not build for these architectures"),
      })
      .nullish()
      .describe("Architectures, of those that the engine serves"),
    tags: z
      .array(z.string().min(1).max(128))
      .max(50)
      .nullish()
      .describe("Floating tags in place of latest and {version}; {label} is filled in"),
    version: z.int().min(1).max(1000).optional().describe("Of this file's format; ignored"),
    ...(Object.fromEntries(later.map((key) => [key, z.unknown().optional().describe("Of OSBS; understood, not acted upon yet")])) as Record<
      (typeof later)[number],
      z.ZodOptional<z.ZodUnknown>
    >),
  })
  .nullable()
  .describe("container.yaml: how an image is built and tagged; may be left out or empty");
export type ContainerYaml = z.infer<typeof ContainerYaml>;

/** What a build reads of it. */
export interface ContainerSettings {
  /** Undefined = every platform. */
  readonly only?: readonly string[];
  readonly not: readonly string[];
  /** Undefined = `latest` and `{version}`. */
  readonly tags?: readonly string[];
}

const names = ["container.yml", "Container.yaml", "Container.yml"];

/** container.yaml of a tree, or the defaults when there is none. */
export async function readContainerYaml(
  tree: Tree,
): Promise<{ readonly settings: ContainerSettings; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = tree.entries
    .filter((entry) => names.includes(entry.path))
    .map((entry) =>
      finding(
        "distgit.container-yaml-name",
        entry.path,
        undefined,
        `${entry.path} is not read; the file is called container.yaml`,
        `Rename it: git mv ${entry.path} container.yaml`,
      ),
    );
  const bytes = await tree.readFile("container.yaml", maxYamlBytes + 1);
  if (bytes === undefined) return { settings: { not: [] }, findings };
  const read = readYaml("container.yaml", bytes, ContainerYaml, "distgit.container-yaml-invalid");
  findings.push(...read.findings);
  const value = read.value ?? {};
  for (const key of later) {
    if (value[key] === undefined) continue;
    const message = `"${key}" is not acted upon yet`;
    findings.push(
      warning(
        "distgit.container-yaml-invalid",
        "container.yaml",
        undefined,
        message,
        "Leave it when other systems need it, else remove it",
      ),
    );
  }
  const only = listOf(value.platforms?.only);
  return {
    settings: {
      not: listOf(value.platforms?.not) ?? [],
      ...(only === undefined ? {} : { only }),
      ...(value.tags ? { tags: value.tags } : {}),
    },
    findings,
  };
}

function listOf(value: string | readonly string[] | null | undefined): readonly string[] | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? [value] : value;
}
