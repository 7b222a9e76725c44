import { expect, test } from "@jest/globals";
import { findDistribution } from "../../src/builds/os-release.ts";

const distribution = (text: string, path = "/usr/lib/os-release") => findDistribution({ [path]: Buffer.from(text) });

test.each([
  ["NAME=Fedora\nID=fedora\nVERSION_ID=42\n", { id: "fedora", version: "42" }],
  ['ID="rhel"\r\nVERSION_ID="9.4"\r\n', { id: "rhel", version: "9.4" }],
  ["ID='opensuse-leap'\nVERSION_ID='15.6'", { id: "opensuse-leap", version: "15.6" }],
  ["ID=arch\n", { id: "arch" }],
  ["ID=first\nID=fedora\n", { id: "fedora" }],
  ["VARIANT_ID=container\nVERSION_ID=42\n", undefined],
  ["ID=../../etc\n", undefined],
  ["ID=fed\u001bora\n", undefined],
  ["ID=fedora\nVERSION_ID=4 2\n", { id: "fedora" }],
  ["", undefined],
])("%j is %j", (text, found) => {
  expect(distribution(text)).toEqual(found);
});

test("the real file counts before the link to it", () => {
  const files = { "/etc/os-release": Buffer.from("ID=b\n"), "/usr/lib/os-release": Buffer.from("ID=a\n") };
  expect(findDistribution(files)).toEqual({ id: "a" });
  expect(distribution("ID=b\n", "/etc/os-release")).toEqual({ id: "b" });
  expect(findDistribution({})).toBeUndefined();
});

test("a file that is no text, and one that is huge, are no trouble", () => {
  expect(findDistribution({ "/etc/os-release": Buffer.alloc(1000, 0xff) })).toBeUndefined();
  expect(findDistribution({ "/etc/os-release": Buffer.from(`${"x\n".repeat(100_000)}ID=a\n`) })).toBeUndefined();
});
