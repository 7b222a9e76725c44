import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { withFileLock } from "../../src/store/file-lock.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

let scratch: ScratchDirectory;
let path: string;

beforeEach(async () => {
  scratch = await scratchDirectory("flibs-lock-");
  path = join(scratch.path, "lock");
});
afterEach(async () => scratch.remove());

/** What a process writes that holds it. */
async function ownToken(): Promise<string> {
  return await withFileLock(path, 1000, async () => await readFile(path, "utf8"));
}

test("who comes second waits for the first", async () => {
  const told: string[] = [];
  const first = withFileLock(path, 5000, async () => {
    told.push("first begins");
    await expect(withFileLock(path, 200, async () => undefined)).rejects.toMatchObject({ code: "store.postgres-failed" });
    told.push("first ends");
  });
  await first;
  await withFileLock(path, 5000, async () => void told.push("second"));
  expect(told).toEqual(["first begins", "first ends", "second"]);
});

test.each([
  { name: "this process itself", pid: process.pid },
  { name: "another process", pid: process.ppid },
])("the lock of a killed process is taken away, though $name has its number now", async ({ pid }) => {
  const [, started = "", ...rest] = (await ownToken()).split(" ");
  await writeFile(path, [pid, `${started}1`, ...rest].join(" "));
  expect(await withFileLock(path, 500, async () => "done")).toBe("done");
});

test("a lock of the release before, which wrote the number alone, counts while another process has it", async () => {
  await writeFile(path, `${process.ppid} 0123456789abcdef`);
  await expect(withFileLock(path, 200, async () => "done")).rejects.toMatchObject({ code: "store.postgres-failed" });
  // In a container flibs has the same number each time.
  await writeFile(path, `${process.pid} 0123456789abcdef`);
  expect(await withFileLock(path, 500, async () => "done")).toBe("done");
});

test("so is that of a process of another boot of the machine", async () => {
  const [number, started, , ...rest] = (await ownToken()).split(" ");
  await writeFile(path, [number, started, "11111111-2222-3333-4444-555555555555", ...rest].join(" "));
  expect(await withFileLock(path, 500, async () => "done")).toBe("done");
});
