import { checkGates } from "./check-release.ts";
import { findImageFile, findPolicy } from "./manifest-tree.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ReleasePlan } from "./release-flow.ts";
import type { ReleaseToSign } from "./release-signer.ts";

/**
 * Why a release must not be tagged any more, undefined when it may. A run that was stopped goes on with a plan that is hours old, and meanwhile a waiver may have
 * been taken back. Throws transient errors only.
 */
export async function whyRefusedNow(
  ports: PromotionPorts,
  { imageRepository: repository }: Pick<ReleasePlan, "imageRepository">,
  { commit, path }: Pick<ReleaseToSign, "commit" | "path">,
  tag: string,
): Promise<string | undefined> {
  const policy = await findPolicy(ports, commit);
  const image = policy.ok ? await findImageFile(ports, commit, path, policy.policy) : undefined;
  const release = image?.ok && Object.hasOwn(image.parsed.value.releases, tag) ? image.parsed.value.releases[tag] : undefined;
  if (!policy.ok || release === undefined) return `${path} at ${commit} does not name ${tag}`;
  const build = await ports.builds.find(release.build);
  const refusals = await checkGates(ports.gate, { repository, tag, release, policy: policy.policy }, build);
  return refusals.length === 0 ? undefined : refusals.map(({ message, check }) => `${message} (${check})`).join("; ");
}
