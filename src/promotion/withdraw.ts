import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import type { Registry } from "../registry/registry.ts";
import { childTag, findImage } from "./image-children.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { SignedFile } from "./release-effects.ts";
import type { ReleasePlan } from "./release-flow.ts";
import { settle } from "./settle.ts";
import { isActing, type TagPlan } from "./tag-plan.ts";

/** Takes the signatures of a withdrawn release away, and its tag when the file says so and no other tag would go with it. */
export async function withdraw(ports: PromotionPorts, plan: ReleasePlan, file: SignedFile, one: TagPlan, signal: AbortSignal) {
  const started = ports.now().getTime();
  const done = await settle(signal, async () => {
    const answer = (await ports.releaseSigner.withdraw({ ...file, registry: plan.to, tags: [one.tag] }, signal))[one.tag];
    if (answer?.failed !== undefined) return { what: "failed", message: answer.failed };
    const tag = plan.removeTags.includes(one.tag) ? await removeTags(ports.registries.named(plan.to), plan, one) : "the tag stays";
    return { what: "withdrawn", message: `${answer?.removed ?? 0} signatures removed, ${tag}` };
  });
  const ms = ports.now().getTime() - started;
  return "failed" in done ? { what: "failed", message: done.failed, ms } : { ...done.value, ms };
}

/**
 * Registries delete by digest, and every tag at the digest goes with it: so only a tag that stands alone is removed. Its children's tags go
 * first, those that no other tag needs: a release that is withdrawn already is broken rather than forgotten when this is cut off.
 */
async function removeTags(registry: Registry, { imageRepository: repository, tags }: ReleasePlan, one: TagPlan): Promise<string> {
  const live = (await registry.findManifest(repository, one.tag))?.digest;
  if (live === undefined) return "the tag is gone";
  if (live !== one.digest) return `the tag was not removed: it stands at ${live}`;
  const standing = await readStanding(registry, repository);
  const others = tagsAt(standing, live, one.tag);
  if (others.length > 0) return `the tag was not removed: ${others.slice(0, 10).join(", ")} would go with it`;
  if (!registry.deleteManifest) return "the tag was not removed: this client can't delete";
  const children = (await findImage(registry, repository, live))?.children ?? [];
  const needed = new Set(tags.filter(isActing).map((other) => other.digest));
  try {
    for (const child of children) {
      const tag = childTag(one.tag, child);
      if (!needed.has(child.digest) && standing.get(tag) === child.digest && tagsAt(standing, child.digest, tag).length === 0) {
        await registry.deleteManifest(repository, child.digest);
      }
    }
    await registry.deleteManifest(repository, live);
    return "the tag is gone";
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
    return "the tag was not removed: the registry does not allow deleting";
  }
}

async function readStanding(registry: Registry, repository: string): Promise<ReadonlyMap<string, Digest>> {
  const standing = new Map<string, Digest>();
  for (const tag of await registry.listTags(repository)) {
    const found = await registry.findManifest(repository, tag);
    if (found) standing.set(tag, found.digest);
  }
  return standing;
}

function tagsAt(standing: ReadonlyMap<string, Digest>, digest: Digest, but: string): readonly string[] {
  return [...standing].filter(([tag, at]) => at === digest && tag !== but).map(([tag]) => tag);
}
