import type { Tree } from "./tree.ts";

/** A file of the repository as text, or why it is none; undefined when it is not there. A byte order mark is left out. */
export async function readTextFile(
  tree: Tree,
  path: string,
  maxBytes: number,
): Promise<{ readonly text: string } | { readonly problem: string; readonly fix: string } | undefined> {
  const bytes = await tree.readFile(path, maxBytes + 1);
  if (bytes === undefined) return undefined;
  if (bytes.length > maxBytes) return { problem: `has more than ${maxBytes / 1024} KiB`, fix: "Shorten it" };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { problem: "is not UTF-8 text", fix: "Save it as UTF-8" };
  }
}
