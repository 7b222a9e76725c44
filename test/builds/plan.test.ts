import { expect, test } from "@jest/globals";
import { matchesPrefix } from "../../src/builds/parent-name.ts";
import { choosePlatforms } from "../../src/builds/platforms.ts";

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
