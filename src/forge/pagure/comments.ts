import { createHash } from "node:crypto";
import { appError } from "../../domain/errors.ts";
import { cutComment } from "../cut-text.ts";
import type { ForgePulls, PullComment, Reaction } from "../forge.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { checkRepository } from "./client.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { Anything, isoTime, PullRequest } from "./schemas.ts";

/** Everybody who watches the project gets it as e-mail; Pagure itself would take more. */
export const maxBodyLength = 65_536;

/** Readers of the page do not see it; it stands last, so that an e-mail begins with what is said. */
function markerOf(key: string, news?: string): string {
  return `\n\n<!-- flibs:${hashOf(key)}${news === undefined ? "" : `:${hashOf(news)}`} -->`;
}

const anyMarker = /\n\n<!-- flibs:[0-9a-f]{32}(?::[0-9a-f]{32})? -->$/;

function isMarked(key: string, comment: string): boolean {
  return new RegExp(`<!-- flibs:${hashOf(key)}(?::[0-9a-f]{32})? -->$`).test(comment);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** All that is said below a pull request, but for what Pagure says itself, oldest first; undefined when there is no such pull request. */
export async function readComments(world: PagureWorld, repository: string, number: number): Promise<PullRequest["comments"] | undefined> {
  const found = await world.client.find(`${checkRepository(repository)}/pull-request/${number}`, PullRequest);
  return found?.comments.filter((one) => !one.notification).sort((a, b) => a.id - b.id);
}

async function demandComments(world: PagureWorld, repository: string, number: number): Promise<PullRequest["comments"]> {
  const found = await readComments(world, repository, number);
  if (found === undefined) throw appError("forge.pull-unknown", `${repository} has no pull request #${number}`);
  return found;
}

const inTurn = oneAtATime();

/**
 * A comment can't be edited and everybody gets a mail: what was said last under a key is not said again, another text is a new comment unless its
 * news are the same.
 */
export async function ensureComment(
  world: PagureWorld,
  repository: string,
  number: number,
  key: string,
  text: string,
  news?: string,
): Promise<void> {
  await inTurn(`${world.root} ${repository} ${number} ${key}`, async () => {
    const marker = markerOf(key, news);
    const comment = `${cutComment(text.replaceAll("\r\n", "\n"), maxBodyLength - marker.length)}${marker}`;
    const said = (await demandComments(world, repository, number)).filter((one) => one.user.name === world.user);
    const last = said.map((one) => one.comment.replaceAll("\r\n", "\n").trim()).findLast((one) => isMarked(key, one));
    if (last === comment.trim() || (news !== undefined && last?.endsWith(marker.trim()))) return;
    const path = `pull-request/${number}/comment`;
    // Without an answer nobody knows whether it stands there; whoever tries again looks first.
    await world.client.write(
      repository,
      { use: "reports", acl: "pull_request_comment", path, form: { comment }, repeatable: false },
      Anything,
    );
  });
}

export function pullComments(
  world: PagureWorld,
  setStatus: ForgePulls["setStatus"],
): Pick<ForgePulls, "listComments" | "ensureComment" | "react"> {
  return {
    async listComments(repository, number) {
      const found = await demandComments(world, repository, number);
      return found.map(({ id, user, comment, date_created: at }): PullComment => {
        const text = user.name === world.user ? comment.replace(anyMarker, "") : comment;
        return { id: String(id), author: user.name, text, at: isoTime(at) };
      });
    },
    ensureComment: (...args) => ensureComment(world, ...args),
    async react(repository, number, comment, reaction) {
      const pull = await world.client.find(`${checkRepository(repository)}/pull-request/${number}`, PullRequest, { comments: "false" });
      if (pull?.commit_stop == null) return;
      await setStatus(repository, pull.commit_stop, { name: commandStatus, ...words[reaction], summary: "", key: `comment ${comment}` });
    },
  };
}

/** Says that a command was seen, where comments take no reactions. */
export const commandStatus = "flibs / command";

const words = {
  seen: { state: "pending", title: "the command is seen" },
  done: { state: "success", title: "the command is carried out" },
  refused: { state: "cancelled", title: "not carried out: a comment says why" },
} as const satisfies Record<Reaction, { state: "pending" | "success" | "cancelled"; title: string }>;
