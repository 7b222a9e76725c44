import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
beforeEach(async () => {
  world = await githubForgeWorld({ maxMirrorBytes: 100_000 });
  await world.person.commit("main", { a: "1" });
});
afterEach(async () => {
  await world.close();
  expect(world.github.violations).toEqual([]);
});

async function openTopic() {
  const head = await world.person.commit("topic", { c: "1" }, "main");
  return { head, number: await world.person.openPull("topic", "main", "Add c") };
}

test("a stranger's pull request that is too large to be fetched stops no listing of the others", async () => {
  const huge = await world.openPullFromFork?.("evil", { b: randomBytes(300_000).toString("base64") });
  const { head, number } = await openTopic();
  for (const state of ["open", "all"] as const) {
    // It is listed: a pull request with the same head that goes elsewhere must not pass for the only one.
    const expected = [
      { number: huge, mergeable: false },
      { number, head, mergeable: true },
    ];
    expect(await world.forge.listPulls(world.repository, state)).toMatchObject(expected);
  }
  expect(await world.forge.findPull(world.repository, number)).toMatchObject({ head, mergeable: true });
  expect(huge).toBe(1);
});

test("nor does one whose commits have gone since it was listed", async () => {
  const gone = (await world.openPullFromFork?.("gone", { b: "1" })) ?? 0;
  const { number } = await openTopic();
  const forge = world.openForge({
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      if (!new URL(String(url)).pathname.endsWith("/pulls")) return answer;
      const pulls = ((await answer.json()) as { number: number; head: object }[]).map((one) =>
        one.number === gone ? { ...one, head: { ...one.head, sha: "f".repeat(40) } } : one,
      );
      return new Response(JSON.stringify(pulls), { status: answer.status, headers: answer.headers });
    },
  });
  const listed = await forge.listPulls(world.repository, "open");
  expect(listed.map((one) => [one.number, one.mergeable])).toEqual([
    [gone, false],
    [number, true],
  ]);
});
