import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The refs of a repository, in git's own files: a push by git is seen at once. Nothing packs refs here. */
export interface GitRefs {
  find(ref: string): string | undefined;
  /** Sorted by name. */
  list(prefix: string): readonly (readonly [ref: string, sha: string])[];
  /** Throws where a branch would be a directory of another one. */
  set(ref: string, sha: string | undefined): void;
}

export function gitRefs(repository: string): GitRefs {
  const refs = join(repository, "refs");
  function find(ref: string): string | undefined {
    if (!ref.startsWith("refs/") || ref.split("/").includes("..")) return undefined;
    try {
      return readFileSync(join(repository, ref), "utf8").trim();
    } catch (error) {
      if (["ENOENT", "EISDIR", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
      throw error;
    }
  }
  return {
    find,
    list(prefix) {
      const names = readdirSync(refs, { recursive: true, withFileTypes: true })
        .filter((one) => one.isFile() && !one.name.endsWith(".lock"))
        .map((one) => join(one.parentPath, one.name).slice(repository.length + 1));
      return names
        .filter((ref) => ref.startsWith(prefix))
        .sort()
        .flatMap((ref) => {
          const sha = find(ref);
          return sha === undefined ? [] : [[ref, sha] as const];
        });
    },
    set(ref, sha) {
      const file = join(repository, ref);
      if (sha === undefined) {
        rmSync(file, { force: true });
        // Or no branch could have the directory's name.
        for (
          let above = dirname(file);
          dirname(above) !== refs && existsSync(above) && readdirSync(above).length === 0;
          above = dirname(above)
        )
          rmdirSync(above);
        return;
      }
      mkdirSync(dirname(file), { recursive: true });
      // In one go: git may be reading.
      writeFileSync(`${file}.lock`, `${sha}\n`);
      renameSync(`${file}.lock`, file);
    },
  };
}
