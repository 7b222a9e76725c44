import { appError } from "../../domain/errors.ts";
import { changeRefs, type Refs, untilWritten } from "../git/refs.ts";
import { findStored, type PullRecord, pullHeadRef, recordChange, type Snapshot, type StoredPull } from "./pull-record.ts";
import { readPullState } from "./pull-state.ts";
import type { LocalWorld } from "./world.ts";

/** A pull request with its surroundings. Throws `forge.pull-unknown` and `forge.repository-unknown`. */
export async function readStored(
  world: LocalWorld,
  repository: string,
  number: number,
): Promise<StoredPull & { readonly path: string; readonly refs: Refs }> {
  const path = await world.repositories.path(repository);
  const stored = await findStored(world.git, path, number);
  if (stored) return { ...stored, path };
  throw appError("forge.pull-unknown", `${repository} has no pull request #${number}`);
}

/** Compare and swap on one record; `change` returns its argument when there is nothing to do. */
export async function changeRecord(
  world: LocalWorld,
  repository: string,
  number: number,
  change: (record: PullRecord) => PullRecord,
): Promise<PullRecord> {
  return untilWritten(`pull request #${number}`, async () => {
    const { record, blob, path } = await readStored(world, repository, number);
    const next = change(record);
    if (next === record) return record;
    return (await changeRefs(world.git, path, [await recordChange(world.git, path, next, blob)])) ? next : undefined;
  });
}

/** Writes down what git shows already: merged by hand, branch deleted, new head. True when the record is as git is. */
export async function settlePull(world: LocalWorld, path: string, stored: StoredPull, snapshot: Snapshot): Promise<boolean> {
  const { record, blob } = stored;
  if (record.state !== "open") return true;
  const { state, head, mergeCommit } = await readPullState(world.git, path, record, snapshot.refs);
  const ref = pullHeadRef(record.number);
  const headChange = { ref, from: snapshot.refs.get(ref), to: head };
  if (state === "open" && headChange.from === head) return true;
  const next = { ...record, state, ...(mergeCommit === undefined ? {} : { mergeCommit }) };
  const changes = state === "open" ? [headChange] : [headChange, await recordChange(world.git, path, next, blob)];
  return changeRefs(world.git, path, changes);
}
