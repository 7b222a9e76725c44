import { beforeEach, describe, expect, test } from "@jest/globals";
import type { BuildRequested } from "../../src/builds/build-record.ts";
import type { Approval } from "../../src/intake/approvals.ts";
import { authorizeBuild, judgeTrust } from "../../src/intake/trust.ts";
import { type FakeForge, fakeForge } from "../fakes/forge.ts";

const repository = "containers/hello";
let forge: FakeForge;
let approvals: Approval[];
let number: number;
let head: string;
let base: string;

const ports = () => ({
  forge,
  isBuilt: (branch: string) => branch === "main",
  manifests: "releng/manifests",
  approvals: {
    findApproval: async (name: string, where: string, pull: number, commit: string) =>
      approvals.find((one) => one.forge === name && one.repository === where && one.number === pull && one.head === commit),
  },
});
const pullNow = async () => {
  const pull = await forge.findPull(repository, number);
  if (pull === undefined) throw new Error("no pull request");
  return pull;
};
const approve = (commit: string) =>
  approvals.push({ forge: "local", repository, number, head: commit, approvedBy: "alice", at: "2026-11-01T00:00:00Z" });
const request = (changes: Partial<BuildRequested> = {}): BuildRequested => ({
  ...{ forge: "local", repository, branch: "main", commit: head, scratch: true, requestedBy: "mallory", pull: number, stranger: { base } },
  ...changes,
});

beforeEach(async () => {
  forge = fakeForge();
  approvals = [];
  await forge.createRepository(repository);
  base = forge.commit(repository, "main", { Dockerfile: "FROM scratch\n" });
  head = forge.commit(repository, "topic", { Dockerfile: "FROM x\n" }, "main");
  forge.roles.set("mallory", "read");
  ({ number } = await forge.openPull({ repository, headBranch: "topic", baseBranch: "main", title: "t", body: "", person: "mallory" }));
});

describe("a pull request", () => {
  test("of somebody who may write is trusted", async () => {
    forge.roles.set("mallory", "write");
    expect(await judgeTrust(ports(), await pullNow())).toEqual({ kind: "trusted" });
  });
  test.each(["none", "read", "triage"] as const)(
    "of somebody with %s is a stranger's, judged by the base branch as it is now",
    async (role) => {
      forge.roles.set("mallory", role);
      const moved = forge.commit(repository, "main", { other: "1" });
      expect(await judgeTrust(ports(), await pullNow())).toEqual({ kind: "stranger", base: moved, approval: undefined });
    },
  );
  test("is trusted by a right on its base branch when that is built", async () => {
    forge.roles.set(`${repository} mallory main`, "write");
    expect(await judgeTrust(ports(), await pullNow())).toEqual({ kind: "trusted" });
  });
  test.each([
    ["into a branch that is not built", repository, "sandbox/mallory"],
    ["in the registry manifests", "releng/manifests", "main"],
  ])("%s is judged by rights where the repository is used, for whoever opens it chooses the branch", async (_name, where, baseBranch) => {
    if (where !== repository) await forge.createRepository(where);
    forge.roles.set(`${where} mallory`, "read");
    forge.roles.set(`${where} mallory ${baseBranch}`, "write");
    forge.commit(where, baseBranch, { Dockerfile: "FROM scratch\n" });
    forge.commit(where, "evil", { Dockerfile: "FROM x\n" }, baseBranch);
    const pull = { repository: where, headBranch: "evil", baseBranch, title: "t", body: "", person: "mallory" };
    const found = await forge.findPull(where, (await forge.openPull(pull)).number);
    if (found === undefined) throw new Error("no pull request");
    expect(await judgeTrust(ports(), found)).toMatchObject({ kind: "stranger" });
    forge.roles.set(`${where} mallory`, "write");
    expect(await judgeTrust(ports(), found)).toEqual({ kind: "trusted" });
  });
  test("keeps its approval until the next push", async () => {
    approve(head);
    expect(await judgeTrust(ports(), await pullNow())).toMatchObject({ approval: { approvedBy: "alice", head } });
    forge.commit(repository, "topic", { evil: "1" });
    expect(await judgeTrust(ports(), await pullNow())).toMatchObject({ approval: undefined });
  });
});

describe("when a build begins", () => {
  test("an approved head may be built for its author", async () => {
    approve(head);
    await expect(authorizeBuild(ports(), request())).resolves.toBeUndefined();
  });
  test("builds of branches are not asked about", async () => {
    const { pull: _, stranger: __, ...branch } = request();
    await expect(authorizeBuild(ports(), { ...branch, scratch: false })).resolves.toBeUndefined();
  });
  test("a head without approval is refused, with what somebody has to write", async () => {
    await expect(authorizeBuild(ports(), request())).rejects.toMatchObject({
      code: "intake.not-approved",
      kind: "denied",
      hint: `Somebody who may write comments /ok-to-test ${head}`,
    });
  });
  test("a push since then ends it, although the old head was approved", async () => {
    approve(head);
    const next = forge.commit(repository, "topic", { evil: "1" });
    await expect(authorizeBuild(ports(), request())).rejects.toMatchObject({
      kind: "stale",
      message: `superseded by commit ${next.slice(0, 12)} of #1 of containers/hello`,
    });
  });
  test("an approved head is never built as a trusted one", async () => {
    approve(head);
    const { stranger: _, ...asTrusted } = request();
    await expect(authorizeBuild(ports(), asTrusted)).rejects.toMatchObject({ code: "intake.not-approved" });
  });
  test("whoever asked must still be allowed to, but for the author", async () => {
    approve(head);
    forge.roles.set("eve", "triage");
    await expect(authorizeBuild(ports(), request({ requestedBy: "eve" }))).rejects.toMatchObject({
      code: "intake.not-allowed",
      kind: "denied",
    });
    forge.roles.set("eve", "write");
    await expect(authorizeBuild(ports(), request({ requestedBy: "eve" }))).resolves.toBeUndefined();
  });
  test("whoever asked must be allowed to where the repository is used, when the branch is not built", async () => {
    const branches = { headBranch: "topic", baseBranch: "sandbox/eve" };
    forge.commit(repository, "sandbox/eve", { Dockerfile: "FROM scratch\n" });
    ({ number } = await forge.openPull({ repository, ...branches, title: "t", body: "", person: "mallory" }));
    approve(head);
    forge.roles.set("eve", "read");
    forge.roles.set(`${repository} eve sandbox/eve`, "write");
    const asked = request({ requestedBy: "eve", branch: "sandbox/eve" });
    await expect(authorizeBuild(ports(), asked)).rejects.toMatchObject({ code: "intake.not-allowed" });
  });
  test("an author who lost the role is a stranger", async () => {
    forge.roles.set("mallory", "write");
    const { stranger: _, ...trusted } = request();
    await expect(authorizeBuild(ports(), trusted)).resolves.toBeUndefined();
    forge.roles.set("mallory", "read");
    await expect(authorizeBuild(ports(), trusted)).rejects.toMatchObject({ code: "intake.not-approved" });
  });
  test("a closed one is stale", async () => {
    approve(head);
    await forge.closePull(repository, number, "alice");
    await expect(authorizeBuild(ports(), request())).rejects.toMatchObject({ kind: "stale", message: "#1 of containers/hello is closed" });
  });
});
