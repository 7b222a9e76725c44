import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countedRelease, givenRelease, kojiNextRelease, type TakenRelease } from "../../src/builds/next-release.ts";
import { isRelease } from "../../src/domain/nvr.ts";

/** Newest first, as the store tells them. */
const taken = (...releases: readonly string[]): TakenRelease[] =>
  releases.map((release, index) => ({ build: `b${index + 1}`, name: "a", release }));
const counted = (...releases: readonly string[]) => countedRelease("a")(taken(...releases));

describe("Koji's getNextRelease", () => {
  test.each([
    [undefined, "1"],
    ["7", "8"],
    ["09", "10"],
    ["20261123123456789012", "20261123123456789013"],
    ["7.fc42", "8.fc42"],
    ["1.2", "2.2"],
    ["1.fc42.3", "1.fc42.4"],
    ["2.1.4", "2.1.5"],
    ["1.fc42.x", undefined],
    ["a", undefined],
    ["a.1", undefined],
    ["1.2.3.4", undefined],
  ])("%s is followed by %s", (newest, next) => {
    expect(kojiNextRelease(newest)).toBe(next);
  });
});

describe("a release that nobody gave", () => {
  test.each([
    ["the first", [], "1"],
    ["a number", ["7"], "8"],
    ["with a distribution", ["7.fc42"], "8.fc42"],
    ["the third part counts", ["1.fc42.3"], "1.fc42.4"],
    ["a second part of digits is dropped", ["2.1.3"], "2.4"],
    ["also when it is the last", ["1.2"], "2"],
    ["the newest build counts, not the largest release", ["2", "7", "1"], "3"],
    ["what is taken is leapt over", ["4", "5", "2", "3"], "6"],
    ["after an isolated build the line goes on", ["3.1", "5", "4", "3"], "6"],
    ["the second part goes while leaping, too", ["2.1.3", "2.4"], "3"],
    ["what Koji cannot count up is searched for a plain number", ["x.y.z.1", "3.1", "8"], "4"],
    ["and counted from one when there is none", ["1.fc42.x", "b"], "1"],
    ["also when one is taken", ["1.fc42.x", "1"], "2"],
    ["where the first part is no number the third one counts", ["1a.fc42.3", "1a.fc42.4"], "1a.fc42.5"],
  ])("%s", (_, releases, next) => {
    expect(counted(...releases)).toBe(next);
  });

  test("another component with the same image keeps its tags: they are leapt over, but not counted from", () => {
    const other = taken("9", "1", "2").map((one) => ({ ...one, name: "b" }));
    expect(countedRelease("a")(other)).toBe("3");
  });

  const release = fc.stringMatching(/^[0-9][0-9a]{0,2}([._][0-9a]{1,2}){0,3}$/);
  test("is free, and a release that Koji takes, whatever was built before", () => {
    fc.assert(
      fc.property(fc.array(release, { maxLength: 30 }), (releases) => {
        const next = counted(...releases);
        expect(releases).not.toContain(next);
        expect(isRelease(next)).toBe(true);
      }),
    );
  });
  test("builds one after the other never get one twice", () => {
    fc.assert(
      fc.property(fc.array(release, { maxLength: 5 }), (before) => {
        const releases = [...before];
        for (let count = 0; count < 20; count++) releases.unshift(counted(...releases));
        expect(new Set(releases).size).toBe(new Set(before).size + 20);
      }),
    );
  });
});

describe("a release that was given", () => {
  const given = givenRelease({ name: "a", version: "1", release: "3" }, "Dockerfile");
  test("is taken as it is", () => {
    expect(given(taken("2", "4"))).toBe("3");
  });
  test("is refused when it is there, and nothing else is tried", () => {
    expect(() => given(taken("4", "3"))).toThrow(
      expect.objectContaining({
        code: "builds.nvr-exists",
        message: "build already exists in Koji: a-1-3 (b2)",
        hint: "Give another release, or none: then flibs counts up by itself",
        file: "Dockerfile",
      }),
    );
  });
  test("is refused when another component has its tag", () => {
    const other = [{ build: "b7", name: "b", release: "3" }];
    expect(() => givenRelease({ name: "a", version: "1", release: "3" })(other)).toThrow(
      expect.objectContaining({
        message: "build already exists in Koji: a-1-3 (b7); b has the same image and is released there as 1-3",
        file: undefined,
      }),
    );
  });
});
