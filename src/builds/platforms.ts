import type { ContainerSettings } from "../distgit/container-yaml.ts";
import { appError } from "../domain/errors.ts";
import { type Platform, platformArchitecture, rpmArchitecture } from "../domain/platform.ts";

/**
 * (what the engine serves ∩ target ∩ only) − not. What a person `asked` for takes the place of that list: of scratch and isolated builds, as
 * OSBS does it. Architectures by RPM's name or Go's, or the whole platform. Throws `builds.no-platform`, and `builds.architecture-unknown` for one
 * that was asked for and that no engine serves.
 */
export function choosePlatforms(
  served: readonly Platform[],
  settings: Pick<ContainerSettings, "only" | "not">,
  asked: readonly string[] = [],
  ofTarget?: readonly string[],
): readonly Platform[] {
  if (asked.length > 0 && served.length > 0) return chooseAsked(served, asked);
  const { only, not } = settings;
  const lists = [only, ofTarget].filter((list) => list !== undefined);
  const chosen = served.filter((platform) => lists.every((list) => isNamed(list, platform)) && !isNamed(not, platform)).toSorted();
  if (chosen.length === 0) {
    throw appError("builds.no-platform", `no platform is left to build for; the engine serves ${served.join(", ") || "none"}`, {
      file: "container.yaml",
      hint: `Correct platforms.only and platforms.not${ofTarget === undefined ? "" : `; the build's target has ${ofTarget.join(", ")}`}`,
    });
  }
  return chosen;
}

function chooseAsked(served: readonly Platform[], asked: readonly string[]): readonly Platform[] {
  const unknown = asked.find((name) => !served.some((platform) => isNamed([name], platform)));
  if (unknown !== undefined) {
    const names = served.toSorted().map(rpmArchitecture).join(", ") || "none";
    throw appError("builds.architecture-unknown", `"${unknown.slice(0, 100)}" is not built here; there is ${names}`, {
      hint: "Name one or more of these, or none for all of them",
    });
  }
  return served.filter((platform) => isNamed(asked, platform)).toSorted();
}

function isNamed(names: readonly string[], platform: Platform): boolean {
  return names.some((name) => name === platform || name === platformArchitecture(platform) || name === rpmArchitecture(platform));
}
