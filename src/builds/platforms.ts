import type { ContainerSettings } from "../distgit/container-yaml.ts";
import { appError } from "../domain/errors.ts";
import { type Platform, platformArchitecture, rpmArchitecture } from "../domain/platform.ts";

/**
 * (what the engine serves ∩ only) − not, and of these what was `asked` for; architectures by RPM's name or Go's, or the whole platform. Throws
 * `builds.no-platform`, and `builds.architecture-unknown` for one that was asked for and is not among them.
 */
export function choosePlatforms(
  served: readonly Platform[],
  settings: Pick<ContainerSettings, "only" | "not">,
  asked: readonly string[] = [],
): readonly Platform[] {
  const { only, not } = settings;
  const chosen = served.filter((platform) => (only === undefined || isNamed(only, platform)) && !isNamed(not, platform)).toSorted();
  if (chosen.length === 0) {
    throw appError("builds.no-platform", `no platform is left to build for; the engine serves ${served.join(", ") || "none"}`, {
      file: "container.yaml",
      hint: "Correct platforms.only and platforms.not",
    });
  }
  if (asked.length === 0) return chosen;
  const unknown = asked.find((name) => !chosen.some((platform) => isNamed([name], platform)));
  if (unknown !== undefined) {
    const names = chosen.map(rpmArchitecture).join(", ");
    throw appError("builds.architecture-unknown", `"${unknown.slice(0, 100)}" is not built here; there is ${names}`, {
      hint: "Name one or more of these, or none for all of them",
    });
  }
  return chosen.filter((platform) => isNamed(asked, platform));
}

function isNamed(names: readonly string[], platform: Platform): boolean {
  return names.some((name) => name === platform || name === platformArchitecture(platform) || name === rpmArchitecture(platform));
}
