import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import globalSetup from "../test/setup/global-setup.js";
import globalTeardown from "../test/setup/global-teardown.js";

/** All benchmarks, one after the other, each in a process of its own; one line a figure. `npm run bench -- build` runs only those named. */
const all = ["build", "queue", "promotion", "release-noop", "signing", "inbox", "idle-memory", "results-api"];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are ${all.join(", ")}\n`);
  process.exit(2);
}
// V8's options as `npm start` has them.
const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8")) as { scripts: { start: string } };
const options = ["--disable-warning=ExperimentalWarning", ...scripts.start.split(" ").filter((word) => word.startsWith("--"))];
// A benchmark that needs a database takes that of tests.
await globalSetup();
for (const name of asked.length > 0 ? asked : all) {
  process.stdout.write(`# ${name}\n`);
  const child = spawn(process.execPath, [...options, join(import.meta.dirname, `${name}.ts`)], {
    stdio: "inherit",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) process.exitCode = 1;
}
await globalTeardown();
