import { expect, test } from "@jest/globals";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { memoryGate } from "../support/memory-gate.ts";
import { build, digest, flibs } from "./cli-world.ts";

const gated: BuildRecord = {
  ...build,
  plan: {
    ...{ imageRepository: "hello", platforms: ["linux/amd64"], parents: [], labels: {}, uniqueTag: "u", floatingTags: [] },
    suites: [{ name: "smoke", kind: "command", definition: {}, required: true }],
  },
};
const failed: BuildRecord = { ...gated, tests: build.tests.map((one) => ({ ...one, outcome: "fail", message: "it \u001b[31mfell" })) };

test("gate says what holds a build back, and ends with 1", async () => {
  const good = await flibs(["gate", "b1"], { build: gated });
  expect(good).toMatchObject({ code: 0 });
  expect(good.out).toContain("gate of hello-container-1.0-1 for flibs_promote, fedora-rawhide: satisfied");
  const bad = await flibs(["gate", "hello-container-1.0-1"], { build: failed });
  expect(bad.code).toBe(1);
  expect(bad.out).toMatch(/flibs\.smoke +x86_64 +failed +it /);
  expect(bad.out).not.toContain("\u001b");
  const json = await flibs(["gate", "b1", "--json"], { build: failed });
  expect(JSON.parse(json.out)).toMatchObject({ policies_satisfied: false, summary: "1 of 1 required tests failed" });
  expect(json.code).toBe(1);
});

test("waive writes a waiver down and shows the gate, waivers lists it, unwaive takes it back", async () => {
  const world = { build: failed, gating: memoryGate() };
  const given = await flibs(["waive", "b1", "smoke", "the", "mirror", "was", "down", "--for", "7d"], world);
  expect(given.out).toContain("flibs.smoke of hello-container-1.0-1 is waived until 2026-11-30 12:00 UTC");
  expect(given.out).toContain("failed, waived");
  expect(given.started).toMatchObject([{ flow: "gate", intent: { build: "b1", requestedBy: "alice" } }]);
  const listed = await flibs(["waivers"], world);
  expect(listed.out).toMatch(new RegExp(`flibs\\.smoke +${digest} +until 2026-11-30 12:00 UTC +alice +the mirror was down`));
  expect((await flibs(["waivers", "list", "b1", "--json"], world)).out).toContain('"comment": "the mirror was down"');
  const back = await flibs(["unwaive", "b1", "smoke"], { ...world, uniqueId: "u2" });
  expect(back.out).toContain("is not waived any more");
  expect((await flibs(["waivers"], world)).out).toContain("taken back");
});

test.each([
  { name: "a length that is none", words: ["waive", "b1", "smoke", "why", "--for", "ever"], says: "is no length" },
  { name: "a day that is none", words: ["waive", "b1", "smoke", "why", "--until", "2026-02-30"], says: "is no day" },
  { name: "a test that nobody asks for", words: ["waive", "b1", "other", "why"], says: 'does not ask for "other"' },
  { name: "a reason of blanks", words: ["waive", "b1", "smoke", " "], says: "a reason has 1 to 500 letters" },
  { name: "nothing to take back", words: ["unwaive", "b1", "smoke"], says: "no waiver of smoke counts" },
])("refused: $name", async ({ words, says }) => {
  const { code, err, started } = await flibs(words, { build: failed });
  expect([code, started]).toEqual([2, []]);
  expect(err).toContain(says);
});
