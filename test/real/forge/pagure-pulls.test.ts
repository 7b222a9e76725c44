import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pagureForgeWorld } from "../../support/pagure-forge.ts";

let world: Awaited<ReturnType<typeof pagureForgeWorld>>;
beforeEach(async () => {
  world = await pagureForgeWorld({ maxMirrorBytes: 100_000 });
});
afterEach(() => world.close());

test("a stranger's pull request that is too large to be fetched stops no listing of the others", async () => {
  await world.person.commit("main", { a: "1" });
  const huge = await world.openPullFromFork?.("evil", { b: randomBytes(300_000).toString("base64") });
  const head = await world.person.commit("topic", { c: "1" }, "main");
  const number = await world.person.openPull("topic", "main", "Add c");
  const expected = [
    { number: huge, mergeable: false },
    { number, head, mergeable: true },
  ];
  expect(await world.forge.listPulls(world.repository, "open")).toMatchObject(expected);
  expect(await world.forge.findPull(world.repository, number)).toMatchObject({ head, mergeable: true });
  await expect(world.forge.findPull(world.repository, huge ?? 0)).rejects.toMatchObject({ code: "forge.tree-too-large" });
});
