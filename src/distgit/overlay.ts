import type { Tree } from "./tree.ts";

/**
 * What decides how an image is built and judged, by names at the root of a repository. Of a stranger's pull request these are read from the base
 * branch: else whoever opens it could drop the tests that it has to pass.
 */
export const basePaths = [".fmf", "additional-tags", "container.yaml", "gating.yaml", "plans", "tests"] as const;

export function isBasePath(path: string): boolean {
  return basePaths.some((name) => path === name || path.startsWith(`${name}/`));
}

/** A tree with only some of its files. */
export function filterTree(tree: Tree, keep: (path: string) => boolean): Tree {
  return {
    entries: tree.entries.filter(({ path }) => keep(path)),
    readFile: async (path, maxBytes) => (keep(path) ? await tree.readFile(path, maxBytes) : undefined),
  };
}
