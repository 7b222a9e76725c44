import type { ContainerSettings } from "../distgit/container-yaml.ts";
import { appError } from "../domain/errors.ts";
import { type Platform, platformArchitecture, rpmArchitecture } from "../domain/platform.ts";

/** (what the engine serves ∩ only) − not; architectures by RPM's name or Go's, or the whole platform. Throws `builds.no-platform`. */
export function choosePlatforms(served: readonly Platform[], settings: Pick<ContainerSettings, "only" | "not">): readonly Platform[] {
  const named = (names: readonly string[], platform: Platform) =>
    names.some((name) => name === platform || name === platformArchitecture(platform) || name === rpmArchitecture(platform));
  const { only, not } = settings;
  const chosen = served.filter((platform) => (only === undefined || named(only, platform)) && !named(not, platform));
  if (chosen.length > 0) return [...chosen].sort();
  throw appError("builds.no-platform", `no platform is left to build for; the engine serves ${served.join(", ") || "none"}`, {
    file: "container.yaml",
    hint: "Correct platforms.only and platforms.not",
  });
}
