import type { BuildRequested } from "./build-record.ts";

/**
 * Does a build stand in the line of its branch? Then it moves floating tags, overtakes older builds and is proposed for promotion by itself.
 * Scratch builds never are promoted; an isolated one mends an older release, so somebody has to name it.
 */
export function followsBranch({ scratch, isolated }: Pick<BuildRequested, "scratch" | "isolated">): boolean {
  return !scratch && isolated !== true;
}
