/**
 * A repository's files at one commit, as lint reads them. Links are never followed: a link that leaves the repository must not make
 * flibs read its own host's files.
 */
export interface Tree {
  /** Every file and symbolic link, relative to the root, sorted by path. */
  readonly entries: readonly TreeEntry[];
  /** Exact bytes of a regular file, at most `maxBytes` of them; undefined when there is no such regular file. */
  readFile(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

export type TreeEntry =
  | { readonly kind: "file"; readonly path: string; readonly size: number }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

/** A tree out of texts, for tests and for what stands in memory already. */
export function memoryTree(files: Readonly<Record<string, string | { readonly link: string }>>): Tree {
  const entries = Object.entries(files)
    .map(([path, content]): TreeEntry => {
      if (typeof content !== "string") return { kind: "link", path, target: content.link };
      return { kind: "file", path, size: Buffer.byteLength(content) };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return {
    entries,
    readFile: async (path, maxBytes) => {
      const content = Object.hasOwn(files, path) ? files[path] : undefined;
      return typeof content === "string" ? Buffer.from(content).subarray(0, maxBytes) : undefined;
    },
  };
}
