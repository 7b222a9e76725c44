import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { z } from "zod";
import { appError } from "../../../src/domain/errors.ts";
import { newId } from "../../../src/store/new-id.ts";
import type { Ending } from "../../../src/workflow/run.ts";
import { type Step, Suspended } from "../../../src/workflow/step.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { flowOf, gate, type Intent, openWorld, untilAborted, type World } from "./workflow-world.ts";

let database: TestDatabase;
let world: World;
/** What the flow under test does; each test writes its own. */
let body: (step: Step, intent: Intent) => Promise<void>;
let lastWords: ((step: Step, intent: Intent, ending: Ending) => Promise<void>) | undefined;
let waits: string[];

beforeAll(async () => {
  database = await testDatabase();
});

beforeEach(async () => {
  waits = [];
  lastWords = undefined;
  world = await openWorld(database, (told) => ({
    ...flowOf(
      told,
      (step, intent) => body(step, intent),
      async (step, intent, ending) => {
        await step("say how it ended", z.void(), async () => void told.push(`finish ${ending.status}`));
        await lastWords?.(step, intent, ending);
      },
    ),
    waiting: async (_run, _intent, waitingFor) => void waits.push(waitingFor),
  }));
});

afterEach(async () => {
  await world.close();
  await database.query("delete from run");
});

afterAll(async () => database.drop());

const nothing = z.void();
const unavailable = () => appError("store.unavailable", "the registry is down");

