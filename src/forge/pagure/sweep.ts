import PQueue from "p-queue";
import { errorKind } from "../../domain/errors.ts";
import type { ForgeEvent } from "../event.ts";
import { isRepositoryName } from "../git/names.ts";
import { endOf } from "./decode-message.ts";
import { readBranches } from "./pagure-sources.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { findWhole, readPulls } from "./pull-listing.ts";
import { headOf } from "./pulls.ts";
import { isSaid, Projects, type PullRequest } from "./schemas.ts";
import { formatSweepCursor, parseSweepCursor, type SeenRepository, seenAs } from "./sweep-cursor.ts";

/** The client lets four requests through; these leave room for others. */
const repositoriesAtOnce = 2;

export interface Watched {
  readonly namespace: string;
  /** The registry-manifest repository, `namespace/name`. */
  readonly manifests: string;
}

interface Look {
  readonly now: SeenRepository;
  readonly events: readonly ForgeEvent[];
}

/**
 * See {@link ForgeInbox.changesSince}. Pagure sends once and tells nothing of what it sent, so what there is to know is in its listings: the
 * cursor holds what was seen, and the events are the difference to what is there. A repository that is seen for the first time tells its
 * branches and open pull requests; what was commented and merged before is its past.
 */
export async function changesSince(
  world: PagureWorld,
  watched: Watched,
  cursor: string | undefined,
): Promise<{ readonly events: readonly ForgeEvent[]; readonly cursor: string }> {
  const before = parseSweepCursor(cursor);
  const seen = new Map<string, SeenRepository>();
  const events: ForgeEvent[] = [];
  const queue = new PQueue({ concurrency: repositoriesAtOnce });
  const names = await listRepositories(world, watched);
  const looks = await Promise.all(
    names.map((name) => queue.add(() => lookAt(world, name, before.get(name)).catch((error) => keepOld(world, name, before, error)))),
  );
  for (const [i, name] of names.entries()) {
    const look = looks[i];
    if (look === undefined) continue;
    seen.set(name, look.now);
    events.push(...look.events);
  }
  return { events, cursor: formatSweepCursor(seen) };
}

/** Projects of the namespace without their forks, and the registry-manifest repository. */
export async function listRepositories(
  { client }: Pick<PagureWorld, "client">,
  { namespace, manifests }: Watched,
): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const { projects } of client.pages("projects", Projects, { namespace, fork: "false", short: "1" })) {
    for (const { fullname } of projects) if (isRepositoryName(fullname) && fullname.startsWith(`${namespace}/`)) names.add(fullname);
  }
  return [...names.add(manifests)];
}

/** A repository that was removed meanwhile or is broken must not hide the others; when Pagure cannot be reached, none was looked at. */
function keepOld({ log }: PagureWorld, name: string, before: ReadonlyMap<string, SeenRepository>, error: unknown): Look | undefined {
  if (errorKind(error) === "transient") throw error;
  log.warn({ repository: name, error }, "a repository could not be looked at by the sweep");
  const now = before.get(name);
  return now && { now, events: [] };
}

async function lookAt(world: PagureWorld, name: string, before: SeenRepository | undefined): Promise<Look | undefined> {
  const heads = await readBranches(world, name);
  // Listed, but not there: what was seen is kept, or all of its past would be news once it is there again.
  if (heads === undefined) return before && { now: before, events: [] };
  const common = { forge: world.name, repository: name, actor: "unknown" };
  // Before the open ones: what is opened after them has a higher number.
  const newest = before?.newest ?? (await findNewest(world, name));
  const open = await readOpen(world, name);
  // After the open ones: what ends in between is in both lists and in neither never.
  const { others, unreadable } = before === undefined ? { others: [], unreadable: [] } : await readOthers(world, name, before, open);
  const events: ForgeEvent[] = [];
  for (const branch of new Set([...heads.keys(), ...Object.keys(before?.heads ?? {})])) {
    const after = heads.get(branch);
    if (after !== seenAs(before?.heads, branch)) events.push({ ...common, kind: "branch-pushed", branch, after });
  }
  for (const pull of open) events.push(...openEvents(common, pull, headOf(name, pull, heads), before));
  for (const pull of [...open, ...others]) if (before !== undefined) events.push(...newComments(world, common, pull, before));
  for (const pull of others) if (pull.status !== "Open") events.push(...endOf(common, pull, pull.status === "Merged"));
  const seen = open.map((pull) => [
    String(pull.id),
    { head: headOf(name, pull, heads), base: pull.branch, comments: pull.comments.map(({ id }) => id) },
  ]);
  const kept = unreadable.map((number) => [String(number), seenAs(before?.open, String(number))]);
  const now = {
    heads: Object.fromEntries(heads),
    open: Object.fromEntries([...seen, ...kept]),
    newest: Math.max(newest, ...[...open, ...others].map(({ id }) => id)),
  };
  return { now, events };
}

