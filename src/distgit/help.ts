import { type Finding, finding } from "./finding.ts";
import { readTextFile } from "./text-file.ts";
import type { Tree } from "./tree.ts";

/** For those who run the image; becomes the man page /help.1. */
export const helpFile = "help.md";
const maxBytes = 64 * 1024;

export async function readHelp(tree: Tree): Promise<{ readonly text?: string; readonly findings: readonly Finding[] }> {
  const read = await readTextFile(tree, helpFile, maxBytes);
  if (read === undefined) return { findings: [] };
  if ("text" in read) return { text: read.text, findings: [] };
  return { findings: [finding("distgit.help-invalid", helpFile, undefined, `help.md ${read.problem}`, read.fix)] };
}
