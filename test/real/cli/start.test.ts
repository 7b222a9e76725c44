import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const run = promisify(execFile);
const main = join(import.meta.dirname, "../../../src/main.ts");

/** Says at the end which packages were loaded. */
const hook = `
  import { registerHooks } from "node:module";
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const found = /\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url);
      if (found) packages.add(found[1]);
      return next(url, context);
    },
  });
  process.on("exit", () => process.stderr.write(JSON.stringify([...packages])));
`;

async function packagesOf(...words: string[]): Promise<readonly string[]> {
  const options = ["--disable-warning=ExperimentalWarning", "--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const { stderr } = await run(process.execPath, [...options, main, ...words], { env: { ...process.env, NODE_OPTIONS: "" } });
  return JSON.parse(stderr.slice(stderr.lastIndexOf("["))) as string[];
}

test("help and version load nothing but the reader of command lines", async () => {
  expect(await packagesOf("--help")).toEqual(["commander"]);
  expect(await packagesOf("--version")).toEqual(["commander"]);
  expect(await packagesOf("container-build", "--help")).toEqual(["commander"]);
});

test("explaining the settings needs no database", async () => {
  expect(await packagesOf("config", "explain", "web")).toEqual(["commander", "zod"]);
});

test("whoever has read enough of an answer hears nothing of it", async () => {
  const command = `"${process.execPath}" --disable-warning=ExperimentalWarning "${main}" --help | head -c 10`;
  const { stdout, stderr } = await run("/bin/sh", ["-c", command], { env: { ...process.env, NODE_OPTIONS: "" } });
  expect({ stdout, stderr }).toEqual({ stdout: "Usage: fli", stderr: "" });
});
