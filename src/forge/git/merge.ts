import type { Git } from "./git.ts";

const exits = [0, 1, 128];
const argsOf = (base: string, head: string) => ["merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", base, head];

export type MergeTrial = { readonly tree: string } | { readonly conflicts: readonly string[] };

/** Would they merge? Remembered; see {@link Git.recall}. */
export async function mergesCleanly(git: Git, path: string, base: string, head: string): Promise<boolean> {
  return (await git.recall(path, argsOf(base, head), { exits })).exitCode === 0;
}

/** Merges in memory; needs git 2.38. `conflicts` names the files, or nothing when the histories have no commit in common. */
export async function tryMerge(git: Git, path: string, base: string, head: string): Promise<MergeTrial> {
  const { exitCode, text } = await git.run(path, argsOf(base, head), { exits });
  const [tree = "", ...conflicts] = text.split("\0").filter((one) => one !== "");
  return exitCode === 0 ? { tree } : { conflicts: exitCode === 1 ? conflicts : [] };
}
