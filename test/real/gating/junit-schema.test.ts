import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatJunit } from "../../../src/gating/junit.ts";
import { anyResult } from "../../gating/any-result.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const run = promisify(execFile);
const schema = join(import.meta.dirname, "../../fixtures/junit/common-subset.xsd");
const judge = (...files: string[]) => run("xmllint", ["--nonet", "--noout", "--schema", schema, ...files]);

test("xmllint finds every document well-formed and valid, whatever tests have said", async () => {
  const scratch = await scratchDirectory();
  const results = fc.sample(anyResult, { numRuns: 150, seed: 7 });
  const files = results.map((_, i) => join(scratch.path, `${i}.xml`));
  for (const [i, { suite, ...rest }] of results.entries()) {
    const one = { ...rest, name: suite, startedAt: "2026-11-23T19:27:45.863Z", properties: i % 2 === 0 ? { [suite]: rest.message } : {} };
    await writeFile(files[i] ?? "", formatJunit(rest.message, i % 3 === 0 ? [one, one] : [one]));
  }
  await writeFile(join(scratch.path, "none.xml"), formatJunit("no tests", []));
  const { stderr } = await judge(...files, join(scratch.path, "none.xml"));
  expect(stderr.split("\n").filter((line) => line !== "" && !line.endsWith(" validates"))).toEqual([]);
  await scratch.remove();
});

test("the judge can tell: a control character and an element of another kind are refused", async () => {
  const scratch = await scratchDirectory();
  const good = formatJunit("x", []);
  for (const [name, text] of [
    ["control", good.replace('name="x"', 'name="\u001b"')],
    ["element", good.replace("</testsuites>", "<system-out/></testsuites>")],
  ] as const) {
    await writeFile(join(scratch.path, name), text);
    await expect(judge(join(scratch.path, name))).rejects.toThrow();
  }
  await scratch.remove();
});