/** Highest number of a pull request, however that one ended; 0 when there is none. */
async function findNewest(world: PagureWorld, name: string): Promise<number> {
  for await (const [newest] of readPulls(world, name, { status: "all", size: 1 })) if (newest !== undefined) return newest.id;
  return 0;
}

async function readOpen(world: PagureWorld, name: string): Promise<readonly PullRequest[]> {
  const open: PullRequest[] = [];
  for await (const pulls of readPulls(world, name, { status: "Open" })) open.push(...pulls);
  return open.sort((a, b) => a.id - b.id);
}

interface Others {
  readonly others: readonly PullRequest[];
  /** Numbers of those that were seen before and cannot be read now. */
  readonly unreadable: readonly number[];
}

/** Those that were open and are not any more, and those that came and went between two looks. */
async function readOthers(world: PagureWorld, name: string, before: SeenRepository, open: readonly PullRequest[]): Promise<Others> {
  const isOpen = new Set(open.map(({ id }) => id));
  const found = new Map<number, PullRequest>();
  // Newest first, so that those that came since stand at the beginning.
  for await (const pulls of readPulls(world, name, { status: "all", size: 20 })) {
    const since = pulls.filter(({ id }) => id > before.newest);
    for (const pull of since) if (!isOpen.has(pull.id) && pull.status !== "Open") found.set(pull.id, pull);
    if (since.length < pulls.length) break;
  }
  const unreadable: number[] = [];
  for (const number of Object.keys(before.open).map(Number)) {
    if (isOpen.has(number) || found.has(number)) continue;
    const pull = await findWhole(world, name, number);
    if (pull === "unreadable") unreadable.push(number);
    else if (pull !== undefined) found.set(number, pull);
  }
  return { others: [...found.values()].sort((a, b) => a.id - b.id), unreadable };
}

/** What is new about one that is open. */
function openEvents(
  common: Pick<ForgeEvent, "forge" | "repository" | "actor">,
  { id: number, user, branch, last_updated: changedAt }: PullRequest,
  head: string,
  before: SeenRepository | undefined,
): readonly ForgeEvent[] {
  const old = seenAs(before?.open, String(number));
  if (old === undefined) {
    const again = before !== undefined && number <= before.newest;
    return [{ ...common, actor: user.name, kind: "pull-opened", number, head, request: again ? `opened again ${changedAt}` : undefined }];
  }
  const isElsewhere = old.base !== undefined && old.base !== branch;
  if (old.head === head && !isElsewhere) return [];
  return [{ ...common, kind: "pull-updated", number, head, request: isElsewhere ? `into ${branch} ${changedAt}` : undefined }];
}

/** Not in the set of those seen; a number that is higher than the highest tells nothing, since they come in any order. */
function newComments(
  { user }: PagureWorld,
  common: Pick<ForgeEvent, "forge" | "repository">,
  { id: number, comments }: PullRequest,
  before: SeenRepository,
): readonly ForgeEvent[] {
  const seen = new Set(seenAs(before.open, String(number))?.comments);
  const fresh = comments.filter((one) => isSaid(one, user) && !seen.has(one.id));
  return fresh.map(({ id, comment: text, user: { name: actor } }) => ({
    ...{ ...common, actor, kind: "comment-added", number, comment: String(id), text, fromBot: false },
  }));
}
