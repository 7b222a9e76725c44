import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ForgeEvent } from "../../../src/forge/event.ts";
import type { RawDelivery } from "../../../src/forge/forge.ts";
import type { StoredDelivery } from "../../../src/intake/inbox.ts";
import { hearDelivery } from "../../../src/intake/listen.ts";
import { githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
let server: Server;
let taken: RawDelivery[];
/** What the hook's address answers. */
let answer: number;

beforeEach(async () => {
  taken = [];
  answer = 202;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (answer === 202) taken.push({ headers: request.headers as Record<string, string>, body: Buffer.concat(chunks) });
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/github`;
  world = await githubForgeWorld({ github: { hookUrl } });
});
afterEach(async () => {
  await world.close();
  await new Promise((resolve) => server.close(resolve));
  expect(world.github.violations).toEqual([]);
});

/** Events of everything that came since the last call, through the signature and Probot. */
async function heard(): Promise<readonly ForgeEvent[]> {
  await world.github.hooks.settled();
  const events: ForgeEvent[] = [];
  for (const delivery of taken.splice(0)) {
    expect(world.forge.verifyDelivery(delivery)).toMatch(/^[0-9a-f-]{36}$/);
    events.push(...(await world.forge.parseDelivery(delivery)));
  }
  return events;
}

const about = { forge: "github", repository: "containers/cockpit", actor: "bob" };

describe("a delivery of GitHub", () => {
  test("tells of pushes, new branches and deleted ones once each, and of tags nothing", async () => {
    const first = await world.person.commit("main", { a: "1" });
    const second = await world.person.commit("f40", { a: "2" }, "main");
    await world.person.deleteBranch("f40");
    expect(await heard()).toEqual([
      { ...about, kind: "branch-pushed", branch: "main", after: first },
      { ...about, kind: "branch-pushed", branch: "f40", after: second },
      { ...about, kind: "branch-pushed", branch: "f40", after: undefined },
    ]);
  });

  test("tells the life of a pull request", async () => {
    await world.person.commit("main", { a: "1" });
    const head = await world.person.commit("topic", { b: "1" }, "main");
    await heard();
    const number = await world.person.openPull("topic", "main", "Add b");
    const newer = await world.person.commit("topic", { b: "2" });
    await world.bob.editPull(world.repository, number, { title: "Add b and c" });
    await world.person.comment(number, "/build");
    await world.person.close(number);
    await world.bob.reopenPull(world.repository, number);
    const mergeCommit = await world.person.merge(number);
    const comment = String(world.github.reads.comments(world.repository, number)[0]?.id);
    expect((await heard()).filter((event) => event.kind !== "branch-pushed")).toEqual([
      { ...about, kind: "pull-opened", number, head },
      { ...about, kind: "pull-updated", number, head: newer },
      { ...about, kind: "comment-added", number, comment, text: "/build", fromBot: false },
      { ...about, kind: "pull-closed", number },
      { ...about, kind: "pull-opened", number, head: newer, request: expect.any(String) },
      { ...about, kind: "pull-merged", number, base: "main", mergeCommit },
    ]);
  });

  test.each([
    ["a promotion is checked", "check-promotion", "containers/cockpit"],
    ["a container's pull request is looked at", "pull", "releng/manifests"],
  ])("%s anew when it goes into another branch, comes back, or is opened again at the same head", async (_name, flow, repository) => {
    const manifests = { repository, branch: "main" };
    const policy = { namespace: "containers", branches: ["main"], manifests, commands: { prefix: "flibs" } };
    await world.person.commit("main", { a: "1" });
    await world.person.commit("dev", { a: "2" }, "main");
    await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "dev", "Add b");
    for (const base of ["main", "dev", "main"]) await world.bob.editPull(world.repository, number, { base });
    await world.person.close(number);
    await world.bob.reopenPull(world.repository, number);
    await world.github.hooks.settled();
    const keys: string[] = [];
    for (const delivery of taken) {
      const { start } = await hearDelivery(world.forge, policy, delivery as StoredDelivery);
      keys.push(...start.flatMap((run) => (run.flow === flow && !run.key.includes("closed") ? [run.key] : [])));
    }
    expect(new Set(keys).size).toBe(5);
  });

  test("tells of the App's own proposal, and not of its own comments and checks", async () => {
    const { forge, repository } = world;
    const baseCommit = await world.person.commit("main", { a: "1" });
    await heard();
    const outcome = await forge.proposeChange({
      ...{ repository, branch: "promote/f40/cockpit", baseBranch: "main", baseCommit, files: { a: "2" } },
      ...{ commitMessage: "Promote", title: "Promote", body: "" },
    });
    const number = "number" in outcome ? (outcome.number ?? 0) : 0;
    const head = "head" in outcome ? outcome.head : "";
    await forge.ensureComment(repository, number, "k", "/build");
    await forge.setStatus(repository, head, { name: "flibs / check", state: "success", title: "fine", summary: "" });
    expect(await heard()).toEqual([
      { ...about, actor: "flibs[bot]", kind: "branch-pushed", branch: "promote/f40/cockpit", after: head },
      { ...about, actor: "flibs[bot]", kind: "pull-opened", number, head },
    ]);
  });

  test("tells who wants a check again, and which button was pressed, by the key of the run of flibs", async () => {
    const { forge, repository, github } = world;
    const commit = await world.person.commit("main", { a: "1" });
    const actions = [{ identifier: "cancel", label: "Cancel", description: "Stops this build" }];
    await forge.setStatus(repository, commit, { name: "flibs / build", state: "running", title: "", summary: "", key: "build-1", actions });
    await heard();
    const [run] = github.reads.allRuns(repository, commit);
    await world.bob.pressAction(run?.id ?? 0, "cancel");
    await forge.setStatus(repository, commit, { name: "flibs / build", state: "failure", title: "", summary: "", key: "build-1" });
    await heard().then((events) =>
      expect(events).toEqual([
        { ...about, kind: "check-action-requested", commit, name: "flibs / build", key: "build-1", action: "cancel" },
      ]),
    );
    await world.bob.rerunCheck(run?.id ?? 0);
    await world.bob.rerunSuite(github.reads.suites(repository, commit)[0]?.id ?? 0);
    const request = expect.stringMatching(/^[0-9a-f-]{36}$/);
    const events = await heard();
    expect(events).toEqual([
      { ...about, kind: "check-rerequested", commit, name: "flibs / build", key: "build-1", request },
      { ...about, kind: "check-rerequested", commit, name: undefined, key: undefined, request },
    ]);
  });

  test("tells what a merge queue wants to know, and of its branches nothing", async () => {
    const base = await world.person.commit("main", { a: "1" });
    await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    await heard();
    const group = await world.github.enqueue(world.repository, number, "bob");
    await world.github.leaveQueue(group, "dequeued");
    const events = await heard();
    expect(events).toMatchObject([
      { kind: "merge-queued", repository: world.repository, baseBranch: "main", baseCommit: base },
      { kind: "merge-unqueued", repository: world.repository },
    ]);
    expect(new Set(events.map((event) => "commit" in event && event.commit)).size).toBe(1);
  });

  test("of an installation, a ping, or another App's check is none that flibs listens to", async () => {
    await world.github.ping();
    const commit = await world.person.commit("main", { a: "1" });
    await heard();
    await world.github.foreignRun(world.repository, commit, { name: "theirs", status: "in_progress" });
    await world.github.createRepository("containers/.github", { files: { a: "1" } });
    expect(await heard()).toEqual([]);
  });

  test("is parsed beside others without mixing their events", async () => {
    for (let i = 0; i < 20; i++) await world.person.commit(`b${i}`, { a: `${i}` }, i === 0 ? undefined : "b0");
    await world.github.hooks.settled();
    const results = await Promise.all(taken.map((delivery) => world.forge.parseDelivery(delivery)));
    const pushes = results.filter((events) => events.length > 0);
    expect(pushes.map((events) => events.map((event) => "branch" in event && event.branch))).toEqual(
      Array.from({ length: 20 }, (_, i) => [`b${i}`]),
    );
  });

  test("that is not what GitHub sends is malformed", async () => {
    const headers = { "x-github-event": "push", "x-github-delivery": "00000000-0000-0000-0000-000000000001" };
    for (const body of ["", "[]", "no JSON", "{}", '{"ref":"refs/heads/main","after":"x","deleted":false}']) {
      await expect(world.forge.parseDelivery({ headers, body: Buffer.from(body) })).rejects.toMatchObject({
        code: "intake.delivery-malformed",
      });
    }
    expect(await world.forge.parseDelivery({ headers: { ...headers, "x-github-event": "unheard_of" }, body: Buffer.from("{}") })).toEqual(
      [],
    );
  });
});

describe("deliveries that never arrived", () => {
  const none = async () => false;

  test("are read from GitHub's record while the hook's address is down, oldest first, and parse to the same", async () => {
    answer = 503;
    const first = await world.person.commit("main", { a: "1" });
    const second = await world.person.commit("main", { a: "2" });
    await world.github.hooks.settled();
    const { lost } = await world.forge.findLostDeliveries(undefined, none);
    const events = (await Promise.all(lost.map((delivery) => world.forge.parseDelivery(delivery)))).flat();
    expect(events).toEqual([
      { ...about, kind: "branch-pushed", branch: "main", after: first },
      { ...about, kind: "branch-pushed", branch: "main", after: second },
    ]);
    for (const { headers } of lost) expect(Object.keys(headers).filter((name) => name.includes("signature"))).toEqual([]);
  });

  test("are those that the inbox does not know, each once, and none again", async () => {
    await world.person.commit("main", { a: "1" });
    await world.github.hooks.settled();
    const known = new Set(taken.map((delivery) => world.forge.verifyDelivery(delivery)));
    const isKnown = async (id: string) => known.has(id);
    const before = await world.forge.findLostDeliveries(undefined, isKnown);
    answer = 500;
    await world.person.commit("main", { a: "2" });
    await world.github.hooks.settled();
    const { lost, cursor } = await world.forge.findLostDeliveries(before.cursor, isKnown);
    expect(lost.length).toBeGreaterThan(0);
    expect(new Set(lost.map((one) => one.deliveryId)).size).toBe(lost.length);
    for (const { deliveryId } of lost) known.add(deliveryId);
    expect((await world.forge.findLostDeliveries(cursor, isKnown)).lost).toEqual([]);
  });

  test("are told in pieces when there are many", async () => {
    answer = 503;
    await world.person.commit("main", { a: "0" });
    for (let i = 0; i < 120; i++) await world.github.ping();
    const known = new Set<string>();
    let cursor: string | undefined;
    const pieces: number[] = [];
    do {
      const found = await world.forge.findLostDeliveries(cursor, async (id) => known.has(id));
      for (const { deliveryId } of found.lost) known.add(deliveryId);
      pieces.push(found.lost.length);
      cursor = found.cursor;
    } while (pieces.at(-1) !== 0);
    expect(pieces[0]).toBe(100);
    expect(pieces.reduce((a, b) => a + b, 0)).toBe(world.github.hooks.attempts.length);
  });
});