describe("starting", () => {
  test("a run's first step begins at once, asked for in this process or in another", async () => {
    let began = 0;
    body = async (step) =>
      step("begin", nothing, async () => {
        began = Date.now();
      });
    const worker = await world.worker();
    await world.untilEnded(await worker.runs.start(world.request("warm up")));
    for (const from of [worker, world.desk]) {
      const asked = Date.now();
      const run = await from.runs.start(world.request(`quick ${from === worker}`));
      await world.untilEnded(run);
      expect(began - asked).toBeLessThan(5000);
    }
  });

  test("far more runs than a worker does at a time are done without a pause after each", async () => {
    body = async (step) => step("work", nothing, async () => {});
    const runs: string[] = [];
    for (let index = 0; index < 60; index++) runs.push(await world.desk.runs.start(world.request(`one of many ${index}`)));
    await world.worker();
    // Nothing new comes that would wake the worker up. A pause of ten seconds after each run would make it two and a half minutes.
    const deadline = Date.now() + 60_000;
    const isOpen = async () => (await world.desk.runs.list({ limit: 100, status: ["queued", "running"] })).length > 0;
    while ((await isOpen()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    const statuses = await Promise.all(runs.map(async (run) => (await world.desk.runs.find(run))?.status));
    expect(statuses).toEqual(runs.map(() => "done"));
  });

  test("a second request with the same key gives the first one's run", async () => {
    body = async (step) => step("begin", nothing, async () => void world.told.push("begin"));
    const request = world.request("once");
    const runs = await Promise.all([1, 2, 3, 4].map(() => world.desk.runs.start(request)));
    expect(new Set(runs).size).toBe(1);
    await world.worker();
    await world.untilEnded(runs[0] ?? "");
    expect(await world.desk.runs.start(request)).toBe(runs[0]);
    expect(world.told).toEqual(["begin", "finish done"]);
  });

  test("a run is started in the caller's transaction, or not at all", async () => {
    const request = world.request("rolled back");
    const before = (await world.desk.runs.list({ limit: 10 })).length;
    const undone = world.store.transaction(async (transaction) => {
      await world.desk.runs.start(request, transaction);
      throw new Error("changed my mind");
    });
    await expect(undone).rejects.toThrow("changed my mind");
    expect(await world.desk.runs.list({ limit: 10 })).toHaveLength(before);
  });

  test("a flow that does not exist and an intent that its flow cannot read are refused", async () => {
    await expect(world.desk.runs.start(world.request("x", { flow: "dance" }))).rejects.toMatchObject({ code: "workflow.flow-unknown" });
    await expect(world.desk.runs.start(world.request("x", { intent: 7 }))).rejects.toMatchObject({ code: "workflow.intent-invalid" });
  });

  test("ids that others are about to take are left to them", async () => {
    const at = new Date();
    const { journal, transaction } = await database.open({ now: () => at, advance: () => {} });
    const start = (name: string) => transaction((own) => journal.start(world.request(name), own));
    const prefix = newId(at).slice(0, -3);
    const letters = [..."0123456789abcdefghjkmnpqrstvwxyz"];
    // Half of all ids of this tenth of a second, written and not committed when the others choose theirs.
    const taken = letters.flatMap((a) => letters.flatMap((b) => letters.slice(16).map((c) => `${prefix}${a}${b}${c}`)));
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      await client.query("begin");
      await client.query(
        `insert into run (id, flow, subject, intent, request_key, wake_at, created_at)
         select id, 'test', id, '{}', id, now(), now() from unnest($1::text[]) as taken (id)`,
        [taken],
      );
      const started = Promise.allSettled(Array.from({ length: 20 }, (_, index) => start(`${index}`)));
      const waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      while ((await database.query(waiting)).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await client.query("commit");
      const ids = (await started).map((one) => (one.status === "fulfilled" ? one.value.run : one.reason));
      expect(new Set(ids).size).toBe(20);
      for (const id of ids) expect(id).toMatch(new RegExp(`^${prefix}[0-9a-z]{2}[0-9a-f]$`));
    } finally {
      await client.end();
    }
  });

  test("ids are short and tell the day", async () => {
    body = async () => undefined;
    expect(await world.desk.runs.start(world.request("named"))).toMatch(/^20\d{6}-[0-9a-z]{7}$/);
  });
});

describe("steps", () => {
  test("write changes the database and the journal together: both or none, and once", async () => {
    let failing = true;
    body = async (step) => {
      await step.write("count", nothing, async (transaction) => {
        await world.store.cursors.saveCursor("count", failing ? "failed" : "done", transaction);
        if (failing) throw unavailable();
      });
    };
    await world.worker({ backOff: { tries: 3, firstMs: 60_000, longestMs: 60_000 } });
    const run = await world.desk.runs.start(world.request("write"));
    await world.until(run, (one) => one.status === "waiting");
    expect(await world.store.cursors.findCursor("count")).toBeUndefined();
    failing = false;
    world.clock.advance(61_000);
    await world.untilEnded(run);
    expect(await world.store.cursors.findCursor("count")).toBe("done");
    expect((await world.desk.runs.journal(run)).map((entry) => entry.step)).toEqual(["count", "say how it ended"]);
  });

  test("text that PostgreSQL cannot hold does not stop a run", async () => {
    body = async (step) => void (await step("read labels", z.record(z.string(), z.string()), async () => ({ "a\0b": "c\0d\uD800" })));
    await world.worker();
    const run = await world.desk.runs.start(world.request("nul"));
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
    expect((await world.desk.runs.journal(run))[0]?.result).toEqual({ "a\uFFFDb": "c\uFFFDd\uFFFD" });
  });

  test("when one of several steps fails, finish waits for the others", async () => {
    const slow = gate();
    body = async (step) => {
      await Promise.all([
        step("slow", nothing, async () => {
          await slow.opened;
          world.told.push("slow ended");
        }),
        step("fast", nothing, async () => {
          setTimeout(slow.open, 50);
          throw new Error("broken");
        }),
      ]);
    };
    await world.worker();
    expect(await world.untilEnded(await world.desk.runs.start(world.request("siblings")))).toMatchObject({ status: "failed" });
    expect(world.told).toEqual(["slow ended", "finish failed"]);
  });
});

describe("errors", () => {
  test("a transient one is tried again after a pause, and said", async () => {
    let tries = 0;
    body = async (step) =>
      step("push", nothing, async () => {
        if (++tries < 3) throw unavailable();
      });
    await world.worker();
    const run = await world.desk.runs.start(world.request("retry"));
    expect(await world.until(run, (one) => one.status === "waiting")).toMatchObject({ attempt: 1, waitingFor: "the registry is down" });
    world.clock.advance(5001);
    expect(await world.until(run, (one) => one.attempt === 2)).toMatchObject({ status: "waiting" });
    world.clock.advance(10_001);
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
    expect(waits).toEqual(["the registry is down", "the registry is down"]);
  });

  test("one that says when it passes is waited for until then, in the run and in its last words, and costs no try", async () => {
    const minutes = (after: number) => new Date(world.clock.now().getTime() + after * 60_000).toISOString();
    const [first, second] = [minutes(55), minutes(110)];
    const limitedUntil = (retryAt: string) => async () => {
      if (minutes(0) < retryAt) throw appError("forge.rate-limited", "GitHub takes no more requests", { details: { retryAt } });
    };
    body = async (step) => step("push", nothing, limitedUntil(first));
    lastWords = async (step) => step("set status", nothing, limitedUntil(second));
    await world.worker({ backOff: { tries: 1, firstMs: 5000, longestMs: 5000 } });
    const run = await world.desk.runs.start(world.request("limited"));
    expect(await world.until(run, (one) => one.status !== "queued" && one.status !== "running")).toMatchObject({
      status: "waiting",
      attempt: 0,
    });
    world.clock.advance(54 * 60_000);
    expect(await world.desk.sweep()).toBe(0);
    world.clock.advance(2 * 60_000);
    const finishing = await world.until(run, (one) => one.ending !== undefined && one.status !== "running");
    expect(finishing).toMatchObject({ status: "waiting", attempt: 0, ending: { status: "done" } });
    world.clock.advance(55 * 60_000);
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
  });

  test("when the budget is spent the run has failed", async () => {
    body = async (step) => step("push", nothing, () => Promise.reject(unavailable()));
    await world.worker({ backOff: { tries: 3, firstMs: 1, longestMs: 1 } });
    const run = await world.desk.runs.start(world.request("budget"));
    expect(await world.untilEnded(run)).toMatchObject({ status: "failed", error: { code: "store.unavailable" } });
    expect(world.told).toEqual(["finish failed"]);
  });

  test("progress gives a new budget: only tries in a row count", async () => {
    const failed = new Set<string>();
    body = async (step) => {
      for (const name of ["a", "b", "c", "d"]) {
        await step(name, nothing, async () => {
          if (failed.has(name)) return;
          failed.add(name);
          throw unavailable();
        });
      }
    };
    await world.worker({ backOff: { tries: 2, firstMs: 1, longestMs: 1 } });
    expect(await world.untilEnded(await world.desk.runs.start(world.request("progress")))).toMatchObject({ status: "done" });
  });

  test.each([
    { name: "the maintainer's", error: () => appError("domain.nvr-invalid", "no such version"), status: "failed" },
    { name: "ours", error: () => new TypeError("x is undefined"), status: "failed" },
    { name: "a stale one", error: () => appError("workflow.cancelled", "the branch has moved on"), status: "superseded" },
  ])("$name ends the run at once: $status", async ({ error, status }) => {
    body = async (step) => step("work", nothing, () => Promise.reject(error()));
    await world.worker();
    expect(await world.untilEnded(await world.desk.runs.start(world.request(status)))).toMatchObject({ status });
    expect(world.told).toEqual([`finish ${status}`]);
  });
});

describe("waiting", () => {
  test("a suspended run waits without a worker and goes on when its time has come", async () => {
    let up = false;
    body = async (step) => {
      await step("look", nothing, async () => undefined);
      if (!up) throw new Suspended("the engine", 60_000);
    };
    const worker = await world.worker();
    const run = await worker.runs.start(world.request("suspended"));
    expect(await world.until(run, (one) => one.status === "waiting")).toMatchObject({ waitingFor: "the engine", attempt: 0 });
    expect(await world.desk.sweep()).toBe(0);
    up = true;
    world.clock.advance(60_001);
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
  });

  test("it can be woken before", async () => {
    let up = false;
    body = async () => {
      if (!up) throw new Suspended("the engine", 3_600_000);
    };
    await world.worker();
    const run = await world.desk.runs.start(world.request("woken"));
    await world.until(run, (one) => one.status === "waiting");
    up = true;
    await world.desk.runs.wake(run);
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
  });
});

describe("cancelling", () => {
  test("aborts the step under way and finishes", async () => {
    const begun = gate();
    body = async (step) =>
      step("build", nothing, async (_key, signal) => {
        begun.open();
        await untilAborted(signal);
      });
    const worker = await world.worker();
    const run = await worker.runs.start(world.request("cancelled"));
    await begun.opened;
    expect(await worker.runs.cancel(run, "by alice")).toBe(true);
    expect(await world.untilEnded(run)).toMatchObject({ status: "cancelled" });
    expect(world.told).toEqual(["finish cancelled"]);
    expect(await worker.runs.cancel(run, "again")).toBe(false);
  });

  test("reaches a run that another process works on", async () => {
    const begun = gate();
    body = async (step) =>
      step("build", nothing, async (_key, signal) => {
        begun.open();
        await untilAborted(signal);
      });
    await world.worker({ leaseMs: 600 });
    const run = await world.desk.runs.start(world.request("cancelled elsewhere"));
    await begun.opened;
    await world.desk.runs.cancel(run, "by alice");
    expect(await world.untilEnded(run)).toMatchObject({ status: "cancelled" });
  });

  test("a run that waits ends at once", async () => {
    body = () => Promise.reject(new Suspended("the engine", 3_600_000));
    await world.worker();
    const run = await world.desk.runs.start(world.request("cancelled waiting"));
    await world.until(run, (one) => one.status === "waiting");
    await world.desk.runs.cancel(run, "by alice");
    expect(await world.untilEnded(run)).toMatchObject({ status: "cancelled" });
    expect(world.told).toEqual(["finish cancelled"]);
  });

  test("a run that has not begun finishes all the same, even behind one that is at work", async () => {
    const hold = gate();
    body = async (step) => step("hold", nothing, () => hold.opened);
    const worker = await world.worker();
    const first = await worker.runs.start(world.request("busy"));
    const second = await worker.runs.start(world.request("busy"));
    await worker.runs.cancel(second, "by alice");
    expect(await world.untilEnded(second)).toMatchObject({ status: "cancelled" });
    expect(world.told).toEqual(["finish cancelled"]);
    hold.open();
    expect(await world.untilEnded(first)).toMatchObject({ status: "done" });
  });
});

describe("one run at a time for each subject", () => {
  test("a queued one waits its turn, others do not", async () => {
    const hold = gate();
    body = async (step, intent) =>
      step("work", nothing, async () => {
        world.told.push(`begin ${intent.name}`);
        if (intent.name === "a1") await hold.opened;
        world.told.push(`end ${intent.name}`);
      });
    await world.worker();
    await world.worker();
    const first = await world.desk.runs.start(world.request("a", { intent: { name: "a1" } }));
    const second = await world.desk.runs.start(world.request("a", { intent: { name: "a2" } }));
    const other = await world.desk.runs.start(world.request("b"));
    await world.untilEnded(other);
    expect(await world.desk.runs.find(second)).toMatchObject({ status: "queued" });
    hold.open();
    await world.untilEnded(first);
    await world.untilEnded(second);
    expect(world.told.filter((line) => /a[12]/.test(line))).toEqual(["begin a1", "end a1", "begin a2", "end a2"]);
  });

  test("a newer commit takes the place of the run at work and of those in the queue, which all finish first", async () => {
    const begun = gate();
    body = async (step, intent) =>
      step("work", nothing, async (_key, signal) => {
        world.told.push(`begin ${intent.name}`);
        begun.open();
        if (intent.name !== "new") await untilAborted(signal);
      });
    lastWords = async (step, intent) => step("free", nothing, async () => void world.told.push(`freed ${intent.name}`));
    const worker = await world.worker();
    const old = await worker.runs.start(world.request("s", { intent: { name: "old" } }));
    await begun.opened;
    const queued = await worker.runs.start(world.request("s", { intent: { name: "queued" } }));
    const newest = await worker.runs.start(world.request("s", { intent: { name: "new" }, whenBusy: "supersede" }));
    expect(await world.untilEnded(newest)).toMatchObject({ status: "done" });
    const ending = { status: "superseded", reason: expect.stringMatching(/^superseded by \S+$/) };
    expect(await world.desk.runs.find(old)).toMatchObject({ status: "superseded", ending });
    const own = await world.desk.runs.list({ subject: world.request("s").subject, limit: 10 });
    expect(own.map((run) => run.id)).toEqual([newest, queued, old]);
    expect(await world.untilEnded(queued)).toMatchObject({ status: "superseded" });
    expect(world.told.indexOf("freed old")).toBeLessThan(world.told.indexOf("begin new"));
    expect(world.told).not.toContain("begin queued");
  });

  test("what was superseded may be asked for again: a branch that is pushed back to an earlier commit", async () => {
    const begun = gate();
    body = async (step, intent) =>
      step("work", nothing, async (_key, signal) => {
        world.told.push(`begin ${intent.name}`);
        begun.open();
        if (world.told.length === 1) await untilAborted(signal);
      });
    const worker = await world.worker();
    const push = (name: string) => world.request("branch", { intent: { name }, key: `build branch ${name}`, whenBusy: "supersede" });
    const first = await worker.runs.start(push("A"));
    await begun.opened;
    await worker.runs.start(push("B"));
    const [back, twice] = await Promise.all([worker.runs.start(push("A")), worker.runs.start(push("A"))]);
    expect(back).toBe(twice);
    expect(back).not.toBe(first);
    expect(await world.untilEnded(back)).toMatchObject({ status: "done" });
    expect(await world.desk.runs.find(first)).toMatchObject({ status: "superseded" });
  });

  test("long runs of one flow leave room, and those left lying are taken up when one ends", async () => {
    const first = gate();
    const leave = gate();
    let atWork = 0;
    let most = 0;
    body = async (step, intent) =>
      step("work", nothing, async () => {
        most = Math.max(most, ++atWork);
        if (intent.name === "1") first.open();
        await leave.opened;
        atWork -= 1;
      });
    const worker = await world.worker({ most: { [world.request("x").flow]: 1 } });
    const runs = [await worker.runs.start(world.request("a", { intent: { name: "1" } }))];
    await first.opened;
    for (const subject of ["b", "c"]) runs.push(await worker.runs.start(world.request(subject)));
    leave.open();
    for (const run of runs) expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
    expect(most).toBe(1);
  });

  test("twenty requests from four workers at once still take turns", async () => {
    let atWork = 0;
    let most = 0;
    body = async (step) =>
      step("work", nothing, async () => {
        most = Math.max(most, ++atWork);
        await new Promise((resolve) => setTimeout(resolve, 3));
        atWork--;
      });
    const workers = await Promise.all([world.worker(), world.worker(), world.worker()]);
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (workers[index % 3] ?? world.desk).runs.start(world.request("crowded"))),
    );
    for (const run of runs) expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
    expect(most).toBe(1);
  });
});

