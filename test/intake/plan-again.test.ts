import { describe, expect, test } from "@jest/globals";
import { type AgainFacts, planAgain } from "../../src/intake/plan-again.ts";
import type { Run } from "../../src/workflow/run.ts";

const facts: AgainFacts = { name: "flibs / lint", actor: "alice", request: "r1", whole: false, head: "c1" };
const built = { forge: "github", repository: "containers/hello", branch: "main", commit: "c1", scratch: false, requestedBy: "bob" };

function run(flow: string, intent: object): Run {
  return { id: "b1", flow, subject: `${flow} subject`, intent, status: "failed", attempt: 1, createdAt: "2026-11-01T00:00:00Z" };
}

describe("a check is run again", () => {
  const table: readonly { name: string; run: Run; facts?: Partial<AgainFacts>; wanted: object }[] = [
    {
      name: "the build of a branch's head, asked for by whoever pressed the button",
      run: run("build", built),
      facts: { name: "flibs / build (linux/amd64)" },
      wanted: { flow: "build", subject: "build subject", intent: { ...built, requestedBy: "alice" }, whenBusy: "supersede" },
    },
    {
      name: "one platform of a scratch build alone",
      run: run("build", { ...built, scratch: true, pull: 3 }),
      facts: { name: "flibs / build (linux/arm64)" },
      wanted: { intent: { pull: 3, architectures: ["linux/arm64"], requestedBy: "alice" } },
    },
    {
      name: "an isolated build of an older commit, since it moves no tag",
      run: run("build", { ...built, isolated: true, release: "3.1", target: "f42" }),
      facts: { head: "c2" },
      wanted: { intent: { isolated: true, release: "3.1", target: "f42", commit: "c1" } },
    },
    {
      name: "one test suite without building",
      run: run("build", built),
      facts: { name: "flibs / test: smoke" },
      wanted: { flow: "test", intent: { build: "b1", suites: ["smoke"], requestedBy: "alice" }, whenBusy: "queue" },
    },
    {
      name: "a suite that was run again before, of the same build",
      run: run("test", { build: "b0", suites: ["smoke"], requestedBy: "bob" }),
      facts: { name: "flibs / test: smoke" },
      wanted: { flow: "test", intent: { build: "b0", suites: ["smoke"] } },
    },
    {
      name: "the proposal alone",
      run: run("build", built),
      facts: { name: "flibs / promotion" },
      wanted: { flow: "promote", intent: { build: "b1", requestedBy: "alice" } },
    },
    {
      name: "the look at a pull request",
      run: run("pull", { forge: "github", repository: "containers/hello", number: 3, head: "c1" }),
      wanted: { flow: "pull", intent: { number: 3, head: "c1" }, whenBusy: "supersede" },
    },
    {
      name: "a release, which waits for the one at work",
      run: run("release", { path: "images/f42/hello.yaml", commit: "c1" }),
      facts: { name: "flibs / release to production (f42/hello)" },
      wanted: { flow: "release", whenBusy: "queue" },
    },
  ];
  test.each(table)("$name", ({ run: before, facts: changed, wanted }) => {
    expect(planAgain(before, { ...facts, ...changed })).toMatchObject(wanted);
  });

  test("the build of a commit that its branch has left is refused: its tags would go back", () => {
    expect(planAgain(run("build", built), { ...facts, head: "c2c2c2c2c2c2c2c2" })).toEqual({
      refusal: "main has moved to c2c2c2c2c2c2; only its head is built",
    });
    expect(planAgain(run("build", built), { ...facts, head: undefined })).toEqual({
      refusal: "main has moved to nowhere; only its head is built",
    });
  });

  test("a second press of the button is a second wish, a repeated delivery is not", () => {
    const keyOf = (request: string) => (planAgain(run("build", built), { ...facts, request }) as { key: string }).key;
    expect(keyOf("r1")).toBe(keyOf("r1"));
    expect(keyOf("r1")).not.toBe(keyOf("r2"));
  });
});
