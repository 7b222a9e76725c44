import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestHex, digestOf, isDigest, parseDigest, shortDigest } from "../../src/domain/digest.ts";
import { appError, errorCatalogue, errorKind, isAppError, reportError } from "../../src/domain/errors.ts";
import { checkTag, formatImageReference, isRepository, isTag, parseImageReference } from "../../src/domain/image-reference.ts";
import { checkNvr, formatNvr, isRelease, parseNvr, versionRelease } from "../../src/domain/nvr.ts";
import { platformArchitecture, rpmArchitecture } from "../../src/domain/platform.ts";

const hex = "a".repeat(64);

describe("digest", () => {
  test("is computed over exact bytes", () => {
    expect(digestOf("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });
  test.each(["", "sha256:", `sha256:${"A".repeat(64)}`, `sha512:${hex}`, `sha256:${hex}0`, ` sha256:${hex}`])("%p is none", (text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(/is not a digest/);
  });
  test("has a long and a short form without the algorithm", () => {
    expect(digestHex(`sha256:${hex}`)).toBe(hex);
    expect(shortDigest(`sha256:${hex}`)).toBe("aaaaaaaaaaaa");
  });
});

describe("image reference", () => {
  test.each([
    ["registry.example.test/f40/cockpit:323-1.fc40", { registry: "registry.example.test", repository: "f40/cockpit", tag: "323-1.fc40" }],
    ["localhost/a", { registry: "localhost", repository: "a" }],
    ["127.0.0.1:5000/a/b", { registry: "127.0.0.1:5000", repository: "a/b" }],
    ["[::1]:5000/a", { registry: "[::1]:5000", repository: "a" }],
    [`r.test/a:1@sha256:${hex}`, { registry: "r.test", repository: "a", tag: "1", digest: `sha256:${hex}` }],
  ])("%s", (text, expected) => {
    expect(parseImageReference(text)).toEqual(expected);
  });
  test.each(["fedora", "library/fedora:40", "docker/busybox:1"])(
    "DG13: %s is not completed to docker.io, since every client completes it in its own way",
    (text) => {
      expect(() => parseImageReference(text)).toThrow("names no registry");
    },
  );
  test.each([
    ["r.test/Upper", /invalid repository/],
    ["r.test/a:", /invalid tag/],
    ["r.test/a:.b", /invalid tag/],
    ["r.test/a@sha256:12", /invalid digest/],
    ["r.test/a@x@y", /more than one @/],
    ["-r.test/a", /invalid registry/],
    ["r.test/../a", /invalid repository/],
    ["", /names no registry/],
  ])("%s is refused", (text, why) => {
    expect(() => parseImageReference(text)).toThrow(why);
  });
  test("what is formatted reads back the same", () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const reference = fc.record({
      registry: fc.constantFrom("r.example.test", "localhost:5000", "10.0.0.1:5000"),
      repository: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
      tag: fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,30}$/),
    });
    fc.assert(fc.property(reference, (value) => expect(parseImageReference(formatImageReference(value))).toEqual(value)));
  });
  test("never throws anything but an input error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseImageReference(text);
        } catch (error) {
          expect(errorKind(error)).toBe("input");
        }
      }),
    );
  });
  test("a tag has at most 128 characters", () => {
    expect(isTag("a".repeat(128))).toBe(true);
    expect(() => checkTag("a".repeat(129))).toThrow(/is not a tag/);
    expect(isRepository("a".repeat(256))).toBe(false);
  });
});

describe("NVR", () => {
  test("is split at the last two dashes", () => {
    expect(parseNvr("my-app-container-1.0-2.fc40")).toEqual({ name: "my-app-container", version: "1.0", release: "2.fc40" });
  });
  test.each([
    [{ name: "a b", version: "1", release: "1" }, /name "a b"/],
    [{ name: "a", version: "1-2", release: "1" }, /version "1-2"/],
    [{ name: "a", version: "", release: "1" }, /version ""/],
    [{ name: "a", version: "1/2", release: "1" }, /version "1\/2"/],
    [{ name: "a", version: "1", release: "fc40" }, /release "fc40"/],
    [{ name: "a", version: "1", release: "1-2" }, /release "1-2"/],
    [{ name: "a", version: "1", release: "1..2" }, /release "1..2"/],
  ])("%p is refused, naming the part", (nvr, why) => {
    expect(() => checkNvr(nvr)).toThrow(why);
  });
  // With OSBS's own expression this line of a comment would hold up everybody for years.
  test.each(["^", "", "-", "."])("a long release that ends in %p is read at once", (end) => {
    const text = `a-1-1${"a".repeat(900)}${end}`;
    if (end === "") expect(parseNvr(text).release).toHaveLength(901);
    else expect(() => parseNvr(text)).toThrow(expect.objectContaining({ code: "domain.nvr-invalid" }));
  });
  test("releases are those that OSBS takes", () => {
    const osbs = /^\d+([._]?[a-zA-Z0-9]+)*$/;
    fc.assert(fc.property(fc.stringMatching(/^[0-9a-z._-]{0,9}$/), (text) => expect(isRelease(text)).toBe(osbs.test(text))));
  });
  test("what is formatted reads back the same", () => {
    const nvr = fc.record({
      name: fc.stringMatching(/^[a-z][a-z0-9+.-]{0,12}[a-z]$/),
      version: fc.stringMatching(/^[0-9a-z.]{1,8}$/),
      release: fc.stringMatching(/^[0-9]{1,3}(\.fc[0-9]{2})?$/),
    });
    fc.assert(fc.property(nvr, (value) => expect(parseNvr(formatNvr(value))).toEqual(value)));
    expect(versionRelease({ name: "a", version: "1.0", release: "2.fc40" })).toBe("1.0-2.fc40");
    expect(() => parseNvr("nodash")).toThrow(/is not a name-version-release/);
  });
});

test("architectures have Koji's names", () => {
  expect(rpmArchitecture("linux/amd64")).toBe("x86_64");
  expect(rpmArchitecture("linux/arm64")).toBe("aarch64");
  expect(rpmArchitecture("linux/loong64")).toBe("loong64");
  expect(platformArchitecture("linux/s390x")).toBe("s390x");
});

describe("errors", () => {
  test("carry code, kind and the smallest fix, and nothing else into a report", () => {
    const error = appError("domain.tag-invalid", "no tag", { hint: "Write one", file: "a.yaml", line: 3, cause: new Error("secret") });
    expect(isAppError(error)).toBe(true);
    expect(reportError(error)).toEqual({
      code: "domain.tag-invalid",
      kind: "input",
      message: "no tag",
      hint: "Write one",
      file: "a.yaml",
      line: 3,
    });
  });
  test("what nobody translated is ours to mend", () => {
    expect(errorKind(new TypeError("x"))).toBe("internal");
    expect(reportError("odd")).toEqual({ code: "internal", kind: "internal", message: "odd" });
  });
  test("every code starts with its room and has a meaning without a full stop", () => {
    for (const [code, entry] of Object.entries(errorCatalogue)) {
      expect(code).toMatch(/^[a-z]+\.[a-z0-9-]+$/);
      expect(entry.meaning).not.toMatch(/\.$/);
    }
  });
});
