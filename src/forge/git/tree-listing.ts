/** One line of `git ls-tree -r -l -z`. */
export interface TreeEntry {
  readonly kind: "file" | "program" | "link" | "submodule";
  readonly path: string;
  readonly blob: string;
  readonly size: number;
}

const kinds: Readonly<Record<string, TreeEntry["kind"]>> = { "100755": "program", "120000": "link", "160000": "submodule" };

/** Modes that only old gits wrote (100664) count as plain files. Source specification: git-ls-tree(1). */
export function parseTree(output: Buffer): readonly TreeEntry[] {
  return output
    .toString("utf8")
    .split("\0")
    .flatMap((line) => {
      const match = /^(\d{6}) \S+ ([0-9a-f]+) +(\d+|-)\t([\s\S]+)$/.exec(line);
      if (!match) return [];
      const [, mode = "", blob = "", size = "", path = ""] = match;
      return [{ kind: kinds[mode] ?? "file", path, blob, size: size === "-" ? 0 : Number(size) }];
    });
}
