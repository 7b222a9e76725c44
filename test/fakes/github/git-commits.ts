import type { CommitObject, Signature } from "./git.ts";
import type { GitObjects } from "./git-objects.ts";

export function writeCommit(objects: GitObjects, { tree, parents, author, committer, message }: Omit<CommitObject, "sha">): string {
  objects.read(tree, "tree");
  const lines = [
    `tree ${tree}`,
    ...[...new Set(parents)].map((parent) => `parent ${parent}`),
    `author ${formatSignature(author)}`,
    `committer ${formatSignature(committer)}`,
  ];
  return objects.write("commit", Buffer.from(`${lines.join("\n")}\n\n${message}`));
}

export function readCommit(objects: GitObjects, sha: string): CommitObject {
  const text = objects.read(sha, "commit").toString("utf8");
  const end = text.indexOf("\n\n");
  const lines = text.slice(0, end).split("\n");
  const all = (key: string) => lines.flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []));
  return {
    sha,
    tree: all("tree")[0] ?? "",
    parents: all("parent"),
    author: parseSignature(all("author")[0] ?? ""),
    committer: parseSignature(all("committer")[0] ?? ""),
    message: text.slice(end + 2).replace(/\n+$/, ""),
  };
}

function formatSignature({ name, email, date }: Signature): string {
  const clean = (text: string) => text.replaceAll(/[<>\n]/g, "").trim();
  return `${clean(name)} <${clean(email)}> ${Math.floor(Date.parse(date) / 1000)} +0000`;
}

function parseSignature(text: string): Signature {
  const [, name = "", email = "", seconds = "0"] = /^(.*?) ?<(.*)> (\d+) /.exec(text) ?? [];
  return { name, email, date: new Date(Number(seconds) * 1000).toISOString().replace(".000Z", "Z") };
}

/** A commit and all before it. */
export function historyOf(objects: GitObjects, tips: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  for (let open = [...tips]; open.length > 0; ) {
    const next = open.filter((id) => !seen.has(id));
    for (const id of next) seen.add(id);
    open = next.flatMap((id) => readCommit(objects, id).parents);
  }
  return seen;
}

/** Commits of `tip` that the others have not, oldest first, no commit before one of its parents: as `rev-list --reverse --topo-order`. */
export function newCommits(objects: GitObjects, tip: string, others: readonly string[]): readonly string[] {
  const old = historyOf(objects, others);
  const fresh = new Set([...historyOf(objects, [tip])].filter((id) => !old.has(id)));
  const parentsOf = (id: string) => readCommit(objects, id).parents.filter((parent) => fresh.has(parent));
  const children = new Map<string, number>();
  for (const parent of [...fresh].flatMap(parentsOf)) children.set(parent, (children.get(parent) ?? 0) + 1);
  const sorted: string[] = [];
  for (const open = fresh.has(tip) ? [tip] : []; open.length > 0; ) {
    const id = open.pop() ?? "";
    sorted.push(id);
    for (const parent of parentsOf(id)) {
      const left = (children.get(parent) ?? 0) - 1;
      children.set(parent, left);
      if (left === 0) open.push(parent);
    }
  }
  return sorted.reverse();
}

/** The newest commit of both histories that no other one of both has behind it. */
export function mergeBase(objects: GitObjects, one: string, other: string): string | undefined {
  const theirs = historyOf(objects, [other]);
  const shared = [...historyOf(objects, [one])].filter((id) => theirs.has(id));
  const behind = historyOf(
    objects,
    shared.flatMap((id) => readCommit(objects, id).parents),
  );
  const best = shared.filter((id) => !behind.has(id)).map((id) => readCommit(objects, id));
  return best.sort((a, b) => Date.parse(b.committer.date) - Date.parse(a.committer.date))[0]?.sha;
}
