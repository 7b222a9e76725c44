import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { boundResult, countCases, cutText, kept } from "../../src/gating/bound-result.ts";
import { isFlaky } from "../../src/gating/flaky.ts";
import { groupOf, resultData } from "../../src/gating/resultsdb-data.ts";
import { anyResult } from "./any-result.ts";

test("a result within bounds stays as it is", () => {
  const result = { suite: "s", outcome: "pass", message: "m", cases: [], durationMs: 1, artifacts: ["a"] } as const;
  expect(boundResult(result)).toEqual(result);
});

test("of too many cases those that did not pass stay, in their order, and the rest is counted", () => {
  const cases = Array.from({ length: 1000 }, (_, n) => ({
    ...{ name: String(n), message: "", durationMs: 1 },
    outcome: n > 900 ? ("fail" as const) : ("pass" as const),
  }));
  const bound = boundResult({ suite: "s", outcome: "fail", message: "", cases, durationMs: 1 });
  expect(bound.cases).toHaveLength(500);
  expect(bound.cases.slice(-99).map((one) => one.name)).toEqual(cases.slice(901).map((one) => one.name));
  expect(bound.leftOut).toEqual({ pass: 500 });
  expect(countCases(bound)).toEqual({ pass: 901, fail: 99, error: 0, skip: 0 });
});

test("whatever a runner says is bounded, twice is once, and no case is lost from the count", () => {
  fc.assert(
    fc.property(anyResult, (result) => {
      const bound = boundResult(result);
      expect(boundResult(bound)).toEqual(bound);
      expect(countCases(bound)).toEqual(countCases(result));
      expect(bound.cases.length).toBeLessThanOrEqual(kept.cases);
      expect(bound.cases.reduce((sum, one) => sum + one.message.length, 0)).toBeLessThanOrEqual(kept.allMessages);
      expect(JSON.stringify(bound).isWellFormed()).toBe(true);
    }),
    { numRuns: 100 },
  );
  expect(cutText("a😀b", 3)).toBe("a…");
});

test.each([
  [["pass", "fail"], true],
  [["fail", "error", "pass"], true],
  [["error", "pass"], false],
  [["skip", "fail"], false],
  [["pass", "pass"], false],
  [[], false],
] as const)("flaky is what has passed and failed: %j is %s", (outcomes, flaky) => {
  expect(isFlaky(outcomes)).toBe(flaky);
});

const image = {
  nvr: { name: "httpd-container", version: "2.4", release: "3.f40container" },
  scratch: false,
  repository: "containers/httpd",
  commit: "c".repeat(40),
  platform: "linux/amd64",
  imageDigest: `sha256:${"a".repeat(64)}`,
  digest: `sha256:${"b".repeat(64)}`,
  fullNames: ["candidate.example.invalid/f40/httpd:2.4-3.f40container"],
} as const;

test("TR12: data is texts, as ResultsDB gives it back, and no key has a colon", () => {
  const data = resultData(image);
  expect(data).toEqual({
    item: ["httpd-container-2.4-3.f40container"],
    type: ["koji_build"],
    digest: [image.digest],
    image_digest: [image.imageDigest],
    nvr: ["httpd-container-2.4-3.f40container"],
    full_names: image.fullNames,
    system_architecture: ["x86_64"],
    scratch: ["False"],
    source_repository: ["containers/httpd"],
    source_commit: [image.commit],
  });
  expect(Object.keys(data).filter((key) => key.includes(":"))).toEqual([]);
});

test("a scratch build has no NVR: its item is the digest", () => {
  const { nvr: _, ...scratch } = image;
  expect(resultData({ ...scratch, scratch: true })).toMatchObject({ item: [image.digest], type: ["container-image"], scratch: ["True"] });
});

test("a build's group is a UUID, the same each time and another one for another build", () => {
  expect(groupOf("a")).toBe(groupOf("a"));
  expect(groupOf("a")).not.toBe(groupOf("b"));
  expect(groupOf("a")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
});
