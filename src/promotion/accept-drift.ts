import type { Digest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { isRepository } from "../domain/image-reference.ts";
import { findImageFile, readPolicy } from "./manifest-tree.ts";
import { planRelease } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { imagePath, policyPath } from "./registry-manifest.ts";
import { readReleaseFacts, whateverStands } from "./release-facts.ts";
import { releaseSubject } from "./release-flow.ts";

/** A floating tag that stands where git never put it. */
export interface Drift {
  readonly registry: string;
  readonly imageRepository: string;
  readonly tag: string;
  /** Where it stands, and where git wants it. */
  readonly found: Digest;
  readonly wanted: Digest;
}

/**
 * The drift of one tag in each destination, or in the one that is named; reads only. Throws `promotion.image-unknown`,
 * `promotion.policy-invalid`, `promotion.file-invalid` and `promotion.no-drift`.
 */
export async function findDrift(
  ports: PromotionPorts,
  { imageRepository, tag, registry }: { readonly imageRepository: string; readonly tag: string; readonly registry?: string | undefined },
): Promise<readonly Drift[]> {
  const { repository, branch } = ports.settings;
  const commit = await ports.forge.findHead(repository, branch);
  if (commit === undefined) throw appError("promotion.policy-invalid", `${repository} has no branch ${branch}`, { file: policyPath });
  const policy = await readPolicy(ports, commit);
  const path = imagePath(imageRepository);
  const image = isRepository(imageRepository) ? await findImageFile(ports, commit, path, policy) : undefined;
  if (!image) throw appError("promotion.image-unknown", `there is no released image ${JSON.stringify(imageRepository.slice(0, 255))}`);
  if (!image.ok) throw appError("promotion.file-invalid", `${path} has a fault, mend it first`, { file: path });
  const drifts: Drift[] = [];
  for (const route of image.routes.filter(({ to }) => registry === undefined || to === registry)) {
    const plan = planRelease(
      image.parsed.value,
      await readReleaseFacts(ports, commit, image.parsed, policy, route, { wasChecked: whateverStands }),
    );
    const one = plan.find((line) => line.tag === tag && line.action === "drift");
    if (one?.found !== undefined) drifts.push({ registry: route.to, imageRepository, tag, found: one.found, wanted: one.digest });
  }
  if (drifts.length > 0) return drifts;
  throw appError(
    "promotion.no-drift",
    `${imageRepository}:${tag.slice(0, 128)} does not drift${registry === undefined ? "" : ` in ${registry}`}`,
    {
      hint: "Only a floating tag that git wants elsewhere can; an immutable one is never moved",
    },
  );
}

/** Writes down who allows it, for exactly the digest that was shown, and starts the release that moves the tag; returns the runs. */
export async function acceptDrift(ports: PromotionPorts, drifts: readonly Drift[], by: string, key: string): Promise<readonly string[]> {
  const { repository, branch } = ports.settings;
  const commit = (await ports.forge.findHead(repository, branch)) ?? "";
  const runs: string[] = [];
  for (const { registry, imageRepository, tag, found } of drifts) {
    await ports.releases.saveAcceptedDrift({ registry, imageRepository, tag, digest: found, by });
    const path = imagePath(imageRepository);
    const subject = releaseSubject(registry, path);
    const intent = { repository, registry, path, commit };
    runs.push(await ports.runs.start({ flow: "release", subject, intent, key: `${subject} ${tag} ${found} ${key}`, whenBusy: "queue" }));
  }
  return runs;
}
