import { type RawBuilder, type Selectable, sql } from "kysely";
import { appError } from "../domain/errors.ts";
import type { Log } from "../log.ts";
import type { Asked, JournalStore, Lease } from "../workflow/journal-store.ts";
import type { Ending, RunRequest, RunStatus } from "../workflow/run.ts";
import { type Database, isUniqueViolation, jsonb, lockName, storableText } from "./connection.ts";
import { newId } from "./new-id.ts";
import { openPresence, presenceClass } from "./presence.ts";
import { assembleEntry, assembleRun } from "./run-rows.ts";
import type { RunTable } from "./tables.ts";
import { inTransaction, unwrap } from "./transaction.ts";

const openStatuses: readonly RunStatus[] = ["queued", "running", "waiting"];
/** A job's clock is the database's, ours may be behind it a little. */
const earlyMs = 1000;

/** {@link JournalStore} in PostgreSQL. `now` is the clock of leases and wake-ups. */
export function journalStore(database: Database, url: string, log: Log, now: () => Date): JournalStore {
  const after = (ms: number) => new Date(now().getTime() + ms);

  return {
    async start(request, transaction) {
      const own = unwrap(transaction);
      // Runs of one subject get their numbers one after the other: turns are taken in the order of numbers.
      await lockName(own, `subject ${request.subject}`);
      const { key, known } = await findRequest(own, request.key);
      if (known !== undefined) return { run: known, created: false, asked: [] };
      const { run, created } = await insertRun(own, request, key, now());
      if (!created) return { run, created, asked: [] };
      if (request.whenBusy === "queue") return { run, created: true, asked: [] };
      const begun = request.whenBusy === "supersede";
      return { run, created: true, asked: await supersede(own, request.subject, run, begun, now()) };
    },

    async claim(run, holder, leaseMs, flows) {
      return await inTransaction(database, async (transaction) => {
        const own = unwrap(transaction);
        const found = await own.selectFrom("run").select("subject").where("id", "=", run).executeTakeFirst();
        if (!found) return undefined;
        await lockName(own, `subject ${found.subject}`);
        const row = await own
          .updateTable("run")
          .set({
            status: "running",
            waiting_for: null,
            lease_holder: holder,
            lease_until: after(leaseMs),
            fence: sql`fence + 1`,
            started_at: sql`case when ending is null then coalesce(started_at, ${now()}::timestamptz) else started_at end`,
          })
          .where("id", "=", run)
          .where("flow", "in", flows)
          .where("status", "in", openStatuses)
          .where("wake_at", "<=", after(earlyMs))
          .where(isFree(now()))
          .where(hasTurn)
          .returningAll()
          .executeTakeFirst();
        if (!row) return undefined;
        const entries = await own
          .selectFrom("journal")
          .selectAll()
          .select(sql<boolean>`result is null`.as("absent"))
          .where("run", "=", run)
          .execute();
        return {
          lease: { run, holder, fence: row.fence },
          run: assembleRun(row),
          ...(row.ending === null ? {} : { ending: row.ending }),
          entries: entries.map((entry) => ({ ...assembleEntry(entry), phase: entry.phase })),
        };
      }).catch((error: unknown) => {
        // The index that allows one lease for each subject was the last to object.
        if (isUniqueViolation(error)) return undefined;
        throw error;
      });
    },

    async renew(lease, leaseMs) {
      return (await change(database, lease, { lease_until: after(leaseMs) })).ending ?? undefined;
    },

    async record(lease, entry, transaction) {
      const own = unwrap(transaction);
      const row = await change(own, lease, { attempt: 0 });
      await own
        .insertInto("journal")
        .values({
          run: lease.run,
          step: entry.step,
          phase: entry.phase,
          result: entry.result === undefined ? null : jsonb(entry.result),
          started_at: new Date(entry.startedAt),
          finished_at: new Date(entry.finishedAt),
        })
        .execute();
      return row.ending ?? undefined;
    },

    async settle(lease, ending, transaction) {
      const row = await change(unwrap(transaction), lease, { ending: sql`coalesce(ending, ${jsonb(ending)})`, attempt: 0 });
      if (row.ending === null) throw new Error("a run's ending was not written");
      return row.ending;
    },

    async pause(lease, pause, transaction) {
      const late =
        pause.phase === "run"
          ? sql`case when ending is null then ${after(pause.afterMs)}::timestamptz else ${now()}::timestamptz end`
          : after(pause.afterMs);
      const row = await change(unwrap(transaction), lease, {
        status: pause.status,
        waiting_for: pause.waitingFor === undefined ? null : storableText(pause.waitingFor),
        attempt: pause.attempt,
        wake_at: late,
        lease_holder: null,
        lease_until: null,
      });
      return pause.phase === "run" && row.ending !== null ? 0 : pause.afterMs;
    },

    async end(lease, status, error, transaction) {
      const own = unwrap(transaction);
      const { subject } = await own.selectFrom("run").select("subject").where("id", "=", lease.run).executeTakeFirstOrThrow();
      // Lock first, as all do who lock both: a run that is being started now is either seen below, or sees this one ended.
      await lockName(own, `subject ${subject}`);
      await change(own, lease, {
        status,
        error: error === undefined ? null : jsonb(error),
        finished_at: now(),
        waiting_for: null,
        lease_holder: null,
        lease_until: null,
      });
      const next = await own
        .selectFrom("run")
        .select("id")
        .where("subject", "=", subject)
        .where("status", "in", openStatuses)
        .where("lease_holder", "is", null)
        .where("wake_at", "<=", now())
        .orderBy("seq")
        .limit(1)
        .executeTakeFirst();
      return next?.id;
    },

    ask: (run, ending, transaction) => ask(unwrap(transaction), run, ending, now()),

    async wake(run, transaction) {
      const row = await unwrap(transaction)
        .updateTable("run")
        .set({ wake_at: now() })
        .where("id", "=", run)
        .where("status", "=", "waiting")
        .returning("id")
        .executeTakeFirst();
      return row !== undefined;
    },

    async listDue(flows, limit = 1000) {
      const due = database
        .selectFrom("run")
        .select(["id", "seq", turnOf.as("turn"), servedAt.as("served")])
        .where("flow", "in", flows)
        .where("status", "in", openStatuses)
        .where("wake_at", "<=", now())
        .where(isFree(now()))
        .where(hasTurn);
      const rows = await database
        .selectFrom(due.as("due"))
        .select("id")
        .orderBy("turn")
        .orderBy(sql`served nulls first`)
        .orderBy("seq")
        .limit(limit)
        .execute();
      return rows.map((row) => row.id);
    },

    async find(run) {
      const row = await database.selectFrom("run").selectAll().where("id", "=", run).executeTakeFirst();
      return row && assembleRun(row);
    },

    async list(filter) {
      let query = database.selectFrom("run").selectAll().orderBy("seq", "desc").limit(filter.limit);
      if (filter.flow !== undefined) query = query.where("flow", "=", filter.flow);
      if (filter.subject !== undefined) query = query.where("subject", "=", filter.subject);
      if (filter.status !== undefined) query = query.where("status", "=", sql<RunStatus>`any(${[...filter.status]})`);
      return (await query.execute()).map(assembleRun);
    },

    async listEntries(run) {
      const rows = await database
        .selectFrom("journal")
        .selectAll()
        .select(sql<boolean>`result is null`.as("absent"))
        .where("run", "=", run)
        .orderBy("finished_at")
        .orderBy("started_at")
        .execute();
      return rows.map(assembleEntry);
    },

    openPresence: () => openPresence(url, log),
  };
}

