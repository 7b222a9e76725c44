import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { uidOf } from "../../../src/forge/pagure/flag-mapping.ts";
import { bot, pagureForgeWorld } from "../../support/pagure-forge.ts";

type World = Awaited<ReturnType<typeof pagureForgeWorld>>;
let world: World;
beforeEach(async () => {
  world = await pagureForgeWorld();
});
afterEach(() => world.close());

const status = { name: "flibs / build", state: "running", title: "step 3", summary: "all of it" } as const;

describe("flags", () => {
  test("PG9: are refused for a commit that nobody has, which Pagure would take", async () => {
    await world.person.commit("main", { a: "1" });
    const nobodys = "0".repeat(39).concat("1");
    await expect(world.forge.setStatus(world.repository, nobodys, status)).rejects.toMatchObject({ code: "forge.commit-unknown" });
    expect(world.pagure.flags(world.repository, nobodys)).toEqual([]);
  });

  test("PG10: stay with the head that they were of; the next one has its own", async () => {
    await world.person.commit("main", { a: "1" });
    const first = await world.person.commit("topic", { b: "1" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    await world.forge.setStatus(world.repository, first, status);
    const second = await world.person.commit("topic", { b: "2" });
    expect((await world.forge.findPull(world.repository, number))?.head).toBe(second);
    expect(await world.forge.listStatuses(world.repository, second)).toEqual([]);
    await world.forge.setStatus(world.repository, second, status);
    expect(world.pagure.flags(world.repository, first)).toHaveLength(1);
    expect(world.pagure.flags(world.repository, second)).toHaveLength(1);
  });

  test("have a deterministic uid, and are written once for the same words", async () => {
    const commit = await world.person.commit("main", { a: "1" });
    for (let i = 0; i < 3; i++) await world.forge.setStatus(world.repository, commit, status);
    expect(world.pagure.flags(world.repository, commit)).toMatchObject([{ uid: uidOf(world.repository, commit, status.name), user: bot }]);
    expect(world.pagure.hooks.queued.filter(({ topic }) => topic.startsWith("commit.flag"))).toHaveLength(1);
  });

  test("of one name set by two processes at one moment are one, in spite of the database", async () => {
    const commit = await world.person.commit("main", { a: "1" });
    const patient = { delay: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)) };
    const [one, other] = [world.openForge(patient), world.openForge(patient)];
    await Promise.all([
      one.setStatus(world.repository, commit, status),
      other.setStatus(world.repository, commit, { ...status, state: "success" }),
    ]);
    expect(world.pagure.flags(world.repository, commit)).toHaveLength(1);
  });

  test("survive what goes wrong on the way: a page for an answer, and an answer that was lost", async () => {
    const commit = await world.person.commit("main", { a: "1" });
    world.pagure.faults.next("/flag", "html");
    world.pagure.faults.next("POST /api/0/containers/cockpit/c/", "502-after");
    world.pagure.faults.next("POST /api/0/containers/cockpit/c/", "EDBERROR");
    await world.forge.setStatus(world.repository, commit, status);
    expect(world.pagure.faults.pending()).toBe(0);
    expect(world.pagure.flags(world.repository, commit)).toHaveLength(1);
  });

  test("are not written any more with a token that was refused, until flibs starts anew", async () => {
    const commit = await world.person.commit("main", { a: "1" });
    world.pagure.expireToken(world.tokens.reports.secret);
    await expect(world.forge.setStatus(world.repository, commit, status)).rejects.toMatchObject({ code: "forge.token-refused" });
    const asked = world.pagure.seen.filter(({ method }) => method === "POST").length;
    await expect(world.forge.setStatus(world.repository, commit, status)).rejects.toMatchObject({ code: "forge.token-refused" });
    expect(world.pagure.seen.filter(({ method }) => method === "POST")).toHaveLength(asked);
  });
});

