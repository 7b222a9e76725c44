import type { ContainerSettings } from "../distgit/container-yaml.ts";
import { addedLabels, noSiteLabels, type SiteLabels } from "../distgit/image-labels.ts";
import type { ImageIdentity } from "../distgit/lint-labels.ts";
import { checkTag } from "../domain/image-reference.ts";
import { checkNvr, type Nvr, versionRelease } from "../domain/nvr.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";
import type { GatingPolicy } from "../gating/policy.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { BuildPlan, BuildRequested, PinnedParent, PlannedTarget } from "./build-record.ts";
import { type LookedContents, scratchRelease } from "./contents.ts";
import { followsBranch } from "./follows-branch.ts";
import { floatingTags, uniqueTag } from "./tags.ts";
import { untrustedRepository } from "./untrusted.ts";

/** Everything that was looked up before; the plan follows from it alone. */
export interface BuildFacts {
  readonly build: string;
  readonly request: BuildRequested;
  /** ISO 8601; the same on every attempt. */
  readonly createdAt: string;
  readonly identity: ImageIdentity;
  readonly container: Pick<ContainerSettings, "tags" | "additionalTags">;
  readonly platforms: readonly Platform[];
  readonly parents: readonly PinnedParent[];
  readonly suites: readonly TestSuite[];
  readonly gating?: readonly GatingPolicy[];
  readonly target?: PlannedTarget;
  /** Undefined in journals of older releases: nothing is put into the image then. */
  readonly contents?: LookedContents;
  /** None when left out. */
  readonly siteLabels?: SiteLabels;
  /** As reserved; undefined for scratch builds. */
  readonly nvr?: Nvr;
  /** Counted up until the unique tag is nobody else's. */
  readonly attempt: number;
}

/** Pure. Throws `domain.nvr-invalid`, `domain.tag-invalid`, `builds.tag-invalid`. */
export function planBuild(facts: BuildFacts): BuildPlan {
  const { identity, request, nvr, container, target } = facts;
  const primary = nvr === undefined ? undefined : checkTag(versionRelease(checkNvr(nvr)));
  // A scratch build is no release: its run's name stands there, unless somebody wants to see what a certain one would be like.
  const release = nvr?.release ?? request.release ?? identity.release ?? scratchRelease(facts.build);
  const values = { ...identity.labels, ...identity, release };
  const texts = Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  return {
    ...(nvr === undefined ? {} : { nvr }),
    imageRepository: request.stranger === undefined ? identity.name : untrustedRepository(identity.name),
    platforms: facts.platforms,
    parents: facts.parents,
    ...(target === undefined ? {} : { target }),
    labels: addedLabels({
      own: identity.labels,
      inherited: facts.contents?.inherited ?? {},
      site: facts.siteLabels ?? noSiteLabels,
      automatic: { "build-date": facts.createdAt, "vcs-type": "git", "vcs-ref": request.commit, release },
    }),
    ...(facts.contents === undefined ? {} : { contents: contentsOf(facts, facts.contents, release) }),
    uniqueTag: uniqueTag({ ...facts, component: identity.component, target: target?.name }),
    ...(primary === undefined ? {} : { primaryTag: primary }),
    floatingTags:
      primary !== undefined && followsBranch(request)
        ? floatingTags({ named: container.tags, additional: container.additionalTags, values: texts, primary })
        : [],
    suites: facts.suites,
    ...(facts.gating === undefined ? {} : { gating: facts.gating }),
  };
}

function contentsOf({ identity, createdAt }: BuildFacts, looked: LookedContents, release: string): NonNullable<BuildPlan["contents"]> {
  const { inherited: _, ...contents } = looked;
  return { ...contents, component: identity.component, name: identity.name, version: identity.version, release, createdAt };
}

/** The plan's labels and the platform's own, under both of its names. */
export function labelsFor(plan: BuildPlan, platform: Platform): Readonly<Record<string, string>> {
  const architecture = rpmArchitecture(platform);
  return { ...plan.labels, architecture, Architecture: architecture };
}
