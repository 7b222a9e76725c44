import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { floatingTags, platformTag, uniqueTag } from "../../src/builds/tags.ts";
import { isTag } from "../../src/domain/image-reference.ts";

const facts = { component: "hello-container", target: undefined, build: "20261123-abc", createdAt: "2026-11-23T21:00:05.123Z", attempt: 0 };

describe("the unique tag", () => {
  test("has component, target or none, five digits and the time, and is the same after a crash", () => {
    expect(uniqueTag(facts)).toMatch(/^hello-container-none-\d{5}-20261123210005$/);
    expect(uniqueTag({ ...facts, target: "f42-container-candidate" })).toMatch(
      /^hello-container-f42-container-candidate-\d{5}-20261123210005$/,
    );
    expect(uniqueTag(facts)).toBe(uniqueTag(facts));
    expect(uniqueTag(facts)).toBe("hello-container-none-61563-20261123210005");
  });
  test("differs between builds, and with every attempt to find one that nobody has", () => {
    expect(uniqueTag({ ...facts, build: "20261123-abd" })).not.toBe(uniqueTag(facts));
    expect(uniqueTag({ ...facts, attempt: 1 })).not.toBe(uniqueTag(facts));
  });
  test("names that sanitising or cutting would make the same stay apart", () => {
    const build = "id";
    const begin = (component: string, target?: string) => uniqueTag({ ...facts, build, component, target }).replace(/-\d{5}-\d{14}$/, "");
    expect(begin("a/b")).not.toBe(begin("a-b"));
    expect(begin("a+b")).not.toBe(begin("a/b"));
    expect(begin(`${"x".repeat(200)}a`)).not.toBe(begin(`${"x".repeat(200)}b`));
    expect(begin("a", `${"t".repeat(50)}a`)).not.toBe(begin("a", `${"t".repeat(50)}b`));
  });
  test("is a tag whatever it is made of, with room for every platform", () => {
    const platform = fc.constantFrom(
      "linux/amd64",
      "linux/ppc64le",
      "linux/riscv64",
      "linux/arm/v7",
      "windows/amd64",
    ) as fc.Arbitrary<`${string}/${string}`>;
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.option(fc.string({ maxLength: 300 })), platform, (component, target, one) => {
        const tag = uniqueTag({ ...facts, component, target: target ?? undefined });
        expect(isTag(tag)).toBe(true);
        expect(isTag(platformTag(tag, one))).toBe(true);
      }),
    );
  });
  test("platforms never share one", () => {
    const platforms = ["linux/amd64", "windows/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64"] as const;
    expect(platforms.map((platform) => platformTag("u", platform))).toEqual([
      "u-amd64",
      "u-windows-amd64",
      "u-arm-v6",
      "u-arm-v7",
      "u-arm64",
    ]);
  });
});

describe("floating tags", () => {
  const values = { version: "1" };
  const primary = "1-1";
  test("are latest and the version, and what additional-tags has", () => {
    expect(floatingTags({ values, primary })).toEqual(["1", "latest"]);
    expect(floatingTags({ additional: ["f42", "1"], values, primary })).toEqual(["1", "f42", "latest"]);
  });
  test("tags of container.yaml take the place of all of them", () => {
    expect(floatingTags({ named: ["f42"], additional: ["old"], values, primary })).toEqual(["f42"]);
    expect(floatingTags({ named: [], additional: ["old"], values, primary })).toEqual([]);
  });
  test("latest comes last, labels are filled in, doubles fall out", () => {
    expect(floatingTags({ named: ["latest", "{version}", "1", "f42"], values, primary })).toEqual(["1", "f42", "latest"]);
    expect(floatingTags({ named: ["v{version}.{x.y}"], values: { version: "1", "x.y": "2" }, primary })).toEqual(["v1.2"]);
  });
  test("a tag of 128 characters is taken, one of 129 is not", () => {
    expect(floatingTags({ named: ["x".repeat(128)], values, primary })).toHaveLength(1);
    expect(() => floatingTags({ named: ["x".repeat(129)], values, primary })).toThrow(`"${"x".repeat(129)}" is not a tag`);
  });

  test.each([
    ["{nope}", 'tag "{nope}" names the label "nope", which the image does not have', "Use a label of the Dockerfile, as in {version}"],
    ["{constructor}", 'tag "{constructor}" names the label "constructor", which the image does not have', expect.any(String)],
    ["a b", '"a b" is not a tag', "Use at most 128 letters, digits, dots, dashes and underscores, not starting with a dot or dash"],
    ["1-1", `tag "1-1" is the build's own and never moves`, "Remove it from tags"],
    [
      "hello-none-12345-20261123210005",
      'tag "hello-none-12345-20261123210005" ends as the tags do that builds get for themselves and that never move',
      "Choose another tag",
    ],
    [
      "hello-none-12345-20261123210005-arm64",
      'tag "hello-none-12345-20261123210005-arm64" ends as the tags do that builds get for themselves and that never move',
      "Choose another tag",
    ],
  ])("%s is refused", (tag, message, hint) => {
    expect(() => floatingTags({ named: [tag], values, primary })).toThrow(
      expect.objectContaining({ code: "builds.tag-invalid", message, hint, file: "container.yaml" }),
    );
  });
  test("what is wrong in additional-tags names that file", () => {
    expect(() => floatingTags({ additional: ["1-1"], values, primary })).toThrow(expect.objectContaining({ file: "additional-tags" }));
    // No label is filled in there.
    expect(() => floatingTags({ additional: ["{version}"], values, primary })).toThrow('"{version}" is not a tag');
  });
  test("whatever labels hold, only tags come out, each once, none of them the release's", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 12 }), { maxLength: 6 }), fc.string({ maxLength: 140 }), (named, version) => {
        let tags: readonly string[] = [];
        try {
          tags = floatingTags({ named: ["{version}", ...named], values: { version }, primary });
        } catch (error) {
          expect(error).toMatchObject({ code: "builds.tag-invalid" });
        }
        expect(tags.every(isTag)).toBe(true);
        expect(new Set(tags).size).toBe(tags.length);
        expect(tags).not.toContain(primary);
      }),
    );
  });
});
