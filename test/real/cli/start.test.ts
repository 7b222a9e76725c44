import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { scratchDirectory } from "../../support/scratch-directory.ts";

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
  const started = run(process.execPath, [...options, main, ...words], { env: { ...process.env, NODE_OPTIONS: "", DATABASE_URL: "" } });
  // What it loaded is told however it ended.
  const { stderr } = await started.catch((error: { stderr: string }) => error);
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

test("a command that only reads loads the database and the local forge, and nothing that builds, signs or releases", async () => {
  await using scratch = await scratchDirectory();
  const file = join(scratch.path, "flibs.yaml");
  await writeFile(join(scratch.path, "hook.secret"), "secret");
  const keyOf = (digit: string) => ({ openpgp: [{ fingerprint: digit.repeat(40) }] });
  const settings = {
    stateDirectory: "state",
    forge: { kind: "local", directory: "git", hookSecrets: [{ file: "hook.secret" }] },
    manifests: { repository: "releng/manifests" },
    registries: { candidate: { endpoint: "127.0.0.1:1" }, production: { endpoint: "127.0.0.1:2" } },
    engines: [{ kind: "docker", host: "unix:///nowhere/docker.sock" }],
    signing: { gnupgHome: "gnupg", keys: { candidate: keyOf("A"), production: keyOf("B") } },
  };
  await writeFile(file, JSON.stringify(settings));
  const packages = await packagesOf("--config", file, "builds");
  expect(packages).toEqual(expect.arrayContaining(["commander", "kysely", "pg", "yaml", "zod"]));
  const others = ["@opentelemetry/api", "dockerfile-ast", "dockerode", "fastify", "p-queue", "pg-boss", "prom-client", "tar-stream"];
  expect(packages.filter((name) => others.includes(name))).toEqual([]);
});

test("whoever has read enough of an answer hears nothing of it", async () => {
  const command = `"${process.execPath}" --disable-warning=ExperimentalWarning "${main}" --help | head -c 10`;
  const { stdout, stderr } = await run("/bin/sh", ["-c", command], { env: { ...process.env, NODE_OPTIONS: "" } });
  expect({ stdout, stderr }).toEqual({ stdout: "Usage: fli", stderr: "" });
});
