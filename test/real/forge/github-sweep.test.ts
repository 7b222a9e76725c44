import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ForgeEvent } from "../../../src/forge/event.ts";
import { githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
let cursor: string | undefined;
beforeEach(async () => {
  world = await githubForgeWorld();
  cursor = undefined;
});
afterEach(async () => {
  await world.close();
  expect(world.github.violations).toEqual([]);
});

async function look(forge = world.forge): Promise<readonly ForgeEvent[]> {
  const found = await forge.changesSince(cursor);
  cursor = found.cursor;
  return found.events;
}
const kinds = (events: readonly ForgeEvent[]) => events.map((event) => event.kind).sort();

describe("the sweep of GitHub", () => {
  test("finds a pull request that was opened, commented and merged while flibs was down", async () => {
    await world.person.commit("main", { a: "1" });
    await look();
    await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    await world.person.comment(number, "/build");
    const mergeCommit = await world.person.merge(number);
    await world.person.deleteBranch("topic");
    const events = await look(world.openForge());
    expect(events).toEqual([
      expect.objectContaining({ kind: "branch-pushed", branch: "main", after: mergeCommit }),
      expect.objectContaining({ kind: "comment-added", number, text: "/build", actor: "bob", fromBot: false }),
      expect.objectContaining({ kind: "pull-merged", number, base: "main", mergeCommit }),
    ]);
    expect(await look()).toEqual([]);
  });

  test("begins with branches and open pull requests: what was said and merged before is past", async () => {
    await world.person.commit("main", { a: "1" });
    await world.person.commit("old", { b: "1" }, "main");
    await world.person.merge(await world.person.openPull("old", "main", "Old"));
    await world.person.commit("topic", { c: "1" }, "main");
    await world.person.comment(await world.person.openPull("topic", "main", "New"), "/build");
    expect(kinds(await look())).toEqual(["branch-pushed", "branch-pushed", "branch-pushed", "pull-opened"]);
    expect(await look()).toEqual([]);
  });

  test("tells closing, reopening and closing again", async () => {
    await world.person.commit("main", { a: "1" });
    await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    await look();
    await world.person.close(number);
    expect(kinds(await look())).toEqual(["pull-closed"]);
    await world.bob.reopenPull(world.repository, number);
    expect(kinds(await look())).toEqual(["pull-opened"]);
  });

  test("tells nothing again after a release that kept no base branches", async () => {
    await world.person.commit("main", { a: "1" });
    await world.person.commit("topic", { b: "1" }, "main");
    await world.person.openPull("topic", "main", "Add b");
    await look();
    const old = JSON.parse(cursor ?? "");
    for (const seen of Object.values<{ bases?: unknown }>(old.repositories)) delete seen.bases;
    cursor = JSON.stringify(old);
    expect(await look()).toEqual([]);
  });

  test("leaves out plain issues' comments, edits, and our own words; a bot's are marked", async () => {
    await world.person.commit("main", { a: "1" });
    await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    const id = await world.bob.comment(world.repository, number, "looks good");
    await look();
    await world.bob.editComment(id, "/build");
    await world.forge.ensureComment(world.repository, number, "k", "/build");
    expect(await look()).toEqual([]);
  });

  test("looks at the namespace and the registry manifests, and at nothing else", async () => {
    const { github, bob } = world;
    for (const name of ["containers/registry-manifests", "other/thing"]) {
      await github.createRepository(name, { files: { a: "1" }, roles: { bob: "write" } });
    }
    await github.install("other");
    await bob.push(world.repository, "main", { a: "1" }, { orphan: true });
    const forge = world.openForge({ namespace: "containers", manifests: "other/thing" });
    expect((await forge.changesSince(undefined)).events.map((event) => event.repository).sort()).toEqual([
      "containers/cockpit",
      "containers/registry-manifests",
      "other/thing",
    ]);
    const own = world.openForge({ namespace: "nowhere", manifests: "containers/registry-manifests" });
    expect((await own.changesSince(undefined)).events.map((event) => event.repository)).toEqual(["containers/registry-manifests"]);
  });

  test("costs nothing of the hourly requests where nothing changed", async () => {
    await world.person.commit("main", { a: "1" });
    const statuses: number[] = [];
    const forge = world.openForge({ onRequest: ({ status }) => void statuses.push(status) });
    await look(forge);
    await look(forge);
    statuses.length = 0;
    await look(forge);
    expect(new Set(statuses)).toEqual(new Set([304]));
  });

  test("keeps its cursor when GitHub cannot be reached", async () => {
    await world.person.commit("main", { a: "1" });
    await look();
    await world.person.commit("main", { a: "2" });
    world.github.faults.next("repos/list-branches", "502-before");
    await expect(world.forge.changesSince(cursor)).rejects.toMatchObject({ kind: "transient" });
    expect(kinds(await look())).toEqual(["branch-pushed"]);
  });

  test.each(["no JSON", "{}", '{"version":2,"repositories":{}}'])("looks at everything with the cursor %p", async (old) => {
    await world.person.commit("main", { a: "1" });
    expect(kinds((await world.forge.changesSince(old)).events)).toEqual(["branch-pushed"]);
  });
});
