import type { FileChange, TreeEntry } from "./git.ts";
import type { GitObjects } from "./git-objects.ts";

type Entry = Pick<TreeEntry, "mode" | "sha"> & { readonly name: string };

const isTree = ({ mode }: Pick<Entry, "mode">) => mode === "40000";

/** Entries of a tree, with those of the trees below it right after each; paths from its root. */
export function listTree(objects: GitObjects, tree: string, recursive: boolean, prefix = ""): readonly TreeEntry[] {
  return entriesOf(objects, tree).flatMap((entry) => {
    const path = `${prefix}${entry.name}`;
    const common = { mode: entry.mode.padStart(6, "0"), sha: entry.sha, path };
    if (!isTree(entry)) return [{ ...common, ...ofFile(objects, entry) }];
    const below = recursive ? listTree(objects, entry.sha, true, `${path}/`) : [];
    return [{ ...common, type: "tree", size: undefined }, ...below];
  });
}

/** A submodule's commit is in another repository. */
function ofFile(objects: GitObjects, { mode, sha }: Entry): Pick<TreeEntry, "type" | "size"> {
  return mode === "160000" ? { type: "commit", size: undefined } : { type: "blob", size: objects.read(sha, "blob").length };
}

/** The tree that `base` becomes: a file takes the place of a directory of its name, and the other way round. */
export function writeTree(objects: GitObjects, base: string | undefined, changes: readonly FileChange[]): string {
  const files = new Map<string, Entry>();
  for (const { mode, sha, path, type } of base === undefined ? [] : listTree(objects, base, true)) {
    if (type !== "tree") files.set(path, { mode, sha, name: "" });
  }
  for (const { mode, sha, path } of changes) {
    const parts = path.split("/");
    if (parts.some((part) => ["", ".", "..", ".git"].includes(part))) throw new Error(`${path} is no path of a file`);
    files.delete(path);
    if (sha === null) continue;
    if (mode !== "160000") objects.read(sha, "blob");
    for (const other of files.keys()) if (other.startsWith(`${path}/`)) files.delete(other);
    for (let depth = 1; depth < parts.length; depth += 1) files.delete(parts.slice(0, depth).join("/"));
    files.set(path, { mode, sha, name: "" });
  }
  return writeFiles(objects, [...files]);
}

function writeFiles(objects: GitObjects, files: readonly (readonly [path: string, Entry])[]): string {
  const entries: Entry[] = [];
  const below = new Map<string, [string, Entry][]>();
  for (const [path, entry] of files) {
    const slash = path.indexOf("/");
    if (slash < 0) {
      entries.push({ ...entry, name: path });
      continue;
    }
    const name = path.slice(0, slash);
    below.set(name, [...(below.get(name) ?? []), [path.slice(slash + 1), entry]]);
  }
  for (const [name, inner] of below) entries.push({ mode: "40000", sha: writeFiles(objects, inner), name });
  // By bytes, a directory as if its name ended with a slash.
  const key = (entry: Entry) => Buffer.from(isTree(entry) ? `${entry.name}/` : entry.name);
  const sorted = entries.sort((a, b) => Buffer.compare(key(a), key(b)));
  const parts = sorted.flatMap(({ mode, name, sha }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(sha, "hex")]);
  return objects.write("tree", Buffer.concat(parts));
}

/** What became of files, by path; renames count as both. */
export function changedFiles(
  objects: GitObjects,
  from: string | undefined,
  to: string,
): readonly { readonly path: string; readonly how: "added" | "removed" | "modified" }[] {
  if (from === to) return [];
  const filesOf = (tree: string | undefined) => {
    const listed = tree === undefined ? [] : listTree(objects, tree, true).filter(({ type }) => type !== "tree");
    return new Map(listed.map(({ path, mode, sha }) => [path, `${mode} ${sha}`]));
  };
  const [before, after] = [filesOf(from), filesOf(to)];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((path) => {
    const [was, is] = [before.get(path), after.get(path)];
    if (was === is) return [];
    return [{ path, how: was === undefined ? "added" : is === undefined ? "removed" : "modified" }];
  });
}

function entriesOf(objects: GitObjects, tree: string): readonly Entry[] {
  const bytes = objects.read(tree, "tree");
  const entries: Entry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    const head = bytes.toString("utf8", at, end);
    const space = head.indexOf(" ");
    entries.push({ mode: head.slice(0, space), name: head.slice(space + 1), sha: bytes.toString("hex", end + 1, end + 21) });
    at = end + 21;
  }
  return entries;
}
