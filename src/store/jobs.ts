import type { PgBoss, WorkOptions } from "pg-boss";
import type { Log } from "../log.ts";
import type { JobQueue, Jobs } from "../workflow/journal-store.ts";
import { keptAlive, usualQueryMs } from "./connection.ts";
import { unwrap } from "./transaction.ts";

const queues: readonly JobQueue[] = ["runs", "deliveries"];

/** A job is only a hint, so pg-boss neither retries nor judges it: leases and sweeps do. A day is the longest it lets a handler work. */
const queueOptions = { notify: true, retryLimit: 0, expireInSeconds: 86_399, deleteAfterSeconds: 600, retentionSeconds: 7 * 86_400 };

/** A job within a transaction that is not Kysely's. */
export interface WakeUps {
  /**
   * An early job for a row, as {@link Jobs.send} makes one. `execute` is called once, with a text that is the same each time, and its last
   * parameter; when it is not called, the promise is rejected.
   */
  wake(
    queue: JobQueue,
    id: string,
    execute: (text: string, values: readonly unknown[]) => Promise<{ readonly rows: readonly unknown[] }>,
  ): Promise<void>;
}

/** {@link Jobs} on pg-boss; it is started by the first use, so that a command that only reads opens no connection for it. */
export function pgBossJobs(url: string, log: Log): Jobs & WakeUps & { start(): Promise<void>; stop(): Promise<void> } {
  let started: Promise<PgBoss> | undefined;
  const start = () => {
    started ??= startBoss(url, log).catch((error: unknown) => {
      started = undefined;
      throw error;
    });
    return started;
  };

  return {
    async start() {
      await start();
    },

    async send(queue, id, transaction, afterMs = 0) {
      const [boss, { fromKysely }] = await Promise.all([start(), import("pg-boss")]);
      // The `short` policy keeps one queued job for each key: an early and a late one, since the late one must not hold the early one up.
      const options = afterMs > 0 ? { startAfter: new Date(Date.now() + afterMs), singletonKey: `${id} later` } : { singletonKey: id };
      await boss.send(queue, { id }, { ...options, db: fromKysely(unwrap(transaction)) });
    },

    async wake(queue, id, execute) {
      const boss = await start();
      const executeSql = (text: string, values: unknown[] = []) => execute(text, values) as Promise<{ rows: unknown[] }>;
      await boss.insert(queue, [{ data: { id }, singletonKey: id }], { db: { executeSql } });
    },

    async work(queue, concurrency, look) {
      const boss = await start();
      const options = { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 10, batchSize: 1 };
      // One by one, since only the first of pg-boss' own `localConcurrency` could be woken up.
      for (let hand = 0; hand < concurrency; hand++) await workAlone(boss, queue, options, look);
    },

    async stopWork() {
      const boss = await started;
      if (!boss) return;
      await Promise.all(queues.map((queue) => boss.offWork(queue)));
    },

    async stop() {
      const boss = await started;
      started = undefined;
      await boss?.stop({ graceful: false, timeout: 1000 });
    },
  };
}

/** After a job pg-boss sleeps until it is told of a new one, however many wait: each job asks for the next, and the one that finds none sleeps. */
async function workAlone(boss: PgBoss, queue: JobQueue, options: WorkOptions, look: (id: string) => Promise<void>): Promise<void> {
  const worker: Promise<string> = boss.work<{ id: string }>(queue, options, async ([job]) => {
    if (job) await look(job.data.id);
    boss.notifyWorker(await worker);
  });
  await worker;
}

/** pg-boss takes a fifth of a second to load, which a command that only reads need not wait for. */
async function startBoss(url: string, log: Log): Promise<PgBoss> {
  const { PgBoss } = await import("pg-boss");
  // Handed on to the driver, whose pool closes a connection on which a query has failed.
  const driver = { ...keptAlive, query_timeout: usualQueryMs };
  const options = { connectionString: url, application_name: "flibs jobs", max: 3, schedule: false, useListenNotify: true };
  const boss = new PgBoss({ ...options, ...driver });
  boss.on("error", (error) => log.warn({ error: error.message }, "the job queue could not reach the database"));
  boss.on("warning", (warning) => log.debug({ warning: warning.message }, "the job queue has a remark"));
  await boss.start();
  for (const queue of queues) await boss.createQueue(queue, { ...queueOptions, policy: "short" });
  return boss;
}
