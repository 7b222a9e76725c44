import type { Git } from "./git.ts";

export type MergeTrial = { readonly tree: string } | { readonly conflicts: readonly string[] };

/** Merges in memory; needs git 2.38. `conflicts` names the files, or nothing when the histories have no commit in common. */
export async function tryMerge(git: Git, path: string, base: string, head: string): Promise<MergeTrial> {
  const args = ["merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", base, head];
  const { exitCode, text } = await git.run(path, args, { exits: [0, 1, 128] });
  const [tree = "", ...conflicts] = text.split("\0").filter((one) => one !== "");
  return exitCode === 0 ? { tree } : { conflicts: exitCode === 1 ? conflicts : [] };
}
