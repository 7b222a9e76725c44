import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ProposedChange } from "../../../src/forge/forge.ts";
import { bot, leastAcls, pagureForgeWorld } from "../../support/pagure-forge.ts";

type World = Awaited<ReturnType<typeof pagureForgeWorld>>;
let world: World;
let base: string;
beforeEach(async () => {
  world = await pagureForgeWorld();
  base = await world.person.commit("main", { a: "1\n" });
});
afterEach(() => world.close());

const branch = "promote/f40/cockpit";
const proposal = (more: Partial<ProposedChange> = {}): ProposedChange => ({
  ...{ repository: world.repository, branch, baseBranch: "main", baseCommit: base, files: { "images/f40/cockpit.yaml": "new\n" } },
  ...{ commitMessage: "Promote cockpit", title: "Promote cockpit 1-1", body: "what changes", ...more },
});
const pulls = () => world.pagure.pulls(world.repository);

describe("a promotion", () => {
  test("is pushed with the bot's name, and opened with the least that a token may", async () => {
    await world.forge.proposeChange(proposal());
    expect(pulls()).toMatchObject([{ user: bot, status: "Open", branchFrom: branch }]);
    const receive = world.pagure.hooks.queued.find(({ topic, msg }) => topic === "git.receive" && msg.branch === branch);
    expect(receive?.msg).toMatchObject({ agent: bot, total_commits: 1 });
  });

  test("whose answer was lost is opened once", async () => {
    world.pagure.faults.next("pull-request/new", "502-after");
    await expect(world.forge.proposeChange(proposal())).rejects.toMatchObject({ code: "forge.unreachable" });
    expect(await world.forge.proposeChange(proposal())).toMatchObject({ outcome: "unchanged", number: 1 });
    expect(pulls()).toHaveLength(1);
  });

  test("whose push broke off is pushed again", async () => {
    world.pagure.faults.next("PUSH", "502");
    await expect(world.forge.proposeChange(proposal())).rejects.toMatchObject({ code: "forge.unreachable" });
    expect(await world.forge.proposeChange(proposal())).toMatchObject({ outcome: "opened" });
  });

  test("PG8: that stands there twice is one again, and one into another branch is closed", async () => {
    const opened = await world.forge.proposeChange(proposal());
    await world.person.commit("next", { n: "1\n" }, "main");
    const own = world.pagure.person(bot);
    await own.openPull(world.repository, { head: branch, base: "main" });
    await own.openPull(world.repository, { head: branch, base: "next" });
    expect(await world.forge.proposeChange(proposal())).toEqual({ ...opened, outcome: "unchanged" });
    expect(pulls().map(({ status }) => status)).toEqual(["Open", "Closed", "Closed"]);
  });

  test("is refused for a token without commit, once, and for a bot without rights", async () => {
    const acls = leastAcls.promotions.filter((acl) => acl !== "commit");
    const secret = world.pagure.createToken({ user: bot, acls });
    const weak = world.openForge({ tokens: { ...world.tokens, promotions: { secret, expires: undefined } } });
    await expect(weak.proposeChange(proposal())).rejects.toMatchObject({ code: "forge.token-refused" });
    await expect(weak.proposeChange(proposal())).rejects.toMatchObject({ code: "forge.token-refused" });
    world.pagure.setAccess(world.repository, bot, undefined);
    await expect(world.forge.proposeChange(proposal())).rejects.toMatchObject({ code: "forge.denied" });
  });

  test("goes over SSH with a key of the bot, where the settings say so", async () => {
    // Stands in for ssh: what git asks the other side to run is run on the double's own repository.
    const ssh = join(world.scratch, "ssh");
    const asked = join(world.scratch, "asked");
    const repository = world.pagure.gitPath(world.repository);
    await writeFile(ssh, `#!/bin/sh\nprintf '%s\\n' "$@" > '${asked}'\nexec git-receive-pack '${repository}'\n`);
    await chmod(ssh, 0o755);
    const path = process.env.PATH;
    process.env.PATH = `${world.scratch}:${path}`;
    try {
      const push = { kind: "ssh", url: "ssh://git@pagure.example.test", key: "/etc/flibs/a key", knownHosts: "/etc/flibs/known" } as const;
      expect(await world.openForge({ push }).proposeChange(proposal())).toMatchObject({ outcome: "opened" });
    } finally {
      process.env.PATH = path;
    }
    const words = (await readFile(asked, "utf8")).split("\n");
    expect(words).toEqual(
      expect.arrayContaining(["/etc/flibs/a key", "StrictHostKeyChecking=yes", "BatchMode=yes", "git@pagure.example.test"]),
    );
    expect(words.join(" ")).toContain(`git-receive-pack '/${world.repository}.git'`);
  });
});

