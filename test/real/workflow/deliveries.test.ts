import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { appError } from "../../../src/domain/errors.ts";
import type { StoredDelivery } from "../../../src/intake/inbox.ts";
import type { OnDelivery } from "../../../src/workflow/worker.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { flowOf, openWorld, type World } from "./workflow-world.ts";

let database: TestDatabase;
let world: World;
let hear: OnDelivery;
const heard: string[] = [];
/** Of every worker here, so that nothing is heard unnoticed. */
const onDelivery: OnDelivery = (one) => {
  heard.push(one.deliveryId);
  return hear(one);
};

beforeAll(async () => {
  database = await testDatabase();
  world = await openWorld(database, (told) =>
    flowOf(told, async (step, intent) => step("work", z.void(), async () => void told.push(`work ${intent.name}`))),
  );
  await world.worker({ onDelivery });
  await world.worker({ onDelivery });
});

afterAll(async () => {
  await world.close();
  await database.drop();
});

function delivery(deliveryId: string) {
  return { forge: "local", deliveryId, headers: { "x-event": "push" }, body: Buffer.from([0, 1, 0xff]) };
}

async function untilLookedAt(deliveryId: string): Promise<Omit<StoredDelivery, "body">> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = (await world.store.inbox.list({ limit: 1000 })).find((one) => one.deliveryId === deliveryId);
    if (found && found.status !== "stored") return found;
    if (Date.now() > deadline) throw new Error(`${deliveryId} was not looked at: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("deliveries", () => {
  test("a delivery is stored byte for byte, looked at, and starts its run", async () => {
    let body: Uint8Array | undefined;
    hear = async (one) => {
      body = one.body;
      return { outcome: "started a build", start: [world.request("from delivery")] };
    };
    expect(await world.store.inbox.store(delivery("d1"))).toBe("stored");
    expect(await untilLookedAt("d1")).toMatchObject({ status: "done", outcome: "started a build", headers: { "x-event": "push" } });
    expect([...(body ?? [])]).toEqual([0, 1, 0xff]);
    const [run] = await world.desk.runs.list({ limit: 1 });
    expect(await world.untilEnded(run?.id ?? "")).toMatchObject({ subject: "from delivery", status: "done" });
  });

  test("the same delivery twice, even at once, is stored and looked at once", async () => {
    hear = async () => ({ outcome: "ignored: nothing to do" });
    const answers = await Promise.all([1, 2, 3, 4].map(() => world.store.inbox.store(delivery("twice"))));
    expect(answers.sort()).toEqual(["duplicate", "duplicate", "duplicate", "stored"]);
    await untilLookedAt("twice");
    expect(await world.store.inbox.store(delivery("twice"))).toBe("duplicate");
    expect(heard.filter((id) => id === "twice")).toHaveLength(1);
  });

  test("what is down is tried again", async () => {
    let tries = 0;
    hear = async () => {
      if (++tries === 1) throw appError("store.unavailable", "the forge is down");
      return { outcome: "second try" };
    };
    await world.store.inbox.store(delivery("again"));
    const deadline = Date.now() + 10_000;
    while (tries === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    // The pause is written a moment after the handler has failed; then its time is skipped.
    while (
      (await database.query("select 1 from delivery where delivery_id = 'again' and look_at < now() + interval '30 s'")).length === 0
    ) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    world.clock.advance(6000);
    const workers = await world.worker({ onDelivery });
    await workers.sweep();
    expect(await untilLookedAt("again")).toMatchObject({ status: "done", outcome: "second try" });
  });

  test("what says when it passes is waited for until then, however often, and costs no try", async () => {
    const retryAt = new Date(world.clock.now().getTime() + 55 * 60_000).toISOString();
    let tries = 0;
    hear = async () => {
      tries += 1;
      if (world.clock.now().toISOString() >= retryAt) return { outcome: "heard" };
      throw appError("forge.rate-limited", "GitHub takes no more requests", { details: { retryAt } });
    };
    await world.store.inbox.store(delivery("limited"));
    const postponed = "select 1 from delivery where delivery_id = 'limited' and attempt = 0 and look_at > now() + interval '50 min'";
    const deadline = Date.now() + 10_000;
    while ((await database.query(postponed)).length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(tries).toBe(1);
    world.clock.advance(56 * 60_000);
    const workers = await world.worker({ onDelivery });
    await workers.sweep();
    expect(await untilLookedAt("limited")).toMatchObject({ status: "done", outcome: "heard" });
  });

  test("what cannot be read has failed, and says why", async () => {
    hear = () => Promise.reject(appError("domain.digest-invalid", "not JSON"));
    await world.store.inbox.store(delivery("broken"));
    expect(await untilLookedAt("broken")).toMatchObject({ status: "failed", outcome: "domain.digest-invalid: not JSON" });
  });

  test("what has failed is looked at again when it is sent again, even by several at once, and once only", async () => {
    let isMended = false;
    hear = async (one) => {
      if (!isMended) throw appError("domain.digest-invalid", "not JSON");
      return { outcome: `mended: ${[...one.body].join()}`, start: [world.request("mended")] };
    };
    await world.store.inbox.store(delivery("again-failed"));
    await untilLookedAt("again-failed");
    isMended = true;
    const answers = await Promise.all(
      [1, 2, 3].map(() => world.store.inbox.store({ ...delivery("again-failed"), body: Buffer.from("x") })),
    );
    expect(answers.toSorted()).toEqual(["duplicate", "duplicate", "stored"]);
    expect(await untilLookedAt("again-failed")).toMatchObject({ status: "done", outcome: "mended: 0,1,255" });
    expect(await world.store.inbox.store(delivery("again-failed"))).toBe("duplicate");
    expect(heard.filter((id) => id === "again-failed")).toHaveLength(2);
    expect((await world.desk.runs.list({ limit: 100 })).filter((run) => run.subject === "mended")).toHaveLength(1);
  });

  test("one of a group that was known does not keep the others from being stored", async () => {
    hear = () => Promise.reject(appError("domain.digest-invalid", "not JSON"));
    for (const id of ["known-1", "known-2"]) await world.store.inbox.store(delivery(id));
    for (const id of ["known-1", "known-2"]) await untilLookedAt(id);
    hear = async () => ({ outcome: "heard" });
    const group = ["known-1", "fresh-1", "known-2", "fresh-2", "fresh-1"].map((id) => world.store.inbox.store(delivery(id)));
    expect(await Promise.all(group)).toEqual(["stored", "stored", "stored", "stored", "duplicate"]);
    for (const id of ["known-1", "known-2", "fresh-1", "fresh-2"]) expect(await untilLookedAt(id)).toMatchObject({ status: "done" });
  });

  test("when one of its runs cannot be started, none is, and the delivery is not done", async () => {
    hear = async () => ({ outcome: "two runs", start: [world.request("good"), world.request("bad", { flow: "dance" })] });
    await world.store.inbox.store(delivery("half"));
    expect(await untilLookedAt("half")).toMatchObject({ status: "failed" });
    expect((await world.desk.runs.list({ limit: 100 })).filter((run) => run.subject === "good")).toEqual([]);
  });

  test("a group of many shares a job, is shared by the workers, and each is looked at once", async () => {
    const names = Array.from({ length: 60 }, (_, n) => `many ${n}`);
    let atOnce = 0;
    let most = 0;
    hear = async () => {
      most = Math.max(most, ++atOnce);
      // Until four hold one each: a job has set all hands of a worker to work.
      while (most < 4) await new Promise((resolve) => setImmediate(resolve));
      atOnce -= 1;
      return { outcome: "heard" };
    };
    await Promise.all(names.map((name) => world.store.inbox.store(delivery(name))));
    for (const name of names) await untilLookedAt(name);
    expect(heard.filter((id) => id.startsWith("many")).toSorted()).toEqual(names.toSorted());
    expect(most).toBeGreaterThanOrEqual(4);
  });

  test("a delivery whose job got lost is found by the sweep", async () => {
    hear = async () => ({ outcome: "found" });
    // As after a crash that lost the job's worker: the row is there, and nothing will tell of it.
    await database.query("insert into delivery_pack (id, packing, bytes) values ('lost', 'none', '')");
    await database.query("insert into delivery (id, forge, delivery_id, headers, pack) values ('lost', 'local', 'lost', '{}', 'lost')");
    world.clock.advance(60_000);
    const worker = await world.worker({ onDelivery });
    await worker.sweep();
    expect(await untilLookedAt("lost")).toMatchObject({ status: "done", outcome: "found" });
  });
});
