import { type Finding, warning } from "./finding.ts";
import { readTextFile } from "./text-file.ts";
import type { Tree } from "./tree.ts";

const file = "additional-tags";
const maxBytes = 16 * 1024;
const maxTags = 50;

/**
 * Tags of the old file additional-tags, one a line, which come beside `latest` and `{version}`. Everything that is wrong with it is a warning, as in
 * OSBS; it counts for nothing when container.yaml has `tags`. OSBS lets no dash through, and neither do we: what it drops would appear
 * here as a tag that nobody has seen before.
 */
export async function readAdditionalTags(
  tree: Tree,
  overruled: boolean,
): Promise<{ readonly tags: readonly string[]; readonly findings: readonly Finding[] }> {
  const say = (line: number | undefined, message: string, fix: string) => warning("distgit.additional-tags", file, line, message, fix);
  const read = await readTextFile(tree, file, maxBytes);
  if (read === undefined) return { tags: [], findings: [] };
  if (overruled) {
    const message = "additional-tags is ignored, since container.yaml has tags";
    return { tags: [], findings: [say(undefined, message, "Remove it: git rm additional-tags")] };
  }
  if ("problem" in read) return { tags: [], findings: [say(undefined, `additional-tags ${read.problem}, so it is ignored`, read.fix)] };
  const findings = [
    say(
      undefined,
      "additional-tags is out of date",
      'Name the tags in container.yaml: tags: ["{version}", latest, …], and remove the file',
    ),
  ];
  const tags: string[] = [];
  for (const [index, line] of read.text.split("\n").entries()) {
    const tag = line.trim();
    if (tag === "") continue;
    if (!/^\w[\w.]{0,127}$/.test(tag)) {
      const message = `"${tag.slice(0, 140)}" is not taken for a tag: it may have at most 128 letters, digits, dots and underscores, no dash`;
      findings.push(say(index + 1, message, "Correct it, or name it in container.yaml, where dashes are allowed"));
    } else if (tags.length >= maxTags) {
      findings.push(say(index + 1, `additional-tags has more than ${maxTags} tags; the others are ignored`, "Remove tags"));
      break;
    } else if (!tags.includes(tag)) tags.push(tag);
  }
  return { tags, findings };
}
