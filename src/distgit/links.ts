import { type Finding, finding } from "./finding.ts";
import type { Tree } from "./tree.ts";

const maxHops = 40;

/** Symbolic links that lead out of the repository, directly or over other links. Pure; nothing is followed on disk. */
export function lintLinks(tree: Tree): readonly Finding[] {
  const links = new Map(tree.entries.flatMap((entry) => (entry.kind === "link" ? [[entry.path, entry.target] as const] : [])));
  return [...links].flatMap(([path, target]) => {
    const why = target.startsWith("/") ? "an absolute path" : leavesTree(path, links) ? "outside of the repository" : undefined;
    if (why === undefined) return [];
    const message = `this symbolic link leads to "${clip(target)}", ${why}; links must stay in the repository`;
    const fix = `Remove it: git rm "${clip(path)}". A link that the image needs is made in the Dockerfile: RUN ln -s ${clip(target)} <name>`;
    return [finding("distgit.link-outside", path, undefined, message, fix)];
  });
}

function leavesTree(path: string, links: ReadonlyMap<string, string>): boolean {
  const pending = path.split("/");
  const at: string[] = [];
  for (let hops = 0; pending.length > 0; ) {
    const part = pending.shift() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return true;
      continue;
    }
    at.push(part);
    const target = links.get(at.join("/"));
    if (target === undefined) continue;
    hops += 1;
    // A loop leads nowhere, so it can't lead outside; the builder reports it when it is used.
    if (hops > maxHops) return false;
    if (target.startsWith("/")) return true;
    at.pop();
    pending.unshift(...target.split("/"));
  }
  return false;
}

function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
