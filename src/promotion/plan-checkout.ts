import { type CheckoutChoice, checkCheckout } from "./check-checkout.ts";
import { type Fault, formatFault } from "./fault.ts";
import { type ManifestCheckout, workTree } from "./manifest-sources.ts";
import { findImageFile, findPolicy } from "./manifest-tree.ts";
import { onceEach, planFaults } from "./plan-faults.ts";
import { planRelease } from "./plan-release.ts";
import { policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { type FactReader, readReleaseFacts, whateverStands } from "./release-facts.ts";
import type { TagPlan } from "./tag-plan.ts";

export interface CheckoutPlan {
  readonly base: string | null;
  /** Image files that were tried. */
  readonly images: number;
  readonly faults: readonly Fault[];
  /** Everything but what is as it should be, by file and destination. */
  readonly plans: readonly { readonly path: string; readonly registry: string; readonly tags: readonly TagPlan[] }[];
}

/**
 * What releasing a clone's texts would do now, as the service would: reads the registries that the settings name, writes nothing. Signatures of
 * candidates (CK6) and tests (CK7) are the service's to know and are not looked at. Throws `registry.unreachable` (transient).
 */
export async function planCheckout(
  ports: Pick<FactReader, "registries" | "settings">,
  checkout: ManifestCheckout,
  choice: CheckoutChoice,
): Promise<CheckoutPlan> {
  const reader: FactReader = { ...ports, forge: checkout.sources };
  const texts = await checkCheckout(checkout, choice);
  const base = texts.base;
  const policy = await findPolicy(reader, workTree);
  if (!policy.ok) return { base, images: 0, faults: onceEach([...texts.faults, ...policy.faults]), plans: [] };
  const changed = base === null || choice.all ? await checkout.listPaths() : await checkout.listChanged(base);
  // A new policy reaches every file.
  const listed = changed.includes(policyPath) ? await checkout.listPaths() : changed;
  const faults: Fault[] = [...texts.faults];
  const plans: { path: string; registry: string; tags: readonly TagPlan[] }[] = [];
  let images = 0;
  for (const path of listed.filter((one) => repositoryOfPath(one) !== undefined)) {
    const image = await findImageFile(reader, workTree, path, policy.policy);
    if (!image?.ok) continue;
    images += 1;
    for (const route of image.routes) {
      const facts = await readReleaseFacts(reader, workTree, image.parsed, policy.policy, route, { wasChecked: whateverStands });
      const plan = planRelease(image.parsed.value, facts);
      faults.push(...planFaults(path, image.parsed, plan, facts.refusals));
      const tags = plan.filter((one) => one.action !== "ok");
      if (tags.length > 0) plans.push({ path, registry: route.to, tags });
    }
  }
  const known = new Map(faults.map((fault) => [formatFault(fault), fault]));
  return { base, images, faults: [...known.values()], plans };
}
