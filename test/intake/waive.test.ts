import { beforeEach, describe, expect, test } from "@jest/globals";
import { parseNvr } from "../../src/domain/nvr.ts";
import { subjectTypes } from "../../src/gating/subject-types.ts";
import { commandWorld, manifests } from "./command-world.ts";

let world: Awaited<ReturnType<typeof commandWorld>>;
const digest = `sha256:${"d".repeat(64)}` as const;
const nvr = parseNvr("hello-1-1.f42");
const tests = ["smoke", "slow"].map((suite) => ({ suite, outcome: "fail" as const, cases: [], message: "1 failed", durationMs: 1 }));
const platforms = ["linux/amd64"] as const;

beforeEach(async () => {
  world = await commandWorld({ replies: "outcomes" });
  world.addBuild("b1", { nvr, digest, tests });
  const record = world.records.get("b1");
  if (record?.plan) world.records.set("b1", { ...record, plan: { ...record.plan, platforms } });
});

const given = async () => (await world.gating.waivers.list([], { obsolete: true, offset: 0, limit: 10 })).waivers;

describe("/waive", () => {
  test("on a promotion is for the digest of the build that it proposes; the gate is asked again, and the answer says what was done", async () => {
    const { reaction } = await world.comment("alice", "/waive smoke the mirror was down", manifests, 1);
    expect(await given()).toEqual([
      {
        ...{ id: 1, subject: { type: subjectTypes.digest, identifier: digest }, testcase: "flibs.smoke", username: "alice", waived: true },
        ...{ productVersion: "fedora-42", comment: "the mirror was down" },
        ...{ timestamp: "2026-11-23T22:00:00.000Z", expiresAt: "2026-12-23T22:00:00.000Z" },
      },
    ]);
    expect(world.started()).toEqual([{ flow: "gate", subject: "gate b1", intent: { build: "b1", requestedBy: "alice" } }]);
    expect(reaction).toBe("done");
  });

  test("on a pull request of a container repository is for the newest build of its branch; one that is being built has to be named", async () => {
    await world.comment("alice", "/waive smoke flaky --for 7d");
    const { digest: _, ...building } = { ...world.records.get("b1"), id: "b2", state: "building" as const, nvr: parseNvr("hello-1-2.f42") };
    world.records.set("b2", { ...building, tests: [], createdAt: "2026-11-23T21:30:00Z" } as never);
    await world.comment("alice", "/flibs waive flibs.slow known bug");
    expect((await world.replies())[0]).toContain("the tests of build b2, the newest of branch f42, have not ended");
    await world.comment("alice", "/flibs waive flibs.slow known bug --until 2026-12-01 --nvr hello-1-2.f42");
    expect((await given()).map(({ subject, expiresAt }) => [subject.identifier, expiresAt])).toEqual([
      ["hello-1-2.f42", "2026-12-02T00:00:00.000Z"],
      [digest, "2026-11-30T22:00:00.000Z"],
    ]);
  });

  test.each([
    { name: "complete", change: { digest: `sha256:${"e".repeat(64)}` as const } },
    { name: "being built", change: { state: "building" as const, tests: [] } },
  ])("is never for a build that was begun after it was written: $name", async ({ change }) => {
    const intent = await world.intentOf("alice", "/waive smoke flaky");
    const later = { ...world.records.get("b1"), ...change, id: "b2", nvr: parseNvr("hello-1-2.f42"), createdAt: "2026-11-23T22:00:01Z" };
    world.records.set("b2", later as never);
    await world.journal.attempt(world.flow, "late", intent);
    expect((await given()).map(({ subject }) => subject.identifier)).toEqual([digest]);
  });

  test("is refused for a complete build of which a suite has no result yet", async () => {
    world.addBuild("b1", { nvr, digest, tests: tests.slice(0, 1) });
    await world.comment("alice", "/waive smoke flaky");
    expect([(await world.replies())[0], await given()]).toEqual([expect.stringContaining("have not ended"), []]);
  });

  test.each([
    { name: "a person's branch", headBranch: "topic" },
    { name: "the branch of another image", headBranch: "promote/f42/other" },
    { name: "a fork", headBranch: "promote/f42/hello-2", fromFork: true },
  ])("below a pull request from $name the text names no build", async ({ headBranch, fromFork = false }) => {
    world.forge.commit(manifests, headBranch, { change: "2" }, "f42");
    const opened = {
      repository: manifests,
      headBranch,
      baseBranch: "f42",
      title: "t",
      body: "promotes b1 of f42/hello",
      person: "mallory",
    };
    const { number } = await world.forge.openPull(opened);
    const { findPull } = world.ports.forge;
    const seen = async (...asked: Parameters<typeof findPull>) => {
      const pull = await findPull(...asked);
      return pull && { ...pull, fromFork };
    };
    Object.assign(world.forge, { findPull: seen });
    for (const line of ["/waive smoke flaky", "/promote", "/rollback"]) await world.comment("alice", line, manifests, number);
    expect([await given(), world.started(), world.asked]).toEqual([[], [], []]);
    expect((await world.replies(manifests, number))[0]).toContain("this pull request names no build");
  });

  test("by name-version-release is for that", async () => {
    await world.comment("alice", "/waive smoke flaky --nvr hello-1-1.f42");
    expect((await given())[0]?.subject).toEqual({ type: subjectTypes.nvr, identifier: "hello-1-1.f42" });
  });

  test("twice delivered is one waiver, and one run", async () => {
    const { intent } = await world.comment("alice", "/waive smoke flaky");
    await world.journal.attempt(world.flow, "the same comment again", intent);
    expect(await given()).toHaveLength(1);
    expect(world.started()).toHaveLength(1);
  });

  test.each([
    { who: "mallory", what: "a stranger" },
    { who: "bob", what: "somebody who may write to the container repository alone" },
  ])("of $what is refused", async ({ who }) => {
    const { reaction } = await world.comment(who, "/waive smoke let me in");
    expect(reaction).toBe("refused");
    expect(await given()).toEqual([]);
    expect(world.started()).toEqual([]);
    expect((await world.replies())[0]).toContain("needs write access to `releng/manifests`");
  });

  test("of the pull request's own author who may not write is refused", async () => {
    world.forge.roles.set(`${manifests} alice`, "read");
    const { reaction } = await world.comment("alice", "/waive smoke it is my own");
    expect([reaction, await given()]).toEqual(["refused", []]);
  });

  test.each([
    { name: "no reason", text: "/waive smoke" },
    { name: "no test", text: "/waive" },
    { name: "10,000 letters", text: `/waive smoke ${"x".repeat(10_000)}` },
    { name: "a terminal's escape", text: "/waive smoke a\u001b[31mred" },
    { name: "a direction override", text: "/waive smoke a\u202eb" },
    { name: "a test with blanks", text: "/waive 'smo ke' flaky" },
    { name: "a test that is a path", text: "/waive ../../x flaky" },
    { name: "a test that is markup", text: "/waive '<img src=x>' flaky" },
    { name: "a test that nobody asks for", text: "/waive signature I trust it" },
    { name: "a length that is none", text: "/waive smoke flaky --for ever" },
    { name: "a day that is over", text: "/waive smoke flaky --until 2020-01-01" },
    { name: "a length and a day", text: "/waive smoke flaky --for 7d --until 2026-12-01" },
    { name: "too long a time", text: "/waive smoke flaky --for 9999d" },
    { name: "a build that is not there", text: "/waive smoke flaky --nvr hello-9-9" },
  ])("with $name is refused, and said why", async ({ text }) => {
    const { reaction } = await world.comment("alice", text);
    expect([reaction, await given(), world.started()]).toEqual(["refused", [], []]);
    const [reply = ""] = await world.replies();
    expect(reply.length).toBeGreaterThan(20);
    expect(reply.length).toBeLessThan(3000);
    // Markup stands in code only.
    expect(reply.replace(/`[^`]+`|```[\s\S]*```/g, "")).not.toMatch(/<img/);
    expect(reply).not.toMatch(/\p{Cc}(?<!\n)|\u202e/u);
  });

  test("keeps markup in its reason as words, and shows it as words", async () => {
    await world.comment("alice", "/waive smoke <b>see</b> #12 and @bob");
    expect((await given())[0]?.comment).toBe("<b>see</b> #12 and @bob");
    for (const { id } of world.all) world.end(id, { status: "done" });
    for (const reply of await world.replies()) expect(reply.replace(/`[^`]*`/g, "")).not.toMatch(/<b>|@bob/);
  });
});