describe("finish", () => {
  test("is tried again when something is down, and does not repeat what it has done", async () => {
    let tries = 0;
    body = async () => undefined;
    lastWords = async (step) =>
      step("set status", nothing, async () => {
        if (++tries === 1) throw unavailable();
      });
    await world.worker({ backOff: { tries: 3, firstMs: 1, longestMs: 1 } });
    expect(await world.untilEnded(await world.desk.runs.start(world.request("finish")))).toMatchObject({ status: "done" });
    expect(world.told).toEqual(["finish done"]);
    expect(tries).toBe(2);
  });

  test("its own mistake fails a run that was done, and holds nobody up", async () => {
    body = async () => undefined;
    lastWords = () => Promise.reject(new TypeError("oops"));
    await world.worker();
    const run = await world.desk.runs.start(world.request("spoiled"));
    const next = await world.desk.runs.start(world.request("spoiled"));
    expect(await world.untilEnded(run)).toMatchObject({ status: "failed", error: { message: "oops" } });
    await world.untilEnded(next);
  });

  test("is not disturbed by a cancel that comes too late", async () => {
    const hold = gate();
    const begun = gate();
    body = async () => undefined;
    lastWords = async (step) =>
      step("hold", nothing, async (_key, signal) => {
        begun.open();
        await Promise.race([hold.opened, untilAborted(signal)]);
      });
    const worker = await world.worker();
    const run = await worker.runs.start(world.request("late cancel"));
    await begun.opened;
    expect(await worker.runs.cancel(run, "too late")).toBe(false);
    hold.open();
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
  });
});