/** Nobody holds it, the holder's time is up, or the holder's process has died. */
function isFree(now: Date): RawBuilder<boolean> {
  return sql<boolean>`(run.lease_until is null or run.lease_until < ${now}::timestamptz or not exists (
    select from pg_locks
    where locktype = 'advisory' and granted and objsubid = 2 and classid = ${presenceClass}::bigint::oid
      and objid = run.lease_holder::bigint::oid and database = (select oid from pg_database where datname = current_database())))`;
}

/** Older open runs of a subject come first. One that was asked to end before it began has nothing to disturb them with. */
const hasTurn = sql<boolean>`((run.ending is not null and run.started_at is null) or not exists (
  select from run as older where older.subject = run.subject and older.seq < run.seq and older.status in ('queued', 'running', 'waiting')))`;

/** Whom a run is for: a repository, or whatever else it alone is about. */
const owner = (run: "run" | "busy") => sql`coalesce(${sql.ref(`${run}.intent`)}->>'repository', ${sql.ref(`${run}.subject`)})`;

/** Its place among the runs of its flow that are for the same one, those at work first. */
const turnOf = sql<number>`row_number() over (partition by run.flow, ${owner("run")} order by run.seq) + (
  select count(*) from run as busy
  where busy.flow = run.flow and busy.status = 'running' and busy.lease_holder is not null and ${owner("busy")} = ${owner("run")})`;

