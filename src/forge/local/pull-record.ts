import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import type { Git } from "../git/git.ts";
import { readBlobs } from "../git/objects.ts";
import { findRef } from "../git/ref-files.ts";
import { type RefChange, type Refs, readRefs, writeBlob } from "../git/refs.ts";

/** What git does not know by itself about a pull request: a JSON blob at `refs/flibs/pulls/<number>`. */
export const PullRecord = z.strictObject({
  number: z.number().int().positive(),
  title: z.string(),
  body: z.string(),
  author: z.string(),
  headBranch: z.string(),
  baseBranch: z.string(),
  /** Head of the base branch when it was opened: a head branch set back to here was emptied, not merged. */
  baseAtOpen: z.string(),
  openedAt: z.string(),
  /** `open` may have been overtaken by a push: see pull-state.ts. */
  state: z.enum(["open", "merged", "closed"]),
  mergeCommit: z.string().optional(),
  /** Who merged or closed it. */
  endedBy: z.string().optional(),
  comments: z.array(
    z.strictObject({
      id: z.string(),
      author: z.string(),
      text: z.string(),
      at: z.string(),
      /** Only on comments of flibs: one per key. */
      key: z.string().optional(),
    }),
  ),
});
export type PullRecord = z.infer<typeof PullRecord>;

/** A repository's branches and pull requests at one moment. */
export interface Snapshot {
  readonly refs: Refs;
  /** By number, ascending. */
  readonly pulls: readonly StoredPull[];
}

export interface StoredPull {
  readonly record: PullRecord;
  /** Id of the blob, to compare and swap against. */
  readonly blob: string;
}

export const pullRef = (number: number) => `refs/flibs/pulls/${number}`;
/** Keeps the last seen head of a pull request from being pruned when its branch is deleted. */
export const pullHeadRef = (number: number) => `refs/flibs/pull-heads/${number}`;
export const branchRef = (branch: string) => `refs/heads/${branch}`;
/** The last head that flibs itself put on a proposal's branch: any other head is a person's. */
export const proposalRef = (branch: string) => `refs/flibs/proposals/${branch}`;

export async function readSnapshot(git: Git, path: string): Promise<Snapshot> {
  const refs = await readRefs(git, path, ["refs/heads", "refs/flibs/pulls", "refs/flibs/pull-heads", "refs/flibs/proposals"]);
  const blobs = [...refs].flatMap(([ref, blob]) => (ref.startsWith("refs/flibs/pulls/") ? [blob] : []));
  const contents = await readBlobs(git, path, blobs);
  const pulls = blobs.map((blob, i) => ({ blob, record: parseRecord(contents[i]?.toString("utf8") ?? "") }));
  return { refs, pulls: pulls.sort((a, b) => a.record.number - b.record.number) };
}

/**
 * One pull request and the refs that it stands on, without a look at the others. The record is read first: git decides what became of it since
 * (see pull-state.ts).
 */
export async function findStored(git: Git, path: string, number: number): Promise<(StoredPull & { readonly refs: Refs }) | undefined> {
  const blob = await findRef(path, pullRef(number));
  if (blob === undefined) return undefined;
  const [content] = await readBlobs(git, path, [blob]);
  const record = parseRecord(content?.toString("utf8") ?? "");
  const refs = new Map<string, string>();
  for (const ref of [pullHeadRef(number), branchRef(record.headBranch), branchRef(record.baseBranch)]) {
    const id = await findRef(path, ref);
    if (id !== undefined) refs.set(ref, id);
  }
  return { record, blob, refs };
}

/** The change that puts `record` in the place of what was read; `before` undefined for a new one. */
export async function recordChange(git: Git, path: string, record: PullRecord, before: string | undefined): Promise<RefChange> {
  return { ref: pullRef(record.number), from: before, to: await writeBlob(git, path, `${JSON.stringify(record, null, 1)}\n`) };
}

function parseRecord(text: string): PullRecord {
  try {
    return PullRecord.parse(JSON.parse(text));
  } catch (cause) {
    throw appError("forge.record-unreadable", "a pull request's record below refs/flibs/pulls cannot be read", { cause });
  }
}