describe("leases", () => {
  test("a worker that fell silent loses its run after the lease; what it does later is refused", async () => {
    const begun = gate();
    const signals: AbortSignal[] = [];
    let tries = 0;
    const slow = gate();
    body = async (step) =>
      step("build", z.string(), async (_key, signal) => {
        signals.push(signal);
        if (++tries > 1) return "second";
        begun.open();
        await slow.opened;
        return "first";
      }).then((who) => void world.told.push(who));
    // Beats every 10 s of the real clock: for this test it is silent.
    await world.worker({ leaseMs: 30_000 });
    const run = await world.desk.runs.start(world.request("silent"));
    await begun.opened;
    await world.worker();
    expect(await world.desk.sweep()).toBe(0);
    world.clock.advance(31_000);
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
    slow.open();
    await world.until(run, () => signals[0]?.aborted === true);
    expect(world.told).toEqual(["second", "finish done"]);
    expect((await world.desk.runs.journal(run))[0]).toMatchObject({ step: "build", result: "second" });
    expect(signals[0]?.reason).toMatchObject({ code: "workflow.lease-lost" });
  });

  test("while the database does not know that a worker lives, that worker does not begin again what it works on", async () => {
    const begun = gate();
    const leave = gate();
    body = async (step, { name }) =>
      step("work", nothing, async () => {
        world.told.push(`work ${name}`);
        if (name !== "first") return;
        begun.open();
        await leave.opened;
      });
    const worker = await world.worker({ most: { test: 2 } });
    const first = await worker.runs.start(world.request("first"));
    await begun.opened;
    // Back after half a second.
    const gone = await database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'flibs worker'",
    );
    expect(gone).toHaveLength(1);
    expect(await worker.sweep()).toBe(0);
    const second = await worker.runs.start(world.request("second"));
    while ((await world.desk.runs.find(second))?.status !== "done") await new Promise((resolve) => setTimeout(resolve, 10));
    leave.open();
    expect(await world.untilEnded(first)).toMatchObject({ status: "done" });
    expect(world.told.filter((one) => one.startsWith("work"))).toEqual(["work first", "work second"]);
  });

  test("two workers never take the same run", async () => {
    body = async (step) => step("work", nothing, async () => void world.told.push("work"));
    await Promise.all([world.worker(), world.worker(), world.worker()]);
    const runs = await Promise.all([1, 2, 3, 4, 5].map((number) => world.desk.runs.start(world.request(`many ${number}`))));
    await Promise.all([world.desk.sweep(), world.desk.sweep()]);
    for (const run of runs) await world.untilEnded(run);
    expect(world.told.filter((line) => line === "work")).toHaveLength(5);
  });
});

