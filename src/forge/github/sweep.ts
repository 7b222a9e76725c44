import PQueue from "p-queue";
import { errorKind } from "../../domain/errors.ts";
import type { ForgeEvent } from "../event.ts";
import type { GithubWorld } from "./github-world.ts";
import { formatSweepCursor, parseSweepCursor, type SeenRepository, seenAs } from "./sweep-cursor.ts";
import { listingOf, type Open, readBranches, readComments, readEnded, readOpen } from "./sweep-reads.ts";
import { type InstalledRepository, listRepositories } from "./sweep-repositories.ts";

/** The limits let through ten requests; these leave room for others. */
const repositoriesAtOnce = 5;

interface Look {
  readonly now: SeenRepository;
  readonly events: readonly ForgeEvent[];
}

/**
 * See {@link ForgeInbox.changesSince}. The cursor holds what was seen, so the events are the difference to what is there; where nothing changed,
 * GitHub answers "304 Not Modified" and nothing is counted. A repository that is seen for the first time tells its branches and open pull
 * requests; what was commented and merged before is its past.
 */
export async function changesSince(
  world: GithubWorld,
  watched: { readonly namespace: string; readonly manifests: string },
  cursor: string | undefined,
): Promise<{ readonly events: readonly ForgeEvent[]; readonly cursor: string }> {
  const before = parseSweepCursor(cursor);
  const seen = new Map<string, SeenRepository>();
  const events: ForgeEvent[] = [];
  const queue = new PQueue({ concurrency: repositoriesAtOnce });
  const repositories = await listRepositories(world, watched);
  const looks = await Promise.all(
    repositories.map((one) =>
      queue.add(() => lookAt(world, one, before.get(one.name)).catch((error) => keepOld(world, one, before, error))),
    ),
  );
  for (const [i, { name }] of repositories.entries()) {
    const look = looks[i];
    if (look === undefined) continue;
    seen.set(name, look.now);
    events.push(...look.events);
  }
  return { events, cursor: formatSweepCursor(seen) };
}

/** A repository that was removed meanwhile or is broken must not hide the others; when GitHub cannot be reached, none was looked at. */
function keepOld(
  { log }: GithubWorld,
  { name }: InstalledRepository,
  before: ReadonlyMap<string, SeenRepository>,
  error: unknown,
): Look | undefined {
  if (errorKind(error) === "transient") throw error;
  log.warn({ repository: name, error }, "a repository could not be looked at by the sweep");
  const now = before.get(name);
  return now && { now, events: [] };
}

async function lookAt(world: GithubWorld, { name, installation }: InstalledRepository, before: SeenRepository | undefined): Promise<Look> {
  const common = { forge: world.name, repository: name };
  const listing = listingOf(world, name, installation);
  const branches = await readBranches(listing);
  const open = await readOpen(listing);
  // After the open ones: what is closed in between is in both lists and in neither never.
  const ended = await readEnded(listing, before);
  const comments = await readComments(world, listing, before);

  const events: ForgeEvent[] = [];
  for (const branch of new Set([...branches.keys(), ...Object.keys(before?.heads ?? {})])) {
    const after = branches.get(branch);
    if (after !== seenAs(before?.heads, branch)) events.push({ ...common, actor: "unknown", kind: "branch-pushed", branch, after });
  }
  for (const pull of open) events.push(...openEvents(common, pull, before));
  for (const { id, author, number, text, fromBot } of comments.fresh) {
    events.push({ ...common, actor: author, kind: "comment-added", number, comment: String(id), text, fromBot });
  }
  for (const { number, base, mergeCommit } of ended.fresh) {
    const told = { ...common, actor: "unknown", number };
    events.push(mergeCommit === undefined ? { ...told, kind: "pull-closed" } : { ...told, kind: "pull-merged", base, mergeCommit });
  }
  const now = {
    heads: Object.fromEntries(branches),
    open: Object.fromEntries(open.map(({ number, head }) => [String(number), head])),
    bases: Object.fromEntries(open.map(({ number, base }) => [String(number), base])),
    ...ended.seen,
    ...comments.seen,
  };
  return { now, events };
}

/** What is new about one that is open. */
function openEvents(
  common: Pick<ForgeEvent, "forge" | "repository">,
  { number, head, base, author, openedAt, changedAt }: Open,
  before: SeenRepository | undefined,
): readonly ForgeEvent[] {
  const [oldHead, oldBase] = [seenAs(before?.open, String(number)), seenAs(before?.bases, String(number))];
  if (oldHead === undefined) {
    // Older than the latest end of one: it may be the one that had ended.
    const again = before !== undefined && Date.parse(openedAt) <= Date.parse(before.endedAt);
    return [{ ...common, actor: author, kind: "pull-opened", number, head, request: again ? `opened again ${changedAt}` : undefined }];
  }
  const isElsewhere = oldBase !== undefined && oldBase !== base;
  if (oldHead === head && !isElsewhere) return [];
  const request = isElsewhere ? `into ${base} ${changedAt}` : undefined;
  return [{ ...common, actor: "unknown", kind: "pull-updated", number, head, request }];
}