describe("how a merge reads", () => {
  async function topic() {
    const head = await world.person.commit("topic", { b: "1\n" }, "main");
    return { head, number: await world.person.openPull("topic", "main", "Add b") };
  }
  const read = (number: number) => world.forge.findPull(world.repository, number);

  test("a fast-forward is merged by its head, another by the merge commit, however far the branch went on", async () => {
    const { head, number } = await topic();
    expect(await world.person.merge(number)).toBe(head);
    await world.person.commit("two", { c: "1\n" }, "main");
    const second = await world.person.openPull("two", "main", "Add c");
    await world.person.commit("main", { d: "1\n" });
    const merge = await world.person.merge(second);
    await world.person.commit("main", { e: "1\n" });
    expect(await read(number)).toMatchObject({ state: "merged", mergeCommit: head });
    expect(await read(second)).toMatchObject({ state: "merged", mergeCommit: merge });
  });

  test("PG5 and PG6: commits that were pushed by hand leave it open; a merge then is refused with 409, and done", async () => {
    const { head, number } = await topic();
    await world.bob.push(world.repository, "main", {}, { force: true, from: "topic" });
    const now = await world.forge.findHead(world.repository, "main");
    expect(await read(number)).toMatchObject({ state: "open", head });
    const token = world.pagure.createToken({ user: "bob", acls: ["pull_request_merge"] });
    const url = `${world.pagure.url}/api/0/${world.repository}/pull-request/${number}/merge`;
    const answer = await fetch(url, { method: "POST", headers: { authorization: `token ${token}` } });
    expect([answer.status, await answer.json()]).toMatchObject([409, { error_code: "EPRCONFLICTS" }]);
    expect(await read(number)).toMatchObject({ state: "merged", mergeCommit: head });
    expect(await world.forge.isAncestor(world.repository, head, now ?? "")).toBe(true);
  });
});

