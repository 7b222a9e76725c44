import { join } from "node:path";
import { writeCommit } from "../fakes/github/git-commits.ts";
import { type GitObjects, gitObjects } from "../fakes/github/git-objects.ts";
import { gitRefs } from "../fakes/github/git-refs.ts";
import { writeTree } from "../fakes/github/git-trees.ts";

/** What a file becomes: text or bytes, nothing (deleted, with what is below it), or a symbolic link. */
export type Content = string | Uint8Array | null | { readonly linkTo: string };

export interface FilesToCommit {
  readonly branch: string;
  /** Commit to begin at; without one it has no parent. */
  readonly parent?: string | undefined;
  readonly files: Readonly<Record<string, Content>>;
  readonly message: string;
}

const bob = { name: "bob", email: "bob@example.test" };

/**
 * Puts a commit of bob's onto a branch of a bare repository, and returns its id. Of a person with a clone these are seven processes of git and one of the
 * hook, most of what many tests would do; here it is none. No hook runs and nobody is told: tests of pushes push.
 */
export function commitFiles(bare: string, { branch, parent, files, message }: FilesToCommit): string {
  const objects = gitObjects(join(bare, "objects"));
  const changes = Object.entries(files).map(([path, content]) => {
    if (content === null) return { path, mode: "0", sha: null };
    const [mode, text] = typeof content === "object" && "linkTo" in content ? ["120000", content.linkTo] : ["100644", content];
    return { path, mode: mode as string, sha: objects.write("blob", Buffer.from(text as string)) };
  });
  const tree = writeTree(objects, parent === undefined ? undefined : treeOf(objects, parent), changes);
  const who = { ...bob, date: new Date().toISOString() };
  const commit = writeCommit(objects, { tree, parents: parent === undefined ? [] : [parent], author: who, committer: who, message });
  gitRefs(bare).set(`refs/heads/${branch}`, commit);
  return commit;
}

function treeOf(objects: GitObjects, commit: string): string {
  return objects.read(commit, "commit").toString("latin1", 5, 45);
}
