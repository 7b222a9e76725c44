import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appError } from "../../domain/errors.ts";
import type { Git } from "./git.ts";
import { isTreePath } from "./names.ts";
import { findObjects, readObjects } from "./objects.ts";
import { writeBlob } from "./refs.ts";

/** Tree of a commit with whole files put in or replaced. Throws `forge.name-invalid` for a path that no checkout may write. */
export async function writeTreeOf(git: Git, path: string, base: string, files: Readonly<Record<string, string>>): Promise<string> {
  const scratch = await mkdtemp(join(tmpdir(), "flibs-index-"));
  try {
    const env = { GIT_INDEX_FILE: join(scratch, "index") };
    await git.run(path, ["read-tree", base], { env });
    const lines: string[] = [];
    for (const [file, text] of Object.entries(files)) {
      if (!isTreePath(file)) throw appError("forge.name-invalid", `"${file.slice(0, 200)}" is no path of a file in a repository`);
      lines.push(`100644 ${await writeBlob(git, path, text)}\t${file}\0`);
    }
    await git.run(path, ["update-index", "-z", "--add", "--replace", "--index-info"], { env, input: lines.join("") });
    return (await git.run(path, ["write-tree"], { env })).text.trim();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Epoch seconds of when a commit was made. */
export async function committedAt(git: Git, path: string, commit: string): Promise<string> {
  const [found] = await findObjects(git, path, [commit]);
  const [content] = await readObjects(git, path, found?.type === "commit" ? [found] : [], 2 ** 20);
  const seconds = /^committer .*> (\d+) [+-]\d{4}$/m.exec(content?.toString().split("\n\n")[0] ?? "")?.[1];
  if (seconds !== undefined) return seconds;
  throw appError("forge.git-failed", `${commit} does not tell when it was made`);
}

export interface NewCommit {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly message: string;
  /** Author and committer. */
  readonly who: { readonly name: string; readonly email: string };
  /** Epoch seconds of both dates. */
  readonly seconds: string;
}

export async function commitTree(git: Git, path: string, { tree, parents, message, who, seconds }: NewCommit): Promise<string> {
  const fields = { NAME: who.name, EMAIL: who.email, DATE: `@${seconds} +0000` };
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => Object.entries(fields).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  );
  const given = parents.flatMap((parent) => ["-p", parent]);
  return (await git.run(path, ["commit-tree", tree, ...given], { input: message, env })).text.trim();
}
