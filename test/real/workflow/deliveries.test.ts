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

beforeAll(async () => {
  database = await testDatabase();
  world = await openWorld(database, (told) =>
    flowOf(told, async (step, intent) => step("work", z.void(), async () => void told.push(`work ${intent.name}`))),
  );
  const onDelivery: OnDelivery = (delivery) => {
    heard.push(delivery.deliveryId);
    return hear(delivery);
  };
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
    const found = (await world.store.inbox.list({ limit: 100 })).find((one) => one.deliveryId === deliveryId);
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
    const workers = await world.worker({ onDelivery: (one) => hear(one) });
    await workers.sweep();
    expect(await untilLookedAt("again")).toMatchObject({ status: "done", outcome: "second try" });
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
});
