import { matchesBranch } from "../domain/branch-pattern.ts";
import { appError } from "../domain/errors.ts";
import type { BuildRequested } from "./build-record.ts";

/** What Koji calls a build target, one entry of `targets` in the settings. */
export interface Target {
  readonly name: string;
  /** Branches whose builds get it when they name none; `*` stands for any letters but `/`. */
  readonly branches: readonly string[];
  /** Where complete builds are tagged into. */
  readonly destinationTag: string;
  /** The destination tag takes no builds; scratch builds, which are not tagged, may still be made. */
  readonly locked: boolean;
  /** As container.yaml writes them; all that the engine serves when left out. */
  readonly architectures?: readonly string[] | undefined;
}

/**
 * The target of a build: the one that it names, or the first for its branch, or none. Throws `builds.target-unknown` and, for what would be
 * tagged, `builds.target-locked`; in the words of Koji's client.
 */
export function chooseTarget(
  targets: readonly Target[],
  { target: name, branch, scratch }: Pick<BuildRequested, "target" | "branch" | "scratch">,
): Target | undefined {
  const isFor = (target: Target) => target.branches.some((pattern) => matchesBranch(pattern, branch));
  const target = name === undefined ? targets.find(isFor) : targets.find((one) => one.name === name);
  if (target === undefined && name !== undefined) {
    throw appError("builds.target-unknown", `Unknown build target: ${name.slice(0, 200)}`, {
      hint: targets.length === 0 ? "There are no targets in the settings" : `There is ${targets.map((one) => one.name).join(", ")}`,
    });
  }
  if (target?.locked === true && !scratch) {
    throw appError("builds.target-locked", `Destination tag ${target.destinationTag} is locked`, {
      hint: `Nothing is released for ${target.name} any more; a scratch build can still be made`,
    });
  }
  return target;
}
