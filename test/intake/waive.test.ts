import { beforeEach, describe, expect, test } from "@jest/globals";
import { parseNvr } from "../../src/domain/nvr.ts";
import { subjectTypes } from "../../src/gating/subject-types.ts";
import { commandWorld, manifests } from "./command-world.ts";

let world: Awaited<ReturnType<typeof commandWorld>>;
const digest = `sha256:${"d".repeat(64)}` as const;
const nvr = parseNvr("hello-1-1.f42");
const platforms = ["linux/amd64"] as const;

beforeEach(async () => {
  world = await commandWorld({ replies: "outcomes" });
  world.addBuild("b1", { nvr, digest });
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

  test("on a pull request of a container repository is for the newest build of its branch, also one that is being built", async () => {
    await world.comment("alice", "/waive smoke flaky --for 7d");
    const { digest: _, ...building } = { ...world.records.get("b1"), id: "b2", state: "building" as const, nvr: parseNvr("hello-1-2.f42") };
    world.records.set("b2", { ...building, createdAt: "2026-11-23T21:30:00Z" } as never);
    await world.comment("alice", "/flibs waive flibs.slow known bug --until 2026-12-01");
    expect((await given()).map(({ subject, expiresAt }) => [subject.identifier, expiresAt])).toEqual([
      ["hello-1-2.f42", "2026-12-02T00:00:00.000Z"],
      [digest, "2026-11-30T22:00:00.000Z"],
    ]);
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
