import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import type { CommitStatus, ForgePulls, Pull } from "../forge.ts";
import { mergesCleanly } from "../git/merge.ts";
import { checkCommit, isRepositoryName } from "../git/names.ts";
import { lackingCommits, readBlobs } from "../git/objects.ts";
import { findRef } from "../git/ref-files.ts";
import { changeRefs, isUnknownRepository, type Refs, untilWritten, writeBlob } from "../git/refs.ts";
import type { Permission } from "../permission.ts";
import { isPersonName } from "./person-name.ts";
import { proposeChange } from "./proposal.ts";
import { changeRecord, readStored } from "./pull-changes.ts";
import { findStored, type PullRecord, readSnapshot } from "./pull-record.ts";
import { readPullState } from "./pull-state.ts";
import type { LocalWorld } from "./world.ts";

/** Longest body of a pull request or comment, in characters. */
export const maxBodyLength = 65_536;

const Statuses = z.array(
  z.strictObject({
    name: z.string(),
    state: z.enum([
      ...([
        "pending",
        "running",
        "waiting-approval",
        "success",
        "failure",
        "error",
        "timed-out",
        "cancelled",
        "skipped",
        "neutral",
      ] as const),
    ]),
    title: z.string(),
    summary: z.string(),
    url: z.string().exactOptional(),
    key: z.string().exactOptional(),
  }),
);

/** Statuses, pull requests and comments, kept in the repository itself below refs/flibs. */
export function localPulls(world: LocalWorld): ForgePulls {
  const { git, repositories } = world;
  return {
    async setStatus(repository, commit, status) {
      const path = await repositories.path(repository);
      const [lacking] = await lackingCommits(git, path, [checkCommit(commit)]);
      if (lacking !== undefined) throw appError("forge.commit-unknown", `${repository} has no commit ${commit}`);
      await untilWritten(`the status of ${commit}`, async () => {
        const { blob, statuses } = await readStatuses(world, path, commit);
        const next = withStatus(statuses, status);
        if (JSON.stringify(next) === JSON.stringify(statuses)) return true;
        const to = await writeBlob(git, path, `${JSON.stringify(next, null, 1)}\n`);
        return (await changeRefs(git, path, [{ ref: `refs/flibs/statuses/${commit}`, from: blob, to }])) || undefined;
      });
    },
    async listStatuses(repository, commit) {
      return (await readStatuses(world, await repositories.path(repository), checkCommit(commit))).statuses;
    },
    async findPull(repository, number) {
      const path = await findPath(world, repository);
      if (path === undefined) return undefined;
      const stored = await findStored(git, path, number);
      return stored && readPull(world, repository, path, stored.record, stored.refs);
    },
    // flibs' own pages show them, at the address that a pull request names.
    pullUrl: () => undefined,
    listPulls: (repository, state) => listPulls(world, repository, state),
    async *listMergedPulls(repository) {
      // All records are read at once anyway.
      yield* [...(await listPulls(world, repository, "merged"))].reverse();
    },
    async listComments(repository, number) {
      const { record } = await readStored(world, repository, number);
      return record.comments.map(({ id, author, text, at }) => ({ id, author, text, at }));
    },
    async ensureComment(repository, number, key, text) {
      checkText(text);
      await changeRecord(world, repository, number, (record) => {
        const at = world.now().toISOString();
        const mine = record.comments.find((comment) => comment.key === key);
        if (mine?.text === text) return record;
        const comments = mine
          ? record.comments.map((comment) => (comment === mine ? { ...mine, text, at } : comment))
          : [...record.comments, { id: String(record.comments.length + 1), author: world.identity.name, text, at, key }];
        return { ...record, comments };
      });
    },
    // There are no reactions: answers are comments and statuses.
    react: async () => {},
    proposeChange: (change) => {
      checkText(change.title, 500);
      checkText(change.body);
      return proposeChange(world, change);
    },
    findPermission: (repository, person) => findPermission(world, repository, person),
  };
}

async function listPulls(world: LocalWorld, repository: string, state: Pull["state"] | "all"): Promise<readonly Pull[]> {
  const path = await findPath(world, repository);
  if (path === undefined) return [];
  const snapshot = await readSnapshot(world.git, path);
  const pulls: Pull[] = [];
  for (const { record } of snapshot.pulls) {
    // What ended stays so; only what the record calls open costs a look at git.
    if (state !== "all" && record.state !== "open" && record.state !== state) continue;
    const pull = await readPull(world, repository, path, record, snapshot.refs);
    if (state === "all" || pull.state === state) pulls.push(pull);
  }
  return pulls;
}

/** The rule: see docs/local-forge.md. */
export async function findPermission(world: LocalWorld, repository: string, person: string): Promise<Permission> {
  if (!isRepositoryName(repository) || (await findPath(world, repository)) === undefined) return "none";
  if (world.admins.includes(person)) return "admin";
  const may = world.writers ? world.writers.includes(person) : true;
  return may && isPersonName(person) ? "write" : "read";
}

export function checkText(text: string, longest: number = maxBodyLength): void {
  if (text.length <= longest) return;
  throw appError("forge.text-too-long", `the text has ${text.length} characters, the forge takes ${longest}`, { hint: "Shorten it" });
}

async function readPull(world: LocalWorld, repository: string, path: string, record: PullRecord, refs: Refs): Promise<Pull> {
  const { number, title, body, author, headBranch, baseBranch, openedAt } = record;
  const now = await readPullState(world.git, path, record, refs);
  const mergeable = now.state === "open" && (await mergesCleanly(world.git, path, now.baseHead, now.head));
  const url = world.publicUrl === undefined ? {} : { url: `${world.publicUrl.replace(/\/+$/, "")}/pulls/${repository}/${number}` };
  return { repository, number, title, body, author, headBranch, baseBranch, openedAt, ...now, mergeable, fromFork: false, ...url };
}

async function findPath(world: LocalWorld, repository: string): Promise<string | undefined> {
  return world.repositories.path(repository).catch((error: unknown) => {
    if (isUnknownRepository(error)) return undefined;
    throw error;
  });
}

async function readStatuses(
  world: LocalWorld,
  path: string,
  commit: string,
): Promise<{ blob: string | undefined; statuses: readonly CommitStatus[] }> {
  const ref = `refs/flibs/statuses/${commit}`;
  const blob = await findRef(path, ref);
  if (blob === undefined) return { blob, statuses: [] };
  const [content] = await readBlobs(world.git, path, [blob]);
  const parsed = Statuses.safeParse(JSON.parse(content?.toString("utf8") ?? "null"));
  if (parsed.success) return { blob, statuses: parsed.data };
  throw appError("forge.record-unreadable", `the statuses of ${commit} cannot be read`, { cause: parsed.error });
}

/** A second status of one name takes the first one's place; only known fields are kept, in one order. */
function withStatus(statuses: readonly CommitStatus[], { name, state, title, summary, url, key }: CommitStatus): readonly CommitStatus[] {
  const clean: CommitStatus = {
    name,
    state,
    title: title.slice(0, 140),
    summary: summary.slice(0, maxBodyLength),
    ...(url === undefined ? {} : { url }),
    ...(key === undefined ? {} : { key }),
  };
  const known = statuses.some((one) => one.name === name);
  return known ? statuses.map((one) => (one.name === name ? clean : one)) : [...statuses, clean];
}
