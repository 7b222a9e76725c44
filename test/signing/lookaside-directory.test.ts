import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestOf } from "../../src/domain/digest.ts";
import { withDirectoryLock } from "../../src/signing/openpgp/directory-lock.ts";
import { openLookasideDirectory } from "../../src/signing/openpgp/lookaside-directory.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

let scratch: ScratchDirectory;
beforeEach(async () => {
  scratch = await scratchDirectory();
});
afterEach(() => scratch.remove());
const digest = digestOf("image");
const bytes = (text: string) => new TextEncoder().encode(text);

describe("a lookaside directory", () => {
  const texts = async () => {
    const stored = await openLookasideDirectory(scratch.path).listStored("f40/cockpit", digest);
    return stored.map((one) => new TextDecoder().decode(one.bytes));
  };

  test("counts from 1, never overwrites, even without the lock", async () => {
    const place = join(scratch.path, `f40/cockpit@sha256=${digest.slice(7)}`);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "signature-1"), "a stranger's");
    await openLookasideDirectory(scratch.path).change("f40/cockpit", digest, (writer) => writer.append(bytes("ours")));
    expect(await texts()).toEqual(["a stranger's", "ours"]);
    expect((await stat(join(place, "signature-2"))).mode & 0o777).toBe(0o644);
  });

  test("DG16: whatever is removed, the rest stands without a gap", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: 8 })), async (numbers) => {
        const lookaside = openLookasideDirectory(scratch.path);
        const all = ["1", "2", "3", "4", "5", "6"];
        await lookaside.change("f40/cockpit", digest, async (writer) => {
          await writer.remove([1, 2, 3, 4, 5, 6, 7, 8]);
          for (const text of all) await writer.append(bytes(text));
          await writer.remove(numbers);
        });
        expect((await texts()).toSorted()).toEqual(all.filter((text) => !numbers.includes(Number(text))));
      }),
      { numRuns: 15 },
    );
  });

  test("refuses the 129th signature, which no client would read", async () => {
    const place = join(scratch.path, `f40/cockpit@sha256=${digest.slice(7)}`);
    await mkdir(place, { recursive: true });
    await Promise.all(Array.from({ length: 128 }, (_, i) => writeFile(join(place, `signature-${i + 1}`), "x")));
    const appended = openLookasideDirectory(scratch.path).change("f40/cockpit", digest, (writer) => writer.append(bytes("x")));
    await expect(appended).rejects.toMatchObject({ code: "signing.lookaside-full" });
    expect(await readdir(join(scratch.path, ".locks"))).toEqual([]);
  });

  test.each(["../x", "f40/../../x", "/etc", "f40//x", "F40/x", "f40/.hidden", ""])("refuses the path %j", async (repository) => {
    const lookaside = openLookasideDirectory(scratch.path);
    await expect(lookaside.listStored(repository, digest)).rejects.toMatchObject({ code: "domain.reference-invalid" });
    await expect(lookaside.change(repository, digest, async () => {})).rejects.toMatchObject({ code: "domain.reference-invalid" });
  });

  test("what a killed writer left is swept after an hour, what a live one has is not", async () => {
    const locks = join(scratch.path, ".locks");
    await mkdir(locks);
    await writeFile(join(locks, "new-old"), "half");
    await writeFile(join(locks, "new-young"), "half");
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    await utimes(join(locks, "new-old"), longAgo, longAgo);
    await openLookasideDirectory(scratch.path).change("f40/cockpit", digest, async () => {});
    expect(await readdir(locks)).toEqual(["new-young"]);
  });

  test("a place where nothing can be written is a transient error", async () => {
    await writeFile(join(scratch.path, "f40"), "a file where a directory should be");
    const appended = openLookasideDirectory(scratch.path).change("f40/cockpit", digest, (writer) => writer.append(bytes("x")));
    await expect(appended).rejects.toMatchObject({ code: "signing.lookaside-unwritable", kind: "transient" });
  });
});

describe("the lock of a digest", () => {
  test("lets one in at a time", async () => {
    const path = join(scratch.path, "lock");
    let inside = 0;
    let most = 0;
    const enter = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await readFile(path);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 8 }, () => withDirectoryLock(path, 10_000, enter)));
    expect(most).toBe(1);
    expect(await readdir(scratch.path)).toEqual([]);
  });

  test("of a live holder is respected, of one that died half a minute ago it is taken over", async () => {
    const path = join(scratch.path, "lock");
    await writeFile(path, "somebody else");
    await expect(withDirectoryLock(path, 20, async () => "in")).rejects.toMatchObject({ code: "signing.lookaside-unwritable" });
    const longAgo = new Date(Date.now() - 31_000);
    await utimes(path, longAgo, longAgo);
    expect(await withDirectoryLock(path, 1000, async () => "in")).toBe("in");
    expect(await readdir(scratch.path)).toEqual([]);
  });

  test("of a process of this machine that was killed is taken over at once", async () => {
    const path = join(scratch.path, "lock");
    const module = JSON.stringify(join(import.meta.dirname, "../../src/signing/openpgp/directory-lock.ts"));
    const held = `(await import(${module})).withDirectoryLock(process.argv[1], 1000, async () => { console.log("in"); await new Promise((end) => setTimeout(end, 60_000)); })`;
    const holder = spawn(process.execPath, ["--input-type=module", "--disable-warning=ExperimentalWarning", "--eval", held, path]);
    await once(holder.stdout, "data");
    await expect(withDirectoryLock(path, 20, async () => "in")).rejects.toMatchObject({ code: "signing.lookaside-unwritable" });
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect(await withDirectoryLock(path, 1000, async () => "in")).toBe("in");
    expect(await readdir(scratch.path)).toEqual([]);
  });

  test("is given back when the work fails", async () => {
    const path = join(scratch.path, "lock");
    const failing = withDirectoryLock(path, 100, () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(await withDirectoryLock(path, 100, async () => "in")).toBe("in");
  });
});
