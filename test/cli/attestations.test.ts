import { expect, test } from "@jest/globals";
import { flibs } from "./cli-world.ts";

const image = "p.test/hello:1.0-1";

test("attestations lists what is attached, with a verdict on each, and steers no terminal", async () => {
  const { code, out } = await flibs(["attestations", image]);
  expect(code).toBe(0);
  expect(out.split("\n").map((line) => line.trim().split(/\s+/)[0])).toEqual(["ABOUT", "signed", "unsigned", "BAD", ""]);
  expect(out).toContain("https://slsa.dev/provenance/v1  2.0 KiB");
  expect(out).not.toContain("\u001b");
});

test("--type and --platform leave out what was not asked for; --verify fails when something bad is left", async () => {
  expect(await flibs(["attestations", image, "--type", "provenance", "--verify"])).toMatchObject({ code: 0 });
  expect(await flibs(["attestations", image, "--verify"])).toMatchObject({ code: 1 });
  expect(await flibs(["attestations", image, "--platform", "linux/amd64", "--verify"])).toMatchObject({ code: 1 });
  expect(await flibs(["attestations", image, "--platform", "linux/s390x"])).toMatchObject({ code: 0, out: "nothing is attached\n" });
});

test("--json is for programs", async () => {
  const { out } = await flibs(["attestations", image, "--json", "--type", "spdx"]);
  expect(JSON.parse(out)).toMatchObject({ image, attestations: [{ what: "linux/amd64", verdict: "unsigned" }], left: 0 });
});

test("--print gives the statement or the document as it is, and --bundle what is attached", async () => {
  expect(await flibs(["attestations", image, "--type", "provenance", "--print"])).toMatchObject({ code: 0, out: '{"predicate":1}' });
  const { out } = await flibs(["attestations", image, "--type", "provenance", "--print", "--bundle"]);
  expect(JSON.parse(out)).toMatchObject({ dsseEnvelope: { payload: Buffer.from('{"predicate":1}').toString("base64") } });
  expect(await flibs(["attestations", image, "--type", "spdx", "--print"])).toMatchObject({ code: 0, out: "{spdx}" });
});

test("--print never prints what does not verify, and one at a time", async () => {
  expect(await flibs(["attestations", image, "--print"])).toMatchObject({ code: 2, err: expect.stringContaining("Add --type") });
  const evil = await flibs(["attestations", image, "--type", "evil\u001b[2J", "--print"]);
  expect(evil).toMatchObject({ code: 2, out: "" });
});