/** When one of them was last begun; nobody forgets with it that the one who has fifty runs has had the place before. */
const servedAt = sql<Date | null>`(select max(busy.started_at) from run as busy where busy.flow = run.flow and ${owner("busy")} = ${owner("run")})`;

/**
 * The run that a key has already, else the key to take. A superseded run does not count: what it was asked for may be wanted again, as when a branch
 * is pushed back to an earlier commit. The key of the second run is made of the first one's, so that whoever asks gets the same.
 */
async function findRequest(database: Database, wanted: string): Promise<{ readonly key: string; readonly known?: string }> {
  for (let key = wanted; ; ) {
    const row = await database.selectFrom("run").select(["id", "status", "ending"]).where("request_key", "=", key).executeTakeFirst();
    if (!row) return { key };
    if (row.status !== "superseded" && row.ending?.status !== "superseded") return { key, known: row.id };
    key = `${wanted} again after ${row.id}`;
  }
}

/** Two may choose one id at the same time, and neither sees the other's before it is committed: whoever is late chooses another. */
async function insertRun(
  database: Database,
  { flow, subject, intent }: RunRequest,
  key: string,
  now: Date,
): Promise<{ readonly run: string; readonly created: boolean }> {
  for (;;) {
    const row = await database
      .insertInto("run")
      .values({ id: newId(now), flow, subject, intent: jsonb(intent), request_key: key, wake_at: now, created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (row) return { run: row.id, created: true };
    // The same key came for another subject at the same time.
    const other = await database.selectFrom("run").select("id").where("request_key", "=", key).executeTakeFirst();
    if (other) return { run: other.id, created: false };
  }
}

/** Without `begun` those that have begun are left to their end. */
async function supersede(database: Database, subject: string, run: string, begun: boolean, now: Date): Promise<readonly Asked[]> {
  const older = await database
    .selectFrom("run")
    .select("id")
    .where("subject", "=", subject)
    .where("id", "!=", run)
    .where("status", "in", openStatuses)
    .where("ending", "is", null)
    .where((where) => (begun ? where.lit(true) : where("started_at", "is", null)))
    .orderBy("seq")
    .execute();
  const asked: Asked[] = [];
  for (const { id } of older) {
    const one = await ask(database, id, { status: "superseded", reason: `superseded by ${run}` }, now);
    if (one) asked.push(one);
  }
  return asked;
}

async function ask(database: Database, run: string, ending: Ending, now: Date): Promise<Asked | undefined> {
  const row = await database
    .updateTable("run")
    .set({ ending: jsonb(ending), wake_at: now, attempt: 0 })
    .where("id", "=", run)
    .where("status", "in", openStatuses)
    .where("ending", "is", null)
    .returning("lease_holder")
    .executeTakeFirst();
  return row && { run, ending, idle: row.lease_holder === null };
}

/** Updates the run under its lease; throws `workflow.lease-lost` when the lease is not the newest any more. */
async function change(database: Database, lease: Lease, values: Record<string, unknown>): Promise<Selectable<RunTable>> {
  const row = await database
    .updateTable("run")
    .set(values as never)
    .where("id", "=", lease.run)
    .where("fence", "=", lease.fence)
    .where("lease_holder", "=", lease.holder)
    .returningAll()
    .executeTakeFirst();
  if (!row) throw appError("workflow.lease-lost", `run ${lease.run} was taken over by another worker`);
  return row;
}
