import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const module = resolve("scripts/setup-lock.js");

/** A process that writes `begin` with the lock in its hands, `end` before it gives it back; `work` is what it does between. */
function holder(directory: string, work: string): ChildProcess {
  const script = `
    import { appendFileSync } from "node:fs";
    import { withLock } from ${JSON.stringify(module)};
    const say = (word) => appendFileSync(${JSON.stringify(join(directory, "said"))}, word + "\\n");
    await withLock(${JSON.stringify(join(directory, "lock"))}, () => process.send("waiting"), async () => {
      say("begin"); process.send("begun"); ${work}; say("end");
    });
    process.disconnect();`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

const short = "await new Promise((done) => setTimeout(done, 30))";

test("many setups at once work one after the other, also when the first is killed at its work", async () => {
  await using scratch = await scratchDirectory();
  // What an older setup left behind: the id of a process that lives, and is another one.
  await writeFile(join(scratch.path, "lock"), String(process.pid));
  const killed = holder(scratch.path, "await new Promise(() => setInterval(() => {}, 1000))");
  await once(killed, "message");
  const others = [1, 2, 3, 4].map(() => holder(scratch.path, short));
  expect(await Promise.all(others.map(async (one) => (await once(one, "message"))[0]))).toEqual(Array(4).fill("waiting"));
  await appendFile(join(scratch.path, "said"), "killed\n");
  killed.kill("SIGKILL");
  const codes = await Promise.all(others.map(async (one) => (await once(one, "exit"))[0]));
  expect(codes).toEqual([0, 0, 0, 0]);
  const said = (await readFile(join(scratch.path, "said"), "utf8")).trim().split("\n");
  expect(said).toEqual(["begin", "killed", ...Array(4).fill(["begin", "end"]).flat()]);
});