describe("stopping", () => {
  test("the step under way ends, the next is another worker's, and nothing counts as a failure", async () => {
    const begun = gate();
    const hold = gate();
    body = async (step) => {
      await step("build", nothing, async () => {
        world.told.push("build");
        begun.open();
        await hold.opened;
      });
      await step("push", nothing, async () => void world.told.push("push"));
    };
    const first = await world.worker();
    const run = await world.desk.runs.start(world.request("stopping"));
    await begun.opened;
    const stopped = first.stop();
    hold.open();
    await stopped;
    expect(await world.desk.runs.find(run)).toMatchObject({ status: "queued", attempt: 0 });
    expect(world.told).toEqual(["build"]);
    await world.worker();
    expect(await world.untilEnded(run)).toMatchObject({ status: "done" });
    expect(world.told).toEqual(["build", "push", "finish done"]);
  });

  test("a step that hears no signal is left behind after the time of grace, and its result is refused", async () => {
    const begun = gate();
    const hold = gate();
    let tries = 0;
    body = async (step) =>
      step("deaf", nothing, async () => {
        if (++tries > 1) return;
        begun.open();
        await hold.opened;
      });
    const first = await world.worker({ graceMs: 20, abortMs: 20 });
    const run = await world.desk.runs.start(world.request("deaf"));
    await begun.opened;
    await first.stop();
    await world.worker();
    expect(await world.untilEnded(run)).toMatchObject({ status: "done", attempt: 0 });
    hold.open();
    expect(tries).toBe(2);
  });
});
