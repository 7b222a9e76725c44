import { expect, test } from "@jest/globals";
import { type Component, compareComponents, componentsError, formatDifferences } from "../../src/builds/compare-components.ts";
import { startsFromNothing } from "../../src/builds/demand-same-components.ts";
import { parseDockerfile } from "../../src/distgit/dockerfile.ts";

const rpm = (text: string): Component => {
  const [, name = "", version = "", release = "", keyId] = /^(.+)-([^-]+)-([^- ]+)(?: (\w+))?$/.exec(text) ?? [];
  return { name, version, release, ...(keyId === undefined ? {} : { keyId }) };
};
const images = (amd64: readonly string[], arm64: readonly string[]) => [
  { platform: "linux/amd64" as const, rpms: amd64.map(rpm) },
  { platform: "linux/arm64" as const, rpms: arm64.map(rpm) },
];

test.each<[string, readonly string[], readonly string[], readonly string[]]>([
  ["the same packages", ["bash-5.2-1"], ["bash-5.2-1"], []],
  ["in another order", ["bash-5.2-1", "zlib-1-1"], ["zlib-1-1", "bash-5.2-1"], []],
  ["another version", ["bash-5.2-1"], ["bash-5.3-1"], ["bash"]],
  ["another release", ["bash-5.2-1"], ["bash-5.2-2"], ["bash"]],
  ["another key", ["bash-5.2-1 aaaa"], ["bash-5.2-1 bbbb"], ["bash"]],
  ["signed here, unsigned there", ["bash-5.2-1 aaaa"], ["bash-5.2-1"], ["bash"]],
  ["one that only one platform has", ["bash-5.2-1", "grub2-efi-1-1"], ["bash-5.2-1"], []],
  ["several versions of one on both", ["kernel-1-1", "kernel-2-1"], ["kernel-2-1", "kernel-1-1"], []],
  ["several versions of one, one of them missing", ["kernel-1-1", "kernel-2-1"], ["kernel-2-1"], ["kernel"]],
  ["keys that rpm trusts", ["gpg-pubkey-1-1"], ["gpg-pubkey-2-2"], []],
  ["an exception", ["glibc-1-1", "bash-1-1"], ["glibc-2-1", "bash-2-1"], ["bash"]],
  ["several, by name", ["zlib-1-1", "acl-1-1"], ["zlib-2-1", "acl-2-1"], ["acl", "zlib"]],
  ["no package at all", [], [], []],
])("%s", (_, amd64, arm64, different) => {
  expect(compareComponents(images(amd64, arm64), ["glibc"]).map(({ name }) => name)).toEqual(different);
});

test("the message is Atomic Reactor's, and the log has what each platform has", () => {
  const differences = compareComponents(images(["bash-5.2-1 aaaa", "zlib-1-1"], ["bash-5.2-2 aaaa", "zlib-1-2"]), []);
  expect(componentsError(differences)).toMatchObject({
    code: "builds.components-differ",
    kind: "input",
    message: "Failed component comparison for components: bash, zlib",
    hint: "Build again when all architectures have the same packages, or let operators add the names to components.mayDiffer",
  });
  expect(formatDifferences(differences)).toBe(
    "Comparison mismatch for component rpm bash:\n  x86_64: 5.2-1 signed by aaaa\n  aarch64: 5.2-2 signed by aaaa\nComparison mismatch for component rpm zlib:\n  x86_64: 1-1 unsigned\n  aarch64: 1-2 unsigned\n",
  );
});

test("a thousand names do not fill a status", () => {
  const many = (version: string) => Array.from({ length: 1000 }, (_, index) => `p${String(index).padStart(4, "0")}-${version}-1`);
  const error = componentsError(compareComponents(images(many("1"), many("2")), []));
  expect(error?.message).toMatch(/^Failed component comparison for components: p0000, .*p0019 and 980 more$/);
});

test.each([
  ["FROM scratch\n", true],
  ["FROM registry.example.test/a:1\n", false],
  ["FROM registry.example.test/a:1 AS a\nFROM scratch AS b\nFROM b\n", true],
  ["FROM scratch AS a\nFROM registry.example.test/a:1\nCOPY --from=a / /\n", false],
])("%j starts from nothing: %s", (text, expected) => {
  const { dockerfile } = parseDockerfile(text);
  expect(dockerfile && startsFromNothing(dockerfile)).toBe(expected);
});
