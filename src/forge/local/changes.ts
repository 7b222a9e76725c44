import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { ForgeEvent } from "../event.ts";
import { isUnknownRepository } from "../git/refs.ts";
import { type Change, eventOf } from "./delivery.ts";
import { settlePull } from "./pull-changes.ts";
import { type PullRecord, pullHeadRef, readSnapshot, type Snapshot } from "./pull-record.ts";
import { readPullState } from "./pull-state.ts";
import type { LocalWorld } from "./world.ts";

const SeenPull = z.strictObject({ state: z.enum(["open", "merged", "closed"]), head: z.string(), comments: z.number() });
type SeenPull = z.infer<typeof SeenPull>;

/** What the last sweep saw of a repository; `stamp` empty = look at it again in any case. */
const SeenRepository = z.strictObject({
  stamp: z.string(),
  heads: z.record(z.string(), z.string()),
  pulls: z.record(z.string(), SeenPull),
});
type SeenRepository = z.infer<typeof SeenRepository>;

const Cursor = z.strictObject({ version: z.literal(1), repositories: z.record(z.string(), SeenRepository) });

/** A directory changed so recently that the next change might bear the same time: its stamp is not kept. */
const freshMs = 2000;
const atATime = 4;

/**
 * See {@link ForgeInbox.changesSince}. The cursor holds what was seen, so the events are the difference to what is there. A repository whose
 * ref directories bear the same times as before is not looked into: with a thousand repositories only those that changed cost a git process.
 */
export async function changesSince(
  world: LocalWorld,
  forge: string,
  cursor: string | undefined,
): Promise<{ readonly events: readonly ForgeEvent[]; readonly cursor: string }> {
  const seen = parseCursor(cursor);
  const events: ForgeEvent[] = [];
  const next: Record<string, SeenRepository> = {};
  const names = await world.repositories.list();
  for (let i = 0; i < names.length; i += atATime) {
    const group = names.slice(i, i + atATime);
    const looks = await Promise.all(group.map((name) => look(world, name, Object.hasOwn(seen, name) ? seen[name] : undefined)));
    for (const [j, name] of group.entries()) {
      const found = looks[j];
      if (found === undefined) continue;
      next[name] = found.now;
      for (const { actor, change } of found.changes) events.push(eventOf({ forge, repository: name, actor }, change));
    }
  }
  return { events, cursor: JSON.stringify({ version: 1, repositories: next }) };
}

/** A cursor that cannot be read means: look at everything. */
function parseCursor(cursor: string | undefined): Readonly<Record<string, SeenRepository>> {
  if (cursor === undefined) return {};
  try {
    return Cursor.parse(JSON.parse(cursor)).repositories;
  } catch {
    return {};
  }
}

interface Told {
  readonly actor: string;
  readonly change: Change;
}

async function look(
  world: LocalWorld,
  name: string,
  before: SeenRepository | undefined,
): Promise<{ now: SeenRepository; changes: readonly Told[] } | undefined> {
  try {
    const path = await world.repositories.path(name);
    // The stamp is taken first: what changes while we look has another stamp the next time.
    const stamp = await stampOf(path);
    if (before !== undefined && stamp !== "" && stamp === before.stamp) return { now: before, changes: [] };
    const snapshot = await readSnapshot(world.git, path);
    return await compare(world, path, snapshot, stamp, before ?? { stamp: "", heads: {}, pulls: {} });
  } catch (error) {
    if (isUnknownRepository(error)) return undefined;
    throw error;
  }
}

async function compare(
  world: LocalWorld,
  path: string,
  snapshot: Snapshot,
  stamp: string,
  before: SeenRepository,
): Promise<{ now: SeenRepository; changes: readonly Told[] }> {
  const heads = Object.fromEntries(
    [...snapshot.refs].flatMap(([ref, commit]) => (ref.startsWith("refs/heads/") ? [[ref.slice("refs/heads/".length), commit]] : [])),
  );
  const changes: Told[] = [];
  for (const branch of new Set([...Object.keys(heads), ...Object.keys(before.heads)])) {
    const after = Object.hasOwn(heads, branch) ? heads[branch] : undefined;
    const old = Object.hasOwn(before.heads, branch) ? before.heads[branch] : undefined;
    if (after !== old)
      changes.push({ actor: "unknown", change: { kind: "branch-pushed", branch, ...(after === undefined ? {} : { after }) } });
  }
  const pulls: Record<string, SeenPull> = {};
  for (const stored of snapshot.pulls) {
    const { record } = stored;
    const { state, head, mergeCommit } = await readPullState(world.git, path, record, snapshot.refs);
    const now = { state, head, comments: record.comments.length };
    pulls[record.number] = now;
    changes.push(...pullChanges(record, { ...now, mergeCommit }, before.pulls[record.number], world.identity.name));
    // Written down, so that it stays known when the branch is gone. Lost races are for the next sweep.
    if (record.state === "open" && (state !== "open" || snapshot.refs.get(pullHeadRef(record.number)) !== head)) {
      await settlePull(world, path, stored, snapshot);
    }
  }
  return { now: { stamp, heads, pulls }, changes };
}

/** Pure: what happened to one pull request between two looks. */
function pullChanges(
  record: PullRecord,
  now: SeenPull & { readonly mergeCommit: string | undefined },
  before: SeenPull | undefined,
  ourName: string,
): readonly Told[] {
  const { number, author, endedBy = "unknown" } = record;
  const told: Told[] = [];
  if (now.state === "open" && before?.state !== "open")
    told.push({ actor: author, change: { kind: "pull-opened", number, head: now.head } });
  else if (now.state === "open" && before?.head !== now.head)
    told.push({ actor: "unknown", change: { kind: "pull-updated", number, head: now.head } });
  for (const { author: actor, id, text } of record.comments.slice(before?.comments ?? 0)) {
    if (actor !== ourName) told.push({ actor, change: { kind: "comment-added", number, comment: id, text } });
  }
  if (now.state === "merged" && before?.state !== "merged" && now.mergeCommit !== undefined) {
    told.push({ actor: endedBy, change: { kind: "pull-merged", number, base: record.baseBranch, mergeCommit: now.mergeCommit } });
  }
  if (now.state === "closed" && before?.state !== "closed") told.push({ actor: endedBy, change: { kind: "pull-closed", number } });
  return told;
}

/**
 * git writes a ref by renaming a lock file into its directory, and many refs by replacing `packed-refs`: the times of these directories and
 * that file tell whether any ref changed. Empty when something changed too recently to be told from the next change.
 */
async function stampOf(path: string): Promise<string> {
  const parts: string[] = [];
  let newest = 0;
  const add = async (name: string): Promise<boolean> => {
    const stat = await lstat(join(path, name), { bigint: true }).catch(() => undefined);
    if (stat === undefined) return false;
    parts.push(`${name}:${stat.ino}:${stat.mtimeNs}:${stat.isDirectory() ? "" : stat.size}`);
    newest = Math.max(newest, Number(stat.mtimeMs));
    return stat.isDirectory();
  };
  const walk = async (name: string): Promise<void> => {
    if (!(await add(name))) return;
    const entries = await readdir(join(path, name), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await walk(`${name}/${entry.name}`);
  };
  await add("packed-refs");
  for (const name of ["refs/heads", "refs/flibs/pulls", "refs/flibs/pull-heads"]) await walk(name);
  return Date.now() - newest < freshMs ? "" : parts.sort().join(" ");
}