describe("what a pull request is told", () => {
  async function open() {
    await world.person.commit("main", { a: "1\n" });
    const head = await world.person.commit("topic", { b: "1\n" }, "main");
    return { head, number: await world.person.openPull("topic", "main", "Add b") };
  }
  const comments = (number: number) => world.pagure.pull(world.repository, number).comments.filter((one) => one.user === bot);

  test("a failure in one comment with how it is mended, nothing of what goes well", async () => {
    const { head, number } = await open();
    await world.forge.setStatus(world.repository, head, { ...status, state: "running" });
    await world.forge.setStatus(world.repository, head, { ...status, state: "success" });
    expect(comments(number)).toEqual([]);
    const annotations = [{ path: "Dockerfile", line: 3, level: "failure", message: "no version" }] as const;
    for (let i = 0; i < 2; i++) await world.forge.setStatus(world.repository, head, { ...status, state: "failure", annotations });
    expect(comments(number).map(({ text }) => text.split("\n\n<!--")[0])).toEqual([
      "`flibs / build`: `step 3`\n\nall of it\n\n- `Dockerfile:3: no version`",
    ]);
  });

  test("a failure that stands once, whichever run says it again; another one again", async () => {
    const { head, number } = await open();
    const say = (run: string, title: string) =>
      world.forge.setStatus(world.repository, head, {
        ...{ ...status, state: "failure", title, key: run, url: `https://flibs.example.test/builds/${run}` },
      });
    for (const run of ["run-1", "run-2", "run-3"]) await say(run, "1 fault");
    expect(comments(number).map(({ text }) => text.split("\n\n<!--")[0])).toEqual([
      "`flibs / build`: `1 fault`\n\nall of it\n\nAll about it: https://flibs.example.test/builds/run-1",
    ]);
    expect(await world.forge.listStatuses(world.repository, head)).toMatchObject([{ key: "run-3" }]);
    await say("run-4", "2 faults");
    expect(comments(number)).toHaveLength(2);
    expect((await world.forge.listComments(world.repository, number)).at(-1)?.text).toMatch(/^`flibs \/ build`: `2 faults`[^<]*run-4$/);
  });

  test("a failure whose flag stands is told, although the comment was lost at first", async () => {
    const { head, number } = await open();
    world.pagure.faults.next("/comment", "502");
    const failed = { ...status, state: "failure" } as const;
    await expect(world.forge.setStatus(world.repository, head, failed)).rejects.toMatchObject({ code: "forge.unreachable" });
    expect(world.pagure.flags(world.repository, head)).toEqual([]);
    await world.forge.setStatus(world.repository, head, failed);
    expect([comments(number).length, world.pagure.flags(world.repository, head).length]).toEqual([1, 1]);
  });

  test("a failure's flag is set although Pagure will not have its comment", async () => {
    const { head } = await open();
    world.pagure.faults.next("/comment", "404");
    const failed = { ...status, state: "failure" } as const;
    await expect(world.forge.setStatus(world.repository, head, failed)).rejects.toMatchObject({ code: "forge.refused" });
    expect(world.pagure.flags(world.repository, head).map((one) => one.status)).toEqual(["failure"]);
  });

  test("a command is answered by a flag on the head: pending, and then how it went", async () => {
    const { head, number } = await open();
    await world.person.comment(number, "/build");
    const [comment] = await world.forge.listComments(world.repository, number);
    const said: unknown[] = [];
    for (const reaction of ["seen", "done", "refused"] as const) {
      await world.forge.react(world.repository, number, comment?.id ?? "", reaction);
      said.push(world.pagure.flags(world.repository, head).map((one) => [one.username, one.status]));
    }
    expect(said).toEqual(["pending", "success", "canceled"].map((word) => [["flibs / command", word]]));
    expect(comments(number)).toEqual([]);
  });
});

describe("people", () => {
  test("in groups, in patterns of branches, and on no list at all may write", async () => {
    const { pagure, forge } = world;
    pagure.group("packagers", ["carol"]);
    pagure.group("owners", ["dave"]);
    pagure.externalCommitter("proven");
    await pagure.createProject("containers/groups", {
      ...{ owner: "alice", groups: { commit: ["packagers"], admin: ["owners"] } },
      ...{ users: { collaborator: ["erin"], ticket: ["frank"] }, collaboratorBranches: { erin: "f*" } },
    });
    const ask = (person: string, branch?: string) => forge.findPermission("containers/groups", person, branch);
    expect(await Promise.all([ask("alice"), ask("dave"), ask("carol"), ask("proven"), ask("frank")])).toEqual([
      ...["admin", "admin", "write", "write", "triage"],
    ]);
    expect(await Promise.all([ask("erin", "f42"), ask("erin", "main"), ask("mallory"), ask("../x"), ask("")])).toEqual([
      ...["write", "triage", "none", "none", "none"],
    ]);
  });
});
