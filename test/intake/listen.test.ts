import { describe, expect, test } from "@jest/globals";
import type { ForgeEvent } from "../../src/forge/event.ts";
import type { Forge, LostDelivery } from "../../src/forge/forge.ts";
import type { CursorStore, InboxStore, StoredDelivery } from "../../src/intake/inbox.ts";
import { hearDelivery, sweepDeliveries, sweepForge } from "../../src/intake/listen.ts";
import type { RunRequest, Runs } from "../../src/workflow/run.ts";

const policy = {
  namespace: "containers",
  branches: ["main", "f*"],
  manifests: { repository: "releng/manifests", branch: "main" },
  commands: { prefix: "flibs" },
};
const delivery = {} as StoredDelivery;
const push = (repository: string, branch = "main", after: string | undefined = "old"): ForgeEvent => ({
  kind: "branch-pushed",
  forge: "local",
  repository,
  actor: "alice",
  branch,
  after,
});

/** A forge whose branches all stand at `head`, and what was asked of it. */
function world(events: readonly ForgeEvent[], head: (repository: string) => string | undefined = () => "head") {
  const started: RunRequest[] = [];
  const cursors = new Map<string, string>();
  let asked = 0;
  let atOnce = 0;
  let most = 0;
  const forge = {
    name: "local",
    parseDelivery: async () => events,
    changesSince: async () => ({ events, cursor: "next" }),
    findHead: async (repository: string) => {
      asked += 1;
      most = Math.max(most, ++atOnce);
      await Promise.resolve();
      atOnce -= 1;
      return head(repository);
    },
  } as unknown as Forge;
  const runs = {
    start: async (request: RunRequest) => {
      const known = started.findIndex((one) => one.key === request.key);
      if (known >= 0) return `run ${known}`;
      return `run ${started.push(request) - 1}`;
    },
    list: async () => started.map((_, index) => ({ id: `run ${index}` })),
  } as unknown as Runs;
  const store: CursorStore = {
    findCursor: async (name) => cursors.get(name),
    saveCursor: async (name, cursor) => void cursors.set(name, cursor),
  };
  return { forge, runs, store, cursors, started, asked: () => asked, most: () => most };
}

describe("a delivery", () => {
  test("is a hint: what is built is the branch's head now", async () => {
    const { start } = await hearDelivery(world([push("containers/hello")]).forge, policy, delivery);
    expect(start).toMatchObject([{ flow: "build", intent: { commit: "head" }, key: "build containers/hello main head" }]);
  });
  test("of a branch that has gone since is ignored, with the reason", async () => {
    const heard = await hearDelivery(world([push("containers/hello")], () => undefined).forge, policy, delivery);
    expect(heard).toEqual({ outcome: "ignored: branch main of containers/hello has gone", start: [] });
  });
  test("with thousands of branches is cut, and asks one after the other", async () => {
    const many = world(Array.from({ length: 5000 }, (_, index) => push("containers/hello", `f${index}`)));
    const heard = await hearDelivery(many.forge, policy, delivery);
    expect(heard.start).toHaveLength(100);
    expect(heard.outcome).toMatch(/ignored: 4900 more, only 100 of one delivery are looked at$/);
    expect([many.asked(), many.most()]).toEqual([100, 1]);
  });
  test("without an event that is listened to says so", async () => {
    expect((await hearDelivery(world([]).forge, policy, delivery)).outcome).toMatch(/not an event/);
  });
});

