import { contentSetsOf } from "./container-yaml-services.ts";
import { findWrongNames } from "./file-names.ts";
import type { Finding } from "./finding.ts";
import type { Tree } from "./tree.ts";
import { maxYamlBytes, readYaml } from "./yaml-file.ts";

/** content_sets.yml: Pulp content sets that hold the image's RPMs, by architecture (`x86_64`); named in the image's content manifest. */
export const ContentSets = contentSetsOf
  .nullable()
  .describe("content_sets.yml: names of the content sets that hold the image's RPMs, by architecture; may be left out or empty");

export type ContentSetsByArchitecture = Readonly<Record<string, readonly string[]>>;

const file = "content_sets.yml";

export async function readContentSets(
  tree: Tree,
): Promise<{ readonly contentSets: ContentSetsByArchitecture; readonly findings: readonly Finding[] }> {
  const wrong = findWrongNames(tree, file, "distgit.content-sets-name");
  const bytes = await tree.readFile(file, maxYamlBytes + 1);
  if (bytes === undefined) return { contentSets: {}, findings: wrong };
  const { value, findings } = readYaml(file, bytes, ContentSets, "distgit.content-sets-invalid");
  return { contentSets: value ?? {}, findings: [...wrong, ...findings] };
}
