import { type Finding, finding } from "./finding.ts";
import type { Tree } from "./tree.ts";

const maxHops = 40;
const maxLinks = 10_000;
/** Characters of paths that are looked up for all links together; ten thousand usual links take three million. */
const maxCharacters = 16_000_000;

/** Symbolic links that lead out of the repository, directly or over other links. Pure; nothing is followed on disk. */
export function lintLinks(tree: Tree): readonly Finding[] {
  const links = new Map(tree.entries.flatMap((entry) => (entry.kind === "link" ? [[entry.path, entry.target] as const] : [])));
  const [first] = links.keys();
  if (first !== undefined && links.size > maxLinks) {
    const message = `the repository has more than ${maxLinks} symbolic links`;
    return [finding("distgit.link-outside", first, undefined, message, "Make them in the Dockerfile: RUN ln -s <target> <name>")];
  }
  const findings: Finding[] = [];
  const budget = { characters: maxCharacters };
  for (const [path, target] of links) {
    const end = target.startsWith("/") ? "absolute" : followLink(path, links, budget);
    if (end === "too long") {
      const message = "the symbolic links lead over each other too long to be followed to their end";
      return [
        ...findings,
        finding("distgit.link-outside", path, undefined, message, "Let each lead straight to its file, without detours"),
      ];
    }
    if (end === "inside") continue;
    const why = end === "absolute" ? "an absolute path" : "outside of the repository";
    const message = `this symbolic link leads to "${clip(target)}", ${why}; links must stay in the repository`;
    const fix = `Remove it: git rm "${clip(path)}". A link that the image needs is made in the Dockerfile: RUN ln -s ${clip(target)} <name>`;
    findings.push(finding("distgit.link-outside", path, undefined, message, fix));
  }
  return findings;
}

function followLink(path: string, links: ReadonlyMap<string, string>, budget: { characters: number }): "inside" | "outside" | "too long" {
  // Parts still to go, the next one last.
  const pending = path.split("/").reverse();
  // Every path from the root down to where we are, so that going up costs nothing.
  const at: string[] = [];
  for (let hops = 0; pending.length > 0; ) {
    const part = pending.pop() ?? "";
    budget.characters -= 1;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return "outside";
      continue;
    }
    const above = at.at(-1);
    const here = above === undefined ? part : `${above}/${part}`;
    budget.characters -= here.length;
    if (budget.characters < 0) return "too long";
    const target = links.get(here);
    if (target === undefined) {
      at.push(here);
      continue;
    }
    hops += 1;
    // A loop leads nowhere, so it can't lead outside; the builder reports it when it is used.
    if (hops > maxHops) return "inside";
    if (target.startsWith("/")) return "outside";
    budget.characters -= target.length;
    if (budget.characters < 0) return "too long";
    for (const step of target.split("/").reverse()) pending.push(step);
  }
  return "inside";
}

function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
