import { expect, test } from "@jest/globals";
import { answerDecision } from "../../src/builds/answer-decision.ts";
import { boundDecisions } from "../../src/builds/bound-decisions.ts";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { parseNvr } from "../../src/domain/nvr.ts";
import type { Judgement } from "../../src/gating/decide.ts";
import { memoryGate } from "../support/memory-gate.ts";

const nvr = parseNvr("hello-1-1.f40");
const build: BuildRecord = {
  ...{
    id: "b1",
    forge: "local",
    repository: "containers/hello",
    branch: "f40",
    commit: "c".repeat(40),
    scratch: false,
    requestedBy: "alice",
  },
  ...{ state: "complete", images: [], tests: [], createdAt: "2026-11-23T11:00:00Z", nvr },
  plan: { imageRepository: "f40/hello", platforms: [], parents: [], labels: {}, uniqueTag: "u", floatingTags: [], suites: [] },
};
const builds = { find: async () => build, findByNvr: async () => build, findByDigest: async () => undefined };
const question = { product_version: "fedora-40", decision_context: "flibs_promote", subject_type: "koji_build" };
const body = { ...question, subject_identifier: "hello-1-1.f40" };
const bounds = { rememberMs: 30_000, atOnce: 2, waiting: 1 };

test("what policy.yaml asks for is read once in 30 seconds, however many ask; what failed is read again", async () => {
  let [reads, at, fails] = [0, Date.parse("2026-11-23T12:00:00Z"), true];
  const { ports } = memoryGate().state;
  const readGates = async () => {
    reads += 1;
    if (fails) throw new Error("the forge is away");
    return ["smoke"];
  };
  const bounded = boundDecisions({ ...ports, builds, readGates, now: () => new Date(at) }, bounds);
  await expect(answerDecision(bounded, body)).rejects.toThrow("the forge is away");
  fails = false;
  const answers = await Promise.all(Array.from({ length: 10 }, () => answerDecision(bounded, body)));
  expect(answers.every((one) => one.status === 200)).toBe(true);
  expect(answers[0]?.body).toMatchObject({ unsatisfied_requirements: [{ testcase: "flibs.smoke" }] });
  expect(reads).toBe(2);
  at += 30_000;
  await answerDecision(bounded, body);
  expect(reads).toBe(3);
});

test("the site's Greenwave is asked by so many at once, some wait, and others are sent away", async () => {
  const { ports } = memoryGate().state;
  const open: ((judgement: Judgement) => void)[] = [];
  const greenwave = { ask: () => new Promise<Judgement>((resolve) => open.push(resolve)) };
  const bounded = boundDecisions({ ...ports, builds, greenwave }, bounds);
  const asked = Array.from({ length: 4 }, () => answerDecision(bounded, body));
  await expect(asked[3]).rejects.toMatchObject({ code: "gating.greenwave-unavailable" });
  expect(open).toHaveLength(2);
  const yes = { satisfied: true, applicablePolicies: ["remote"], answers: [] };
  open[0]?.(yes);
  await asked[0];
  expect(open).toHaveLength(3);
  for (const resolve of open) resolve(yes);
  expect((await Promise.all(asked.slice(0, 3))).map((one) => one.status)).toEqual([200, 200, 200]);
  const again = answerDecision(bounded, body);
  await new Promise(setImmediate);
  open[3]?.(yes);
  expect((await again).status).toBe(200);
});