describe("the sweep", () => {
  const told = async (cursor: string | undefined) => {
    const { events, cursor: next } = await world.forge.changesSince(cursor);
    return { next, kinds: events.map((one) => one.kind), comments: events.flatMap((one) => ("comment" in one ? [one.comment] : [])) };
  };

  test("PG1, PG2 and PG3: finds comments by what was seen, whatever their numbers are, and neither those of Pagure itself nor edited ones", async () => {
    await world.person.commit("topic", { b: "1\n" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    await world.person.comment(number, "/build");
    const { next } = await told(undefined);
    const { comments } = world.pagure.pull(world.repository, number);
    const [first] = comments;
    if (first === undefined) throw new Error("there is no comment");
    // A number below one that was seen shows up late.
    comments.push(
      { ...first, id: 5000 },
      { ...first, id: 4000, notification: true },
      { ...first, id: 3000, edited: { by: "alice", at: 1 } },
    );
    const second = await told(next);
    expect(second.comments).toEqual(["5000"]);
    comments.unshift({ ...first, id: 77 });
    expect((await told(second.next)).comments).toEqual(["77"]);
  });

  test("finds a pull request that came and went between two looks", async () => {
    const { next } = await told(undefined);
    await world.person.commit("topic", { b: "1\n" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    await world.person.merge(number);
    const second = await told(next);
    expect([...second.kinds].sort()).toEqual(["branch-pushed", "branch-pushed", "pull-merged"]);
    expect((await told(second.next)).kinds).toEqual([]);
  });

  test.each(["merged", "closed", "closed below one that cannot be read"])(
    "begins with what is there now: one that was %s is past",
    async (how) => {
      await world.person.commit("topic", { b: "1\n" }, "main");
      const number = await world.person.openPull("topic", "main", "Add b");
      await world.person.comment(number, "/build");
      await (how === "merged" ? world.person.merge(number) : world.person.close(number));
      if (how.endsWith("read")) {
        const unreadable = await world.person.openPull("topic", "main", "Add b again");
        Object.assign(world.pagure.pull(world.repository, unreadable), { status: "Draft" });
      }
      const { next, kinds } = await told(undefined);
      expect(new Set(kinds)).toEqual(new Set(["branch-pushed"]));
      expect((await told(next)).kinds).toEqual([]);
    },
  );

  test("a project that is not there for a moment tells what it missed, and nothing of its past", async () => {
    await world.person.commit("topic", { b: "1\n" }, "main");
    const old = await world.person.openPull("topic", "main", "Add b");
    await world.person.comment(old, "/build");
    await world.person.merge(old);
    const { next } = await told(undefined);
    await world.person.commit("two", { c: "1\n" }, "main");
    const number = await world.person.openPull("two", "main", "Add c");
    await world.person.comment(number, "/promote");
    world.pagure.faults.next(`${world.repository}/git/branches`, "404");
    const second = await told(next);
    expect(second.kinds).toEqual([]);
    const { events, cursor } = await world.forge.changesSince(second.next);
    expect(events).toMatchObject([
      { kind: "branch-pushed", branch: "two" },
      { kind: "pull-opened", number },
      { kind: "comment-added", number, text: "/promote" },
    ]);
    expect((await told(cursor)).kinds).toEqual([]);
  });

  test("goes on without a project that is broken, and not at all when Pagure is away", async () => {
    const { next } = await told(undefined);
    await world.pagure.createProject("containers/other", { files: { a: "1\n" } });
    await world.person.commit("main", { a: "2\n" });
    world.pagure.faults.next("containers/other/git/branches", "expired");
    const second = await told(next);
    expect(second.kinds).toEqual(["branch-pushed"]);
    expect((await told(second.next)).kinds).toEqual(["branch-pushed"]);
    world.pagure.faults.next("GET /api/0/projects", "502", 4);
    await expect(told(second.next)).rejects.toMatchObject({ code: "forge.unreachable" });
  });

  test("takes the namespace from the settings, and leaves forks alone", async () => {
    await world.pagure.createProject("container/fedora", { files: { a: "1\n" } });
    await world.pagure.person("carol").fork("container/fedora");
    const { events } = await world.openForge({ namespace: "container" }).changesSince(undefined);
    expect(events.map(({ repository, kind }) => [repository, kind])).toEqual([["container/fedora", "branch-pushed"]]);
  });
});

describe("a message that comes before the database has it", () => {
  test("is waited for", async () => {
    const waited: number[] = [];
    const forge = world.openForge({ delay: async (ms) => void waited.push(ms) });
    await world.person.commit("topic", { b: "1\n" }, "main");
    const number = await world.person.openPull("topic", "main", "Add b");
    const sent = world.pagure.hooks.queued.find(({ topic }) => topic === "pull-request.new");
    if (sent === undefined) throw new Error("nothing was sent");
    world.pagure.faults.next(`GET /api/0/${world.repository}/pull-request/${number}`, "404", 2);
    expect(await forge.parseDelivery({ headers: {}, body: sent.body })).toMatchObject([{ kind: "pull-opened", number }]);
    expect(waited).toEqual([500, 1500]);
    const head = (await forge.findPull(world.repository, number))?.head ?? "";
    world.pagure.faults.next(`GET /api/0/${world.repository}/c/${head}/info`, "404", 1);
    await forge.setStatus(world.repository, head, { name: "flibs / lint", state: "running", title: "lints", summary: "" });
    expect(world.pagure.flags(world.repository, head)).toHaveLength(1);
  });
});

describe("flibs doctor", () => {
  const needs = { permissions: {}, events: [], hookUrl: "https://flibs.example.test/hooks/pagure" };

  test("finds all well", async () => {
    await world.pagure.createProject("containers/registry-manifests", { files: { a: "1\n" }, users: { commit: [bot] } });
    const { doctor } = world.forge;
    expect(await doctor.lookAtIdentity()).toContain("lisbot on http://127.0.0.1");
    expect(await doctor.lookAtGrants(needs)).toMatch(/flags/);
    expect(await doctor.lookAtRepositories()).toBe("2 projects in containers, and containers/registry-manifests");
    expect(await doctor.lookAtDeliveries(needs)).toContain(needs.hookUrl);
  });

  test("tries whether a push would be let in, and pushes nothing", async () => {
    await world.pagure.createProject("containers/registry-manifests", { files: { a: "1\n" }, users: { commit: [bot] } });
    const secret = world.pagure.createToken({ user: bot, acls: leastAcls.promotions.filter((acl) => acl !== "commit") });
    const { doctor } = world.openForge({ tokens: { ...world.tokens, promotions: { secret, expires: undefined } } });
    await expect(doctor.lookAtGrants(needs)).rejects.toMatchObject({ code: "forge.token-refused" });
    await world.forge.doctor.lookAtGrants(needs);
    expect(await world.forge.findHead("containers/registry-manifests", "flibs-doctor")).toBeUndefined();
  });

  test("and deliveries of projects that hide their key stop no token", async () => {
    await world.pagure.createProject("containers/closed", { files: { a: "1\n" } });
    world.pagure.testHook("containers/closed");
    const sent = world.pagure.hooks.queued.at(-1);
    if (sent === undefined) throw new Error("nothing was sent");
    await expect(world.forge.verifyDelivery({ headers: sent.headers, body: sent.body })).rejects.toMatchObject({
      code: "intake.signature-wrong",
    });
    await expect(world.forge.doctor.lookAtDeliveries(needs)).rejects.toThrow("containers/closed");
    await world.forge.setStatus(world.repository, base, { name: "flibs / lint", state: "running", title: "lints", summary: "" });
    expect(world.pagure.flags(world.repository, base)).toHaveLength(1);
    world.pagure.expireToken(world.tokens.reports.secret);
    await expect(world.forge.doctor.lookAtIdentity()).rejects.toMatchObject({ code: "forge.token-refused" });
  });

  test("names the ACL that a token lacks, and the project that hides its key; a look changes nothing", async () => {
    await world.pagure.createProject("containers/registry-manifests", { files: { a: "1\n" }, users: { commit: [bot] } });
    await world.pagure.createProject("containers/closed", { files: { a: "1\n" } });
    const secret = world.pagure.createToken({ user: bot, acls: ["commit_flag"] });
    const { doctor } = world.openForge({ tokens: { ...world.tokens, reports: { secret, expires: undefined } } });
    const before = world.pagure.hooks.queued.length;
    await expect(doctor.lookAtGrants(needs)).rejects.toThrow("may not pull_request_comment");
    await expect(doctor.lookAtDeliveries(needs)).rejects.toThrow("containers/closed");
    expect(world.pagure.hooks.queued).toHaveLength(before);
    const other = world.pagure.createToken({ user: "bob", acls: ["commit_flag"] });
    const wrong = world.openForge({ tokens: { ...world.tokens, reports: { secret: other, expires: undefined } } });
    await expect(wrong.doctor.lookAtIdentity()).rejects.toThrow("is bob's, the settings say lisbot");
    const old = world.openForge({ tokens: { ...world.tokens, reports: { secret, expires: "2020-01-31" } } });
    await expect(old.doctor.lookAtIdentity()).rejects.toThrow("has expired");
  });
});
