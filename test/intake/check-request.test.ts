import { beforeEach, describe, expect, test } from "@jest/globals";
import type { CommitStatus } from "../../src/forge/forge.ts";
import { type CheckRequest, type CheckRequestPorts, checkRequestFlow } from "../../src/intake/check-request-flow.ts";
import type { Run, RunRequest } from "../../src/workflow/run.ts";
import { type FakeForge, fakeForge } from "../fakes/forge.ts";
import { memoryStep } from "../support/step.ts";

const repository = "containers/hello";
let forge: FakeForge;
let commit: string;
let runs: Map<string, Run>;
let started: RunRequest[];
let cancelled: [string, string][];

const ports = (): CheckRequestPorts => ({
  forge,
  runs: {
    find: async (id) => runs.get(id),
    start: async (request) => `run ${started.push(request)}`,
    cancel: async (id, reason) => cancelled.push([id, reason]) > 0,
  },
  pageOf: (run) => `http://flibs.test/builds/${run}`,
});
const press = (changes: Partial<CheckRequest> = {}, step = memoryStep(), given = ports()) =>
  checkRequestFlow(given).run(step, { what: "again", forge: "local", repository, commit, request: "r1", actor: "alice", ...changes });
const say = (name: string, state: CommitStatus["state"], key: string) =>
  forge.setStatus(repository, commit, { name, state, title: "", summary: "", key });

beforeEach(async () => {
  forge = fakeForge();
  await forge.createRepository(repository);
  commit = forge.commit(repository, "main", { Dockerfile: "FROM scratch\n" });
  started = [];
  cancelled = [];
  const intent = { forge: "local", repository, branch: "main", commit, scratch: false, requestedBy: "bob" };
  runs = new Map([
    ["b1", { id: "b1", flow: "build", subject: "build", intent, status: "failed", attempt: 1, createdAt: "2026-11-01T00:00:00Z" }],
  ]);
  await say("flibs / lint", "success", "b1");
  await say("flibs / build (linux/amd64)", "success", "b1");
  await say("flibs / test: smoke", "failure", "b1");
  await say("flibs / test: slow", "error", "b1");
});

describe("the re-run button", () => {
  test("of one check does that part alone", async () => {
    await press({ name: "flibs / test: smoke", key: "b1" });
    expect(started).toMatchObject([{ flow: "test", intent: { build: "b1", suites: ["smoke"] } }]);
  });
  test("finds the run by the check's name where the forge lost the key", async () => {
    await press({ name: "flibs / build (linux/amd64)" });
    expect(started).toMatchObject([{ flow: "build", intent: { commit, requestedBy: "alice" } }]);
  });
  test("of a whole suite does again what did not succeed", async () => {
    await press();
    expect(started.map((one) => [one.flow, one.intent])).toMatchObject([
      ["test", { suites: ["smoke"] }],
      ["test", { suites: ["slow"] }],
    ]);
  });
  test("of a whole suite whose build failed is one build, which brings its tests along", async () => {
    await say("flibs / build (linux/amd64)", "failure", "b1");
    await press();
    expect(started).toMatchObject([{ flow: "build", intent: { commit } }]);
  });
  test("of a suite where all is well builds again", async () => {
    await say("flibs / test: smoke", "success", "b1");
    await say("flibs / test: slow", "neutral", "b1");
    await press();
    expect(started).toMatchObject([{ flow: "build" }]);
  });
  test("does nothing for somebody who may not write", async () => {
    forge.roles.set("mallory", "triage");
    await press({ name: "flibs / test: smoke", key: "b1", actor: "mallory" });
    expect(started).toEqual([]);
  });
  test("of a check that is at work leaves it at that", async () => {
    runs.set("b1", { ...(runs.get("b1") as Run), status: "running" });
    await press({ name: "flibs / test: smoke", key: "b1" });
    expect(started).toEqual([]);
    expect((await forge.listStatuses(repository, commit)).map((one) => one.state)).toEqual(["success", "success", "failure", "error"]);
  });
  test("of a commit that its branch has left says why it is not built", async () => {
    forge.commit(repository, "main", { more: "1" });
    await press({ name: "flibs / build (linux/amd64)", key: "b1" });
    expect(started).toEqual([]);
    const said = (await forge.listStatuses(repository, commit)).find((one) => one.name === "flibs / build (linux/amd64)");
    expect(said?.title).toMatch(/^main has moved to [0-9a-f]{12}; only its head is built$/);
  });
  test("asks nobody while it holds a transaction: eight at once would each wait for a connection that the others hold", async () => {
    const step = memoryStep();
    const whileWriting: string[] = [];
    const watched = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(of, name, receiver) {
          if (step.isWriting) whileWriting.push(String(name));
          return Reflect.get(of, name, receiver);
        },
      });
    const { forge, runs, pageOf } = ports();
    await press({ name: "flibs / build (linux/amd64)" }, step, { forge: watched(forge), runs: watched(runs), pageOf });
    expect(started).toMatchObject([{ flow: "build" }]);
    expect(whileWriting).toEqual(["start"]);
  });
  test("of a check that nobody here knows does nothing", async () => {
    await press({ name: "somebody else's", key: "unknown" });
    expect(started).toEqual([]);
  });
});

describe("the cancel button", () => {
  test("ends the run, and says who pressed it", async () => {
    await press({ what: "cancel", name: "flibs / build (linux/amd64)", key: "b1" });
    expect(cancelled).toEqual([["b1", "cancelled by alice"]]);
  });
  test("does nothing for somebody who may not write", async () => {
    forge.roles.set("mallory", "read");
    await press({ what: "cancel", name: "flibs / build (linux/amd64)", key: "b1", actor: "mallory" });
    expect(cancelled).toEqual([]);
  });
});
