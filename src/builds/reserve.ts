import type { SiteLabels } from "../distgit/image-labels.ts";
import { appError } from "../domain/errors.ts";
import type { Transaction } from "../workflow/step.ts";
import type { BuildPlan, BuildRequested, BuildStore } from "./build-record.ts";
import type { Facts } from "./build-schemas.ts";
import { type ChooseRelease, countedRelease, givenRelease } from "./next-release.ts";
import { planBuild } from "./plan-build.ts";
import { tagHeld } from "./tags.ts";

/**
 * Takes name, version and release and every tag that never moves, and records the plan with them: all in one transaction, so that a crash
 * leaves nothing or everything. Throws `builds.name-taken`, `builds.nvr-exists`, `builds.tag-invalid` and what `planBuild` throws.
 */
export async function reserve(
  builds: BuildStore,
  build: string,
  request: BuildRequested,
  facts: Facts,
  siteLabels: SiteLabels,
  transaction: Transaction,
): Promise<BuildPlan> {
  const { component: name, version, name: imageRepository } = facts.identity;
  await demandOwnNames(builds, request, name, imageRepository, transaction);
  const wanted = { name, version, imageRepository };
  const nvr = request.scratch ? {} : { nvr: await builds.reserveNvr(build, wanted, chooseRelease(request, facts), transaction) };
  for (let attempt = 0; ; attempt++) {
    const plan = planBuild({ ...facts, build, request, attempt, siteLabels, ...nvr });
    const held = await builds.findHeldTags(build, plan.imageRepository, [plan.uniqueTag, ...plan.floatingTags], transaction);
    const [clash] = held.filter((tag) => tag !== plan.uniqueTag);
    if (clash !== undefined) throw tagHeld(clash, facts.container.tags === undefined ? "additional-tags" : "container.yaml");
    if (held.length > 0) continue;
    await builds.savePlan(build, plan, transaction);
    return plan;
  }
}

/** What the person asked for wins over the label. */
function chooseRelease(request: BuildRequested, { identity }: Facts): ChooseRelease {
  const { component: name, version } = identity;
  if (request.release !== undefined) return givenRelease({ name, version, release: request.release });
  if (identity.release !== undefined) return givenRelease({ name, version, release: identity.release }, "Dockerfile");
  return countedRelease(name);
}

/**
 * Labels are whatever somebody who may push wrote; without an owner any repository could build, tag and propose in another one's name. The first
 * to build a name keeps it, as a package list does in Koji. Scratch builds push to the same place, so they are asked too.
 */
async function demandOwnNames(
  builds: BuildStore,
  request: BuildRequested,
  component: string,
  imageRepository: string,
  transaction: Transaction,
): Promise<void> {
  const owners = await builds.findOwners(component, imageRepository, transaction);
  const taken = [
    { name: component, label: "com.redhat.component", owner: owners.component },
    { name: imageRepository, label: "name", owner: owners.image },
  ].filter(({ owner }) => owner !== undefined && owner !== request.repository);
  const [first, second] = taken;
  if (first === undefined) return;
  const are = second?.owner === first.owner ? `the names ${first.name} and ${second?.name} belong` : `the name ${first.name} belongs`;
  throw appError("builds.name-taken", `${are} to ${first.owner}, not to ${request.repository}`, {
    hint:
      second === undefined
        ? `Give the label ${first.label} a value of your own`
        : "Give the labels com.redhat.component and name values of your own",
    file: "Dockerfile",
  });
}
