import { matchesBranch } from "../domain/branch-pattern.ts";

/** `{branch: "f*", productVersion: "fedora-*"}`: builds of f40 are for fedora-40. */
export interface ProductVersion {
  readonly branch: string;
  readonly productVersion: string;
}

/** The first that fits; a branch that none fits is a product version itself. Pure. */
export function productVersionOf(versions: readonly ProductVersion[], branch: string): string {
  const found = versions.find((one) => matchesBranch(one.branch, branch));
  if (found === undefined) return branch;
  const [before = "", after] = found.branch.split("*");
  const starred = after === undefined ? branch : branch.slice(before.length, branch.length - after.length);
  return found.productVersion.replace("*", () => starred);
}
