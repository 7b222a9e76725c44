import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { silentLog } from "../../../src/log.ts";
import type { PromotionPorts } from "../../../src/promotion/promotion-ports.ts";
import { proposePromotion } from "../../../src/promotion/propose-promotion.ts";
import { releaseFlow, releaseSubject } from "../../../src/promotion/release-flow.ts";
import { isFinal } from "../../../src/workflow/run.ts";
import { createWorker, type Worker } from "../../../src/workflow/worker.ts";
import { manifests, world } from "../../promotion/world.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

jest.setTimeout(120_000);
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
}, 120_000);
afterAll(() => database.drop());

test("DG9: two replicas and two merges at once: a repository of a destination is released by one at a time, others go on", async () => {
  const at = world(["linux/amd64"], ["mirror"]);
  const repositories = ["f40/cockpit", "f40/web"];
  for (const [i, repository] of repositories.entries()) {
    await at.build({ id: `b${i}`, release: "1.fc40", repository });
    const proposed = await proposePromotion(at.ports, `b${i}`);
    if (!("number" in proposed)) throw new Error(proposed.outcome);
    at.git.merge(proposed.number);
  }
  const working = new Map<string, number>();
  const most = { ofOne: 0, ofAll: 0 };
  const by = new Map<string, Set<string>>();
  const ports = (replica: string): PromotionPorts => ({
    ...at.ports,
    copier: {
      async copy(request, signal) {
        const place = `${request.destination.registry} ${request.destination.repository}`;
        working.set(place, (working.get(place) ?? 0) + 1);
        by.set(place, (by.get(place) ?? new Set()).add(replica));
        most.ofOne = Math.max(most.ofOne, working.get(place) ?? 0);
        most.ofAll = Math.max(
          most.ofAll,
          [...working.values()].reduce((sum, one) => sum + one, 0),
        );
        await new Promise((resolve) => setTimeout(resolve, 300));
        working.set(place, (working.get(place) ?? 1) - 1);
        return await at.ports.copier.copy(request, signal);
      },
    },
  });
  const stores = [await database.open(), await database.open()];
  const workers: Worker[] = [];
  try {
    for (const [i, store] of stores.entries()) {
      const worker = createWorker({ store, flows: [releaseFlow(ports(`replica ${i}`))], log: silentLog, concurrency: 4 });
      workers.push(worker);
      await worker.start();
    }
    const runs: string[] = [];
    // As two merges do: each asks both replicas, before any of the runs has ended.
    for (const merge of [1, 2]) {
      for (const repository of repositories) {
        for (const registry of ["production", "mirror"]) {
          const path = `images/${repository}.yaml`;
          const subject = releaseSubject(registry, path);
          const intent = { repository: manifests, registry, path, commit: at.git.branches.get("main") ?? "" };
          const worker = workers[merge % 2] as Worker;
          runs.push(await worker.runs.start({ flow: "release", subject, intent, key: `${subject} merge ${merge}`, whenBusy: "queue" }));
        }
      }
    }
    for (const until = Date.now() + 60_000; Date.now() < until; ) {
      for (const worker of workers) await worker.sweep();
      const found = await Promise.all(runs.map((run) => workers[0]?.runs.find(run)));
      if (found.every((run) => run !== undefined && isFinal(run.status))) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (const run of runs) expect(await workers[0]?.runs.find(run)).toMatchObject({ status: "done" });
    expect(most.ofOne).toBe(1);
    expect(most.ofAll).toBeGreaterThan(1);
    expect(by.size).toBe(4);
    for (const registry of ["production", "mirror"]) {
      // Each tag was written once: the second merge's run found everything in order.
      const writes = at.all[registry]?.writes ?? [];
      expect([...writes].sort()).toEqual([...new Set(writes)].sort());
      expect(writes).toHaveLength(6);
    }
  } finally {
    for (const worker of workers) await worker.stop();
    for (const store of stores) await store.close();
  }
});
