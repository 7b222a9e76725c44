import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { readSitePolicies } from "../../src/gating/site-policies/read-policies.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
beforeEach(async () => {
  scratch = await scratchDirectory();
});
afterEach(() => scratch.remove());

const policy = (id: string) => `--- !Policy
id: ${id}
product_versions: ["*"]
decision_context: flibs_promote
subject_type: koji_build
rules: []
`;
const write = (name: string, text: string) => writeFile(join(scratch.path, name), text);

test("every YAML file of the directory is read, by name", async () => {
  await write("b.yaml", policy("b") + policy("c"));
  await write("a.yml", policy("a"));
  await write("README.md", "not a policy");
  expect(readSitePolicies(scratch.path).map(({ id }) => id)).toEqual(["a", "b", "c"]);
});

test("a fault is told with file, line and fix; so is an id that two files have", async () => {
  await write("a.yaml", policy("a").replace("rules", "rulez"));
  expect(() => readSitePolicies(scratch.path)).toThrow(
    expect.objectContaining({
      code: "gating.policy-invalid",
      file: join(scratch.path, "a.yaml"),
      line: 6,
      message: expect.stringContaining("rulez"),
    }),
  );
  await write("a.yaml", policy("a"));
  await write("b.yaml", policy("a"));
  expect(() => readSitePolicies(scratch.path)).toThrow("has a policy with the id a, too");
});

test("a directory that is not there, or a directory in the place of a file, keeps flibs from starting", async () => {
  expect(() => readSitePolicies(join(scratch.path, "none"))).toThrow(expect.objectContaining({ code: "gating.policy-invalid" }));
  await mkdir(join(scratch.path, "x.yaml"));
  expect(() => readSitePolicies(scratch.path)).toThrow("cannot be read");
});
