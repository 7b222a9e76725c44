import type { CommentAdded, ForgeEvent } from "../event.ts";
import { readComments } from "./comments.ts";
import { isRecent } from "./decode-message.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { untilThere } from "./patience.ts";
import { isSaid, type PullRequest } from "./schemas.ts";

type Comments = PullRequest["comments"];

/**
 * A message is a hint that something was said, never what was said by whom: everybody with ticket access may read the key that signs it. Of each
 * comment only its id is taken from there; author, text, time and whether it was edited are what Pagure's API says. What is not there, after a
 * moment of asking again, is left out and told in the log; when it comes later, the sweep finds it. `sentAt`: epoch seconds. Throws what the API
 * does, `forge.unreachable` above all.
 */
export async function readHeardComments(world: PagureWorld, events: readonly ForgeEvent[], sentAt: number): Promise<readonly ForgeEvent[]> {
  const believed: ForgeEvent[] = [];
  const read = new Map<string, Comments>();
  for (const event of events) {
    if (event.kind !== "comment-added") {
      believed.push(event);
      continue;
    }
    const { repository, number } = event;
    const place = `${repository}#${number}`;
    const ids = events.flatMap((one) => (isOf(one, repository, number) ? [Number(one.comment)] : []));
    const there = read.get(place) ?? (await untilAllThere(world, repository, number, ids));
    read.set(place, there);
    const comment = there.find(({ id }) => String(id) === event.comment);
    if (comment === undefined) {
      world.log.warn(
        { repository, pull: number, comment: event.comment },
        "a comment that a delivery told of is not there: not listened to",
      );
    } else if (isSaid(comment, world.user) && isRecent(comment, sentAt)) {
      believed.push({ ...event, actor: comment.user.name, text: comment.comment });
    }
  }
  return believed;
}

function isOf(event: ForgeEvent, repository: string, number: number): event is CommentAdded {
  return event.kind === "comment-added" && event.repository === repository && event.number === number;
}

/** Once for all that one message tells of, or somebody who makes up a hundred ids would make flibs wait a hundred times. */
async function untilAllThere(world: PagureWorld, repository: string, number: number, ids: readonly number[]): Promise<Comments> {
  let there: Comments = [];
  await untilThere(world.delay, async () => {
    there = (await readComments(world, repository, number)) ?? [];
    const found = new Set(there.map(({ id }) => id));
    return ids.every((id) => found.has(id)) ? there : undefined;
  });
  return there;
}