describe("/unwaive", () => {
  test("takes the waiver back that counts, whoever gave it, and asks the gate again", async () => {
    await world.comment("alice", "/waive smoke flaky");
    world.forge.roles.set(`${manifests} bob`, "write");
    await world.comment("bob", "/unwaive smoke it is our bug");
    expect(await given()).toMatchObject([
      { waived: false, username: "bob", comment: "it is our bug", testcase: "flibs.smoke" },
      { waived: true, username: "alice" },
    ]);
    expect(world.started().map(({ flow }) => flow)).toEqual(["gate", "gate"]);
    const record = world.records.get("b1");
    expect(record && (await world.ports.waiving.gate.ask(record)).answers.every((one) => one.waiver === undefined)).toBe(true);
  });

  test("needs no reason, and says when there is nothing to take back", async () => {
    await world.comment("alice", "/unwaive smoke");
    expect((await world.replies())[0]).toContain("no waiver of smoke counts for build b1");
    await world.comment("alice", "/waive smoke flaky");
    await world.comment("alice", "/unwaive flibs.smoke");
    expect((await given())[0]).toMatchObject({ waived: false, comment: "taken back" });
  });

  test("is refused to a stranger", async () => {
    await world.comment("alice", "/waive smoke flaky");
    const { reaction } = await world.comment("mallory", "/unwaive smoke");
    expect([reaction, (await given()).length]).toEqual(["refused", 1]);
  });
});
