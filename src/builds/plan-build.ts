import type { ContainerSettings } from "../distgit/container-yaml.ts";
import type { ImageIdentity } from "../distgit/lint-labels.ts";
import { checkTag } from "../domain/image-reference.ts";
import { checkNvr, type Nvr, versionRelease } from "../domain/nvr.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { BuildPlan, BuildRequested, PinnedParent } from "./build-record.ts";
import { floatingTags, uniqueTag } from "./tags.ts";
import { untrustedRepository } from "./untrusted.ts";

/** Everything that was looked up before; the plan follows from it alone. */
export interface BuildFacts {
  readonly build: string;
  readonly request: BuildRequested;
  /** ISO 8601; the same on every attempt. */
  readonly createdAt: string;
  readonly identity: ImageIdentity;
  readonly container: ContainerSettings;
  readonly platforms: readonly Platform[];
  readonly parents: readonly PinnedParent[];
  readonly suites: readonly TestSuite[];
  /** As reserved; undefined for scratch builds. */
  readonly nvr?: Nvr;
}

/** Pure. Throws `domain.nvr-invalid`, `domain.tag-invalid`, `builds.tag-invalid`. */
export function planBuild(facts: BuildFacts): BuildPlan {
  const { identity, request, nvr } = facts;
  const primary = nvr === undefined ? undefined : checkTag(versionRelease(checkNvr(nvr)));
  const values = { ...identity.labels, ...identity, ...(nvr === undefined ? {} : { release: nvr.release }) };
  const texts = Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  return {
    ...(nvr === undefined ? {} : { nvr }),
    imageRepository: request.stranger === undefined ? identity.name : untrustedRepository(identity.name),
    platforms: facts.platforms,
    parents: facts.parents.map(({ written, pinned, digest }) => ({ written, pinned, digest })),
    labels: {
      "build-date": facts.createdAt,
      "vcs-type": "git",
      "vcs-ref": request.commit,
      ...(nvr === undefined ? {} : { release: nvr.release }),
    },
    uniqueTag: uniqueTag(identity.component, facts.build, facts.createdAt),
    ...(primary === undefined ? {} : { primaryTag: primary }),
    floatingTags: primary === undefined ? [] : floatingTags(facts.container.tags, texts, primary),
    suites: facts.suites,
  };
}

/** The plan's labels and the platform's own. */
export function labelsFor(plan: BuildPlan, platform: Platform): Readonly<Record<string, string>> {
  return { ...plan.labels, architecture: rpmArchitecture(platform) };
}
