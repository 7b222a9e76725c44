import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { AuditLine } from "../../../src/promotion/audit-states.ts";
import type { Audit } from "../../../src/promotion/audit-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open();
});
afterAll(async () => database.drop());

const cockpit = { registry: "production", imageRepository: "f40/cockpit" };
const digest = `sha256:${"a".repeat(64)}`;
const missing: AuditLine = { tag: "latest", digest, state: "missing", message: "the tag is not there" };
const unsigned: AuditLine = { tag: "323-1", digest, state: "unsigned", message: "no valid signature" };
const seen = (day: string, pending = false) => ({ at: `2026-11-${day}T00:00:00.000Z`, pending });
const states = async (untold = false) =>
  (await store.audits.listFindings({ untold, limit: 100 })).map((one) => `${one.tag} ${one.state} ${one.firstSeenAt.slice(8, 10)}`);

test("a look takes the place of the one before; what is seen again keeps the day when it was first seen", async () => {
  await store.audits.saveFindings(cockpit, [missing, unsigned, unsigned], seen("20"));
  expect(await states()).toEqual(["323-1 unsigned 20", "latest missing 20"]);
  await store.audits.saveFindings(cockpit, [unsigned, { ...missing, tag: "323" }], seen("21"));
  expect(await states()).toEqual(["323 missing 21", "323-1 unsigned 20"]);
  expect(await store.audits.listPlaces()).toEqual([cockpit]);
});

test("another registry's findings of the same image are its own", async () => {
  await store.audits.saveFindings({ ...cockpit, registry: "mirror" }, [missing], seen("21"));
  await store.audits.saveFindings({ ...cockpit, registry: "mirror" }, [], seen("22"));
  expect(await store.audits.listPlaces()).toEqual([cockpit]);
  expect(await store.audits.listFindings({ registry: "mirror", limit: 10 })).toEqual([]);
});

test("what was told is not told again, until it went away and came back; what waits for a release is not told", async () => {
  await store.audits.saveFindings(cockpit, [missing, unsigned], seen("23"));
  const untold = await store.audits.listFindings({ untold: true, limit: 100 });
  await store.audits.markTold(untold, "2026-11-23T01:00:00Z");
  await store.audits.saveFindings(cockpit, [missing, unsigned], seen("24"));
  expect(await states(true)).toEqual([]);
  await store.audits.saveFindings(cockpit, [unsigned], seen("25"));
  await store.audits.saveFindings(cockpit, [missing, unsigned], seen("26", true));
  expect(await states(true)).toEqual([]);
  await store.audits.saveFindings(cockpit, [missing, unsigned], seen("27"));
  expect(await states(true)).toEqual(["latest missing 26"]);
  expect(await store.audits.listFindings({ imageRepository: "f40/other", limit: 10 })).toEqual([]);
});

test("more findings than one statement takes are all kept", async () => {
  const many = Array.from({ length: 1200 }, (_, i): AuditLine => ({ ...missing, tag: `t${i}` }));
  await store.audits.saveFindings({ ...cockpit, imageRepository: "f40/many" }, many, seen("20"));
  const found = await store.audits.listFindings({ imageRepository: "f40/many", limit: 5000 });
  expect(found).toHaveLength(1200);
  await store.audits.markTold(found, "2026-11-23T01:00:00Z");
  expect(await store.audits.listFindings({ imageRepository: "f40/many", untold: true, limit: 5000 })).toEqual([]);
});

test("what nobody manages and what waits for its release comes last, so that a flood of it hides nothing", async () => {
  const image = (name: string) => ({ registry: "flooded", imageRepository: `f40/${name}` });
  const bogus = Array.from({ length: 50 }, (_, i): AuditLine => ({ ...missing, tag: `a${i}`, state: "unmanaged" }));
  await store.audits.saveFindings(image("a"), bogus, seen("20"));
  await store.audits.saveFindings(image("b"), [missing], seen("20", true));
  await store.audits.saveFindings(image("c"), [{ ...missing, state: "moved" }, unsigned], seen("20"));
  const first = await store.audits.listFindings({ registry: "flooded", limit: 2 });
  expect(first.map((one) => `${one.tag} ${one.state}`)).toEqual(["323-1 unsigned", "latest moved"]);
  const untold = await store.audits.listFindings({ registry: "flooded", untold: true, limit: 2 });
  expect(untold.map((one) => one.state)).toEqual(["unsigned", "moved"]);
});

test("walks are listed newest first, and one that is saved again is the same", async () => {
  const counts = { ok: 3, missing: 0, moved: 0, unmanaged: 0, unsigned: 0, "bad-signature": 0, "lost-child": 0, "lost-blob": 0 };
  const at = { startedAt: "2026-11-23T00:00:00Z", finishedAt: "2026-11-23T00:01:00Z" };
  const audit = (id: string, whole: boolean): Audit => ({
    id,
    commit: "c",
    whole,
    deep: false,
    ...at,
    images: 1,
    counts,
    unread: 0,
    unreadImages: [],
  });
  await store.audits.saveAudit(audit("one", true));
  await store.transaction((transaction) => store.audits.saveAudit(audit("two", false), transaction));
  await store.audits.saveAudit({ ...audit("one", true), toldCommit: "d" });
  expect((await store.audits.listAudits({ limit: 10 })).map((one) => one.id)).toEqual(["two", "one"]);
  expect(await store.audits.listAudits({ whole: true, limit: 1 })).toEqual([{ ...audit("one", true), toldCommit: "d" }]);
});
