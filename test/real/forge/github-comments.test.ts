import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
let number: number;
beforeEach(async () => {
  world = await githubForgeWorld({ requestTimeoutMs: 5000 });
  await world.person.commit("main", { a: "1\n" });
  await world.person.commit("topic", { b: "1\n" }, "main");
  number = await world.person.openPull("topic", "main", "Add b");
});
afterEach(async () => {
  await world.close();
  expect(world.github.violations).toEqual([]);
});

const ensure = (text: string, key = "release") => world.forge.ensureComment(world.repository, number, key, text);
const ours = () => world.github.reads.comments(world.repository, number).filter((one) => one.author === world.github.app.bot);

describe("a comment of flibs", () => {
  test("is found behind a hundred others", async () => {
    for (let i = 0; i < 60; i++) await world.bob.comment(world.repository, number, `comment ${i}`);
    await ensure("first");
    for (let i = 60; i < 120; i++) await world.bob.comment(world.repository, number, `comment ${i}`);
    await world.openForge().ensureComment(world.repository, number, "release", "second");
    expect(ours().map((one) => one.body.split("\n").at(-1))).toEqual(["second"]);
  });

  test("is not a person's who copied its marker, before or after", async () => {
    await ensure("first");
    const marker = ours()[0]?.body.split("\n")[0];
    await world.bob.comment(world.repository, number, `${marker}\nmine`);
    await ensure("other", "check");
    const stolen = ours()[1]?.body.split("\n")[0];
    await world.bob.comment(world.repository, number, `${stolen}\n/promote`);
    await ensure("second");
    await ensure("again", "check");
    const texts = (await world.forge.listComments(world.repository, number)).map((one) => one.text);
    expect(texts).toEqual(["second", `${marker}\nmine`, "again", `${stolen}\n/promote`]);
  });

  test("that is the same already is not written", async () => {
    await ensure("first");
    const before = world.github.usage.count("issues/update-comment");
    await ensure("first");
    expect(world.github.usage.count("issues/update-comment")).toBe(before);
  });

  test("that is asked for by several at once is one", async () => {
    await Promise.all(["a", "b", "c", "d"].map((text) => ensure(text)));
    expect(ours()).toHaveLength(1);
  });

  test.each(["502-before", "502-after", "reset-after", "hang-after"] as const)("is there once after %s", async (fault) => {
    world.github.faults.next("issues/create-comment", fault);
    await expect(ensure("text")).rejects.toMatchObject({ kind: "transient" });
    await ensure("text");
    expect(ours()).toHaveLength(1);
  });

  test("that is too long for GitHub is cut", async () => {
    await ensure("🐟".repeat(50_000));
    expect(ours()[0]?.body.length).toBeLessThanOrEqual(65_536);
    expect(ours()[0]?.body).toMatch(/cut here: it is too long for the forge$/);
  });

  test("on a pull request that is not there is an error of whoever asked", async () => {
    await expect(world.forge.ensureComment(world.repository, 999, "k", "text")).rejects.toMatchObject({ code: "forge.pull-unknown" });
    await expect(world.forge.listComments(world.repository, 999)).rejects.toMatchObject({ code: "forge.pull-unknown" });
  });
});

describe("a reaction of flibs", () => {
  test("leaves those of people alone, and a comment that was deleted needs none", async () => {
    const comment = await world.bob.comment(world.repository, number, "/build");
    await world.bob.react(comment, "eyes");
    await world.bob.react(comment, "confused");
    await world.forge.react(world.repository, number, String(comment), "seen");
    await world.forge.react(world.repository, number, String(comment), "done");
    const found = world.github.reads.reactions(comment).map((one) => `${one.author} ${one.content}`);
    expect(found.sort()).toEqual(["bob confused", "bob eyes", "flibs[bot] +1"]);
    await world.bob.deleteComment(comment);
    await world.forge.react(world.repository, number, String(comment), "refused");
    await world.forge.react(world.repository, number, "no number", "refused");
  });

  test("is there once after its answer was lost", async () => {
    const comment = await world.bob.comment(world.repository, number, "/build");
    world.github.faults.next("reactions/create-for-issue-comment", "502-after");
    await expect(world.forge.react(world.repository, number, String(comment), "seen")).rejects.toMatchObject({ kind: "transient" });
    await world.forge.react(world.repository, number, String(comment), "seen");
    expect(world.github.reads.reactions(comment)).toHaveLength(1);
  });
});

test("people whom GitHub does not know, and names that no person can have, may do nothing", async () => {
  const permission = (person: string) => world.forge.findPermission(world.repository, person);
  expect(await permission("nobody-knows-me")).toBe("none");
  expect(await permission("")).toBe("none");
  expect(await permission("../../../user")).toBe("none");
  world.github.setRole(world.repository, "bob", "admin");
  expect(await permission("bob")).toBe("admin");
  world.github.setRole(world.repository, "bob", "read");
  expect(await permission("bob")).toBe("read");
});
