import type { Digest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Registry } from "../registry/registry.ts";

/**
 * Tags that never move name nothing yet, or this image: the database may have freed a release whose tag was written, or know nothing of what the
 * registry has. Throws `builds.tag-exists`, and what the registry client throws.
 */
export async function demandFreeTags(
  registry: Pick<Registry, "findManifest">,
  repository: string,
  digest: Digest,
  tags: readonly string[],
): Promise<void> {
  const named = await Promise.all(tags.map(async (tag) => ({ tag, found: await registry.findManifest(repository, tag) })));
  for (const { tag, found } of named) {
    if (found === undefined || found.digest === digest) continue;
    throw appError("builds.tag-exists", `${repository}:${tag} never moves, and names another image already: ${found.digest}`, {
      hint: "Build with another version or release; operators can remove the tag when no complete build has that image",
    });
  }
}
