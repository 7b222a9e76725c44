import type { Git, GitResult } from "./git.ts";

export type MergeTrial = { readonly tree: string } | { readonly conflicts: readonly string[] };

/** Would they merge? Remembered; see {@link Git.recall}. Throws as `Git.run` does. */
export async function mergesCleanly(git: Git, path: string, base: string, head: string): Promise<boolean> {
  return (await mergeTree(git, git.recall, path, base, head))?.exitCode === 0;
}

/**
 * Merges in memory; needs git 2.38. `conflicts` names the files, or nothing when the histories have no commit in common. Throws as `Git.run` does.
 */
export async function tryMerge(git: Git, path: string, base: string, head: string): Promise<MergeTrial> {
  const merged = await mergeTree(git, git.run, path, base, head);
  if (merged === undefined) return { conflicts: [] };
  const [tree = "", ...conflicts] = merged.text.split("\0").filter((one) => one !== "");
  return merged.exitCode === 0 ? { tree } : { conflicts };
}

/** Undefined when the histories have no commit in common: git ends at that as it does at everything that it cannot go on with. */
async function mergeTree(git: Git, ask: Git["recall"], path: string, base: string, head: string): Promise<GitResult | undefined> {
  const args = ["merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", base, head];
  try {
    return await ask(path, args, { exits: [0, 1] });
  } catch (error) {
    const { exitCode } = await git.recall(path, ["merge-base", base, head], { exits: [0, 1] });
    if (exitCode === 1) return undefined;
    throw error;
  }
}
