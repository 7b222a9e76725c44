import { describe, expect, test } from "@jest/globals";
import { fixedRelease, nextRelease } from "../../src/builds/next-release.ts";
import { matchesPrefix } from "../../src/builds/parents.ts";
import { choosePlatforms } from "../../src/builds/platforms.ts";
import { floatingTags, platformTag, uniqueTag } from "../../src/builds/tags.ts";
import { isTag } from "../../src/domain/image-reference.ts";

test.each([
  [undefined, "1"],
  ["7", "8"],
  ["7.fc42", "8.fc42"],
  ["1.fc42.3", "1.fc42.4"],
  ["2.1.4", "2.5"],
  ["1.2", "2.2"],
  ["1.fc42.x", "1"],
  ["a", "1"],
  ["1.2.3.4", "1"],
])("after release %s comes %s", (newest, next) => {
  expect(nextRelease(newest)).toBe(next);
});

test("a given release is taken once, and refused when it is there", () => {
  expect(fixedRelease("a", "1", "3")("2")).toBe("3");
  expect(() => fixedRelease("a", "1", "3")("3")).toThrow("a-1-3 was built already");
  const next = fixedRelease("a", "1", "3");
  next("5");
  expect(() => next("3")).toThrow("a-1-3 was built already");
});

describe("tags", () => {
  test("the unique tag is the same on every attempt and differs between builds", () => {
    const tag = uniqueTag("hello-container", "20261123-abc", "2026-11-23T21:00:05.123Z");
    expect(tag).toMatch(/^hello-container-none-\d{5}-20261123210005$/);
    expect(uniqueTag("hello-container", "20261123-abc", "2026-11-23T21:00:05.123Z")).toBe(tag);
    expect(uniqueTag("hello-container", "20261123-abd", "2026-11-23T21:00:05.123Z")).not.toBe(tag);
  });

  test("long names that begin alike stay apart, with room for the architecture", () => {
    const [a, b] = ["a", "b"].map((end) => uniqueTag(`${"x".repeat(200)}${end}`, "id", "2026-11-23T21:00:05Z"));
    expect(a).not.toBe(b);
    expect(isTag(platformTag(a ?? "", "linux/ppc64le"))).toBe(true);
  });

  test("latest comes last, labels are filled in, doubles fall out", () => {
    expect(floatingTags(undefined, { version: "1" }, "1-1")).toEqual(["1", "latest"]);
    expect(floatingTags(["latest", "{version}", "1", "f42"], { version: "1" }, "1-1")).toEqual(["1", "f42", "latest"]);
  });

  test.each([
    ["{nope}", 'names the label "nope"'],
    ["a b", "is not a tag"],
    ["1-1", "never moves"],
    ["{constructor}", 'names the label "constructor"'],
  ])("%s is refused", (tag, message) => {
    expect(() => floatingTags([tag], { version: "1" }, "1-1")).toThrow(message);
  });
});

test("container.yaml chooses among the platforms of the engine", () => {
  const served = ["linux/arm64", "linux/amd64"] as const;
  expect(choosePlatforms(served, { not: [] })).toEqual(["linux/amd64", "linux/arm64"]);
  expect(choosePlatforms(served, { only: ["x86_64"], not: [] })).toEqual(["linux/amd64"]);
  expect(choosePlatforms(served, { not: ["amd64"] })).toEqual(["linux/arm64"]);
  expect(() => choosePlatforms(served, { only: ["s390x"], not: [] })).toThrow("no platform is left");
});

test("a prefix ends at a slash or a whole name", () => {
  expect(matchesPrefix("quay.io/fedora", "quay.io/fedora-evil/x")).toBe(false);
  expect(matchesPrefix("quay.io/fedora", "quay.io/fedora/x")).toBe(true);
  expect(matchesPrefix("quay.io/", "quay.io.evil.test/x")).toBe(false);
});
