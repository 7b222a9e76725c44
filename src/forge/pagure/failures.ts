import type { CommitStatus, StatusState } from "../forge.ts";
import { ensureComment } from "./comments.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { readPulls } from "./pull-listing.ts";

const failed: readonly StatusState[] = ["failure", "error", "timed-out"];
const mostRemarks = 50;

/**
 * A flag has one line. What failed, and how it is mended, is told once below the open pull requests that this commit is the head of: another run
 * that fails in the same way is no news, and its page is where the flag leads to.
 */
export async function tellFailure(world: PagureWorld, repository: string, commit: string, status: CommitStatus): Promise<void> {
  if (!failed.includes(status.state)) return;
  const { url: _, ...news } = status;
  const told = [`status ${status.name} ${commit}`, failureText(status), failureText(news)] as const;
  for await (const pulls of readPulls(world, repository, { status: "Open" })) {
    for (const { id, commit_stop: head } of pulls) {
      if (head === commit) await ensureComment(world, repository, id, ...told);
    }
  }
}

/**
 * Pure. Title and remarks are plain text and may hold what a stranger wrote: in a code span nothing of it is a mention, a link or a picture.
 * The summary is Markdown of our own already.
 */
export function failureText({ name, title, summary, url, annotations = [] }: CommitStatus): string {
  const remarks = annotations.slice(0, mostRemarks).map(({ path, line, message }) => `- ${codeOf(`${path}:${line}: ${message}`)}`);
  const left = annotations.length - remarks.length;
  const parts = [
    `${codeOf(name)}: ${codeOf(title)}`,
    summary.trim(),
    [...remarks, ...(left > 0 ? [`- and ${left} more`] : [])].join("\n"),
    url === undefined ? "" : `All about it: ${url}`,
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

const longestLine = 500;

function codeOf(text: string): string {
  const line = text
    .slice(0, longestLine)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ")
    .trim();
  return line === "" ? "-" : `\`${line.replaceAll("`", "'")}\``;
}
