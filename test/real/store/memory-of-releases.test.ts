import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ReleaseReport } from "../../../src/promotion/release-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open();
});

afterAll(async () => database.drop());

function report(run: string, more: Partial<ReleaseReport> = {}): ReleaseReport {
  const rest = {
    repository: "releng/registry",
    commit: "c",
    registry: "production",
    imageRepository: "f40/cockpit",
    outcome: "released",
    lines: [],
    at: "2026-11-23",
  } as const;
  return { run, ...rest, ...more };
}

describe("what the release flow remembers", () => {
  test("the newest blob of a file counts", async () => {
    const file = { blob: "b1", policyBlob: "p", commit: "c1", at: "2026-11-23T00:00:00Z" };
    await store.transaction(async (transaction) => {
      await store.releases.saveReconciled("releng/registry", "production", "images/a.yaml", file, transaction);
      await store.releases.saveReconciled("releng/registry", "production", "images/a.yaml", { ...file, blob: "b2" }, transaction);
      await store.releases.saveReconciled("releng/registry", "mirror", "images/a.yaml", file, transaction);
      await store.releases.saveReconciled("releng/other", "production", "images/a.yaml", file, transaction);
    });
    expect([...(await store.releases.listReconciled("releng/registry"))]).toEqual([
      ["production images/a.yaml", { ...file, blob: "b2" }],
      ["mirror images/a.yaml", file],
    ]);
  });

  test("reports are newest first, one for each run and repository", async () => {
    await store.transaction(async (transaction) => {
      for (const one of [report("r1"), report("r2", { outcome: "failed" }), report("r2"), report("r3", { imageRepository: "f40/other" })]) {
        await store.releases.saveReport(one, transaction);
      }
    });
    const runs = async (filter: object) =>
      (await store.releases.listReports({ limit: 10, ...filter })).map((one) => `${one.run} ${one.outcome}`);
    expect(await runs({ imageRepository: "f40/cockpit" })).toEqual(["r2 released", "r1 released"]);
    expect(await runs({ limit: 1 })).toEqual(["r3 released"]);
  });

  test("cursors are saved alone or with what they stand for", async () => {
    expect(await store.cursors.findCursor("forge local")).toBeUndefined();
    await store.cursors.saveCursor("forge local", "1");
    const undone = store.transaction(async (transaction) => {
      await store.cursors.saveCursor("forge local", "2", transaction);
      throw new Error("no");
    });
    await expect(undone).rejects.toThrow("no");
    expect(await store.cursors.findCursor("forge local")).toBe("1");
  });
});
