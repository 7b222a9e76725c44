import { z } from "zod";
import { exclusiveKeys, findUnserved, type ServiceSettings, serviceKeys } from "./container-yaml-services.ts";
import { findWrongNames } from "./file-names.ts";
import type { Finding } from "./finding.ts";
import type { Tree } from "./tree.ts";
import { maxYamlBytes, readYaml } from "./yaml-file.ts";

const oneOrMore = z.union([z.string(), z.array(z.string())]).nullish();
const environmentName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** No two of the keys that exclude each other, for editors; lint says it with words of its own. */
const exclusion = exclusiveKeys.flatMap((one, index) =>
  exclusiveKeys.slice(index + 1).map((other) => ({ not: { required: [one, other] } })),
);

/** container.yaml as OSBS has it (osbs-client, `container.json`); unknown keys are errors. */
export const ContainerYaml = z
  .strictObject({
    platforms: z
      .strictObject({
        only: oneOrMore.describe("Build for these architectures only"),
        not: oneOrMore.describe("Do not build for these architectures"),
      })
      .nullish()
      .describe("Architectures, of those that the engine serves"),
    buildtime_limit: z
      .int()
      .min(0)
      .optional()
      .describe("Longest build of one platform, in seconds; the site's limit counts when it is shorter, or when this is 0"),
    tags: z
      .array(z.string().min(1).max(128))
      .max(50)
      .nullish()
      .describe("Floating tags in place of latest, {version} and those of additional-tags; {label} is filled in"),
    set_release_env: z
      .string()
      .max(255)
      .regex(environmentName, "must be the name of a variable: letters, digits and underscores, not starting with a digit")
      .optional()
      .describe("Variable that holds the release, set at the start of every stage"),
    version: z.int().min(1).optional().describe("Of this file's format; ignored"),
    ...serviceKeys,
  })
  .superRefine((settings, context) => {
    const given = exclusiveKeys.filter((key) => settings[key] !== undefined);
    if (given.length < 2) return;
    const message = `${given.map((key) => `"${key}"`).join(" and ")} exclude each other`;
    context.addIssue({ code: "custom", path: [given[1] ?? ""], message, params: { fix: "Keep one of them" } });
  })
  .meta({ allOf: exclusion })
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
  /** Of the file additional-tags, beside `latest` and `{version}`; never together with `tags`. */
  readonly additionalTags?: readonly string[];
  /** Seconds; never 0. Undefined = the site's limit. */
  readonly buildtimeLimit?: number;
  /** Name of the variable that holds the release. */
  readonly releaseEnv?: string;
}

/** container.yaml of a tree, or the defaults when there is none. */
export async function readContainerYaml(
  tree: Tree,
): Promise<{ readonly settings: ContainerSettings; readonly findings: readonly Finding[] }> {
  const wrong = findWrongNames(tree, "container.yaml", "distgit.container-yaml-name");
  const bytes = await tree.readFile("container.yaml", maxYamlBytes + 1);
  if (bytes === undefined) return { settings: { not: [] }, findings: wrong };
  const { value, findings, lineOf } = readYaml("container.yaml", bytes, ContainerYaml, "distgit.container-yaml-invalid");
  const given = value ?? {};
  const only = listOf(given.platforms?.only);
  return {
    settings: {
      not: listOf(given.platforms?.not) ?? [],
      ...(only === undefined ? {} : { only }),
      ...(given.tags ? { tags: given.tags } : {}),
      ...(given.buildtime_limit ? { buildtimeLimit: given.buildtime_limit } : {}),
      ...(given.set_release_env === undefined ? {} : { releaseEnv: given.set_release_env }),
    },
    findings: [...wrong, ...findings, ...findUnserved(given as ServiceSettings, (key) => lineOf([key]))],
  };
}

function listOf(value: string | readonly string[] | null | undefined): readonly string[] | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? [value] : value;
}