describe("the sweep", () => {
  const merged = push("releng/manifests");
  test("looks at releases but builds nothing on its first look", async () => {
    const first = world([push("containers/hello"), merged]);
    await sweepForge(first.forge, policy, first.store, first.runs);
    expect(first.started.map((request) => request.flow)).toEqual(["release-scan"]);
    expect(first.cursors.get("forge local")).toBe("next");
  });
  test("finds a lost push, and counts only what nobody had started", async () => {
    const later = world([push("containers/hello")]);
    later.cursors.set("forge local", "before");
    expect(await sweepForge(later.forge, policy, later.store, later.runs)).toEqual(["build containers/hello main head"]);
    expect(await sweepForge(later.forge, policy, later.store, later.runs)).toEqual([]);
    expect(later.started).toHaveLength(1);
  });
  test("one broken repository hides nothing of the others, and is looked at again", async () => {
    const broken = world([push("containers/broken"), push("containers/hello")], (repository) => {
      if (repository === "containers/broken") throw new Error("broken refs");
      return "head";
    });
    broken.cursors.set("forge local", "before");
    await expect(sweepForge(broken.forge, policy, broken.store, broken.runs)).rejects.toThrow("broken refs");
    expect(broken.started.map((request) => request.key)).toEqual(["build containers/hello main head"]);
    expect(broken.cursors.get("forge local")).toBe("before");
  });
});

describe("the sweep of deliveries", () => {
  const lost = ["d1", "d2", "d3"].map(
    (deliveryId): LostDelivery => ({ deliveryId, headers: { "x-event": deliveryId }, body: Buffer.from(deliveryId) }),
  );

  /** A forge that remembers three deliveries, and an inbox; storing `broken` fails. */
  function inbox(known: readonly string[], broken?: string) {
    const stored = new Map<string, unknown>(known.map((id) => [`local ${id}`, "came by itself"]));
    const cursors = new Map<string, string>();
    const since: (string | undefined)[] = [];
    const forge = {
      name: "local",
      async findLostDeliveries(cursor: string | undefined, isKnown: (id: string) => Promise<boolean>) {
        since.push(cursor);
        const isLost = await Promise.all(lost.map(async ({ deliveryId }) => !(await isKnown(deliveryId))));
        return { lost: lost.filter((_, index) => isLost[index]), cursor: `look ${since.length}` };
      },
    } as unknown as Forge;
    const store: CursorStore = {
      findCursor: async (name) => cursors.get(name),
      saveCursor: async (name, cursor) => void cursors.set(name, cursor),
    };
    const box = {
      isKnown: async (name: string, id: string) => stored.has(`${name} ${id}`),
      async store({ forge: name, deliveryId, headers, body }: StoredDelivery) {
        if (deliveryId === broken) throw new Error("the database is away");
        // It may come by itself between the question and this.
        if (stored.has(`${name} ${deliveryId}`)) return "duplicate";
        stored.set(`${name} ${deliveryId}`, { headers, body });
        return "stored";
      },
    };
    return { forge, store, box, stored, cursors, since, sweep: () => sweepDeliveries(forge, store, box as unknown as InboxStore) };
  }

  test("stores what never arrived as if it had come now, and counts it", async () => {
    const at = inbox(["d2"]);
    expect(await at.sweep()).toBe(2);
    expect(at.stored.get("local d1")).toEqual({ headers: { "x-event": "d1" }, body: Buffer.from("d1") });
    expect(at.stored.get("local d2")).toBe("came by itself");
    expect(at.cursors.get("deliveries local")).toBe("look 1");
  });
  test("goes on where it stopped, and finds nothing twice", async () => {
    const at = inbox([]);
    expect([await at.sweep(), await at.sweep()]).toEqual([3, 0]);
    expect(at.since).toEqual([undefined, "look 1"]);
  });
  test("does not count what came by itself in between", async () => {
    const at = inbox([]);
    const isKnown = at.box.isKnown;
    at.box.isKnown = async (name, id) => {
      const known = await isKnown(name, id);
      if (id === "d3") at.stored.set("local d3", "came by itself");
      return known;
    };
    expect(await at.sweep()).toBe(2);
  });
  test("that is broken off looks at the same again", async () => {
    const at = inbox([], "d2");
    await expect(at.sweep()).rejects.toThrow("the database is away");
    expect(at.cursors.size).toBe(0);
    expect([...at.stored.keys()]).toEqual(["local d1"]);
  });
});
