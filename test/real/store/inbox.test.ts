import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Store } from "../../../src/store/store.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open();
});
afterAll(() => database.drop());

let ids = 0;
function delivery(changes: Partial<Parameters<Store["inbox"]["store"]>[0]> = {}) {
  ids += 1;
  return { forge: "github", deliveryId: `d${ids}`, headers: { "x-github-event": "push" }, body: Buffer.from("{}"), ...changes };
}

async function find(deliveryId: string) {
  const [row] = await database.query<{ id: string }>("select id from delivery where delivery_id = $1", [deliveryId]);
  return row && (await store.inbox.find(row.id));
}
const count = async (what: string) => Number((await database.query<{ n: string }>(`select count(*) as n from ${what}`))[0]?.n);

test("headers and bodies of any kind come back as they were, also from a group", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          headers: fc.dictionary(fc.string({ unit: "grapheme-ascii" }), fc.string({ unit: "grapheme" })),
          body: fc.oneof(
            fc.uint8Array({ maxLength: 3000 }),
            fc.nat(3000).map((length) => Buffer.alloc(length, "ab")),
          ),
        }),
        { minLength: 1, maxLength: 20 },
      ),
      async (some) => {
        const sent = some.map((one) => delivery(one));
        expect(await Promise.all(sent.map((one) => store.inbox.store(one)))).toEqual(sent.map(() => "stored"));
        for (const one of sent) {
          const found = await find(one.deliveryId);
          expect({ ...found?.headers }).toEqual({ ...one.headers });
          expect(Buffer.from(found?.body ?? []).equals(one.body)).toBe(true);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("a large body among small ones is stored", async () => {
  const sent = [10, 300_000, 9_000_000, 20].map((length) => delivery({ body: Buffer.alloc(length, "x") }));
  expect(await Promise.all(sent.map((one) => store.inbox.store(one)))).toEqual(["stored", "stored", "stored", "stored"]);
  expect((await find(sent[2]?.deliveryId ?? ""))?.body.length).toBe(9_000_000);
});

test("headers with a NUL or half a character are stored without it", async () => {
  const one = delivery({ headers: { "x-odd": "a\0b\ud800", "x-even": "\\u0000" } });
  expect(await store.inbox.store(one)).toBe("stored");
  expect((await find(one.deliveryId))?.headers).toEqual({ "x-odd": "a\ufffdb\ufffd", "x-even": "\\u0000" });
});

test("a delivery that the database refuses fails alone, and its group and what comes after it is stored", async () => {
  const before = await count("delivery");
  const sent = [delivery(), delivery(), delivery({ forge: "no\0forge" }), delivery(), delivery()];
  const outcomes = await Promise.allSettled(sent.map((one) => store.inbox.store(one)));
  expect(outcomes.map((one) => (one.status === "fulfilled" ? one.value : "refused"))).toEqual([
    "stored",
    "stored",
    "refused",
    "stored",
    "stored",
  ]);
  expect(await store.inbox.store(delivery())).toBe("stored");
  expect(await count("delivery")).toBe(before + 5);
});

test("of two with one id in a group the first is stored, and the same id of another forge is another delivery", async () => {
  const first = delivery({ body: Buffer.from("first") });
  const same = { ...first, body: Buffer.from("second") };
  const outcomes = await Promise.all([delivery(), first, same, { ...first, forge: "other" }].map((one) => store.inbox.store(one)));
  expect(outcomes).toEqual(["stored", "stored", "duplicate", "stored"]);
  expect(Buffer.from((await find(first.deliveryId))?.body ?? []).toString()).toBe("first");
});

test("a group of nothing but duplicates leaves nothing behind", async () => {
  const sent = [delivery(), delivery()];
  await Promise.all(sent.map((one) => store.inbox.store(one)));
  const before = await count("delivery_pack");
  expect(await Promise.all(sent.map((one) => store.inbox.store(one)))).toEqual(["duplicate", "duplicate"]);
  expect(await count("delivery_pack")).toBe(before);
});

test("replicas that store the same deliveries at once, in any order, store each once", async () => {
  const other = await database.open();
  for (let round = 0; round < 10; round++) {
    const sent = Array.from({ length: 60 }, () => delivery());
    const outcomes = await Promise.all([
      ...sent.map((one) => store.inbox.store(one)),
      ...sent.toReversed().map((one) => other.inbox.store(one)),
    ]);
    expect(outcomes.filter((one) => one === "stored")).toHaveLength(60);
  }
});

test("a group shares one job, in its transaction", async () => {
  const before = [await count("pgboss.job where name = 'deliveries'"), await count("delivery")];
  await Promise.all(Array.from({ length: 50 }, () => store.inbox.store(delivery())));
  expect([await count("pgboss.job where name = 'deliveries'"), await count("delivery")]).toEqual([
    (before[0] ?? 0) + 2,
    (before[1] ?? 0) + 50,
  ]);
});

test("when the job cannot be written neither is the delivery, and nobody is told that it is", async () => {
  const refusing = await testDatabase();
  const own = await refusing.open();
  await refusing.query("create function no_jobs() returns trigger language plpgsql as $$ begin raise 'no jobs today'; end $$");
  await refusing.query("create trigger no_jobs before insert on pgboss.job_common for each row execute function no_jobs()");
  const outcomes = await Promise.allSettled([delivery(), delivery(), delivery()].map((one) => own.inbox.store(one)));
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(await refusing.query("select 1 from delivery")).toEqual([]);
  await refusing.query("drop trigger no_jobs on pgboss.job_common");
  expect(await own.inbox.store(delivery())).toBe("stored");
  await refusing.drop();
});

test("a connection that is lost is unavailable, not the end of the process, and the next delivery is stored", async () => {
  await store.inbox.store(delivery());
  await database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query = 'commit'",
  );
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => store.inbox.store(delivery())));
  for (const one of outcomes) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "store.unavailable" });
  expect(await store.inbox.store(delivery())).toBe("stored");
});
