import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ProgramRun } from "../../src/programs/program.ts";
import { runHere } from "../../src/programs/run-here.ts";
import { runProgram } from "../../src/programs/run-program.ts";
import { until } from "../support/running-service.ts";

const scratch = mkdtempSync(join(tmpdir(), "flibs-programs-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C" };
const output = { maxBytes: 2 ** 20, beyond: "end" } as const;

/** In the words of a shell, which the product never asks. */
const shell = (script: string, more: Partial<ProgramRun> = {}): ProgramRun => ({
  ...{ program: "sh", args: ["-c", script], env, outputs: { 1: output, 2: output }, timeoutMs: 20_000 },
  ...more,
});
const textOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

/** A helper is started when it is worth it. */
async function byHelper(run: ProgramRun, signal?: AbortSignal) {
  for (let i = 0; i < 11; i += 1) await runProgram(shell("true"));
  return runProgram(run, signal);
}

describe.each([
  ["as a child of this process", runHere],
  ["by a helper", byHelper],
])("%s", (name, run) => {
  test("what it writes, reads and ends with", async () => {
    const end = await run(shell("cat; echo to stderr >&2; exit 3", { inputs: { 0: "what it reads" } }));
    expect(end).toMatchObject({ exitCode: 3 });
    expect(end.ended).toBeUndefined();
    expect([textOf(end.outputs[1]), textOf(end.outputs[2])]).toEqual(["what it reads", "to stderr\n"]);
  });

  test("other file descriptors, as gpg wants them", async () => {
    const end = await run(shell("cat <&4; echo status >&3", { inputs: { 4: "passphrase\n" }, outputs: { 1: output, 3: output } }));
    expect([textOf(end.outputs[1]), textOf(end.outputs[3])]).toEqual(["passphrase\n", "status\n"]);
  });

  test("its environment and directory are the ones that it was told, and nothing of ours", async () => {
    process.env.FLIBS_TEST_SECRET = "hunter2";
    const end = await run(shell("pwd; env", { directory: scratch, env: { ...env, GIVEN: "a\nb = c" } }));
    const said = textOf(end.outputs[1]);
    expect(said).toContain(scratch);
    expect(said).toContain("GIVEN=a\nb = c");
    expect(said).not.toContain("hunter2");
  });

  test("any bytes go in and out as they are", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200_000, size: "max" }), async (bytes) => {
        const end = await run({ program: "cat", args: [], env, inputs: { 0: bytes }, outputs: { 1: output }, timeoutMs: 20_000 });
        expect(Buffer.compare(Buffer.from(end.outputs[1] ?? []), Buffer.from(bytes))).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test("arguments are arguments, whatever stands in them", async () => {
    const args = ["$(id)", "; id", "a b", "", "\n", "'\"", "ü"];
    const end = await run({ program: "printf", args: ["%s|", ...args], env, outputs: { 1: output }, timeoutMs: 20_000 });
    expect(textOf(end.outputs[1])).toBe(`${args.join("|")}|`);
  });

  test("more than is taken ends it, or is thrown away", async () => {
    const endless = await run(shell("while :; do echo yes; done", { outputs: { 1: { maxBytes: 1000, beyond: "end" } } }));
    expect(endless).toMatchObject({ ended: "too-much", signal: "SIGKILL" });
    expect(endless.outputs[1]?.length).toBe(1000);
    const long = await run(shell("head -c 100000 /dev/zero; exit 0", { outputs: { 1: { maxBytes: 1000, beyond: "drop" } } }));
    expect(long).toMatchObject({ exitCode: 0 });
    expect(long.outputs[1]?.length).toBe(1000);
  });

  test("its time is limited, with what it started where it leads a group", async () => {
    const file = join(scratch, `sleeper-${name.length}`);
    const end = await run(shell(`sleep 300 & echo $! > ${file}; wait`, { timeoutMs: 1500, ownGroup: true }));
    expect(end).toMatchObject({ ended: "late", signal: "SIGKILL" });
    const pid = Number(readFileSync(file, "utf8"));
    await until("its child to be gone", async () => (isAlive(pid) ? undefined : true), 10_000);
  });

  test("what it started and left behind holds nobody up when its time is over", async () => {
    const end = await run(shell("echo said; sleep 20 & exit 0", { timeoutMs: 700 }));
    expect(end).toMatchObject({ exitCode: 0, ended: "late" });
    expect(textOf(end.outputs[1])).toBe("said\n");
  });

  test("what the operating system takes as no program's arguments is told, and others run on", async () => {
    const other = run(shell("sleep 1; echo done"));
    const tooLong = await run({ program: "echo", args: ["x".repeat(200_000)], env, outputs: {}, timeoutMs: 1000 });
    expect(tooLong.notStarted).toMatchObject({ code: "E2BIG" });
    expect((await run({ program: "echo", args: ["a\0b"], env, outputs: {}, timeoutMs: 1000 })).notStarted?.message).toMatch(/null bytes/);
    expect(textOf((await other).outputs[1])).toBe("done\n");
  });

  test("nobody waits for it any more", async () => {
    const stopping = new AbortController();
    const begun = join(mkdtempSync(join(scratch, "begun-")), "begun");
    const running = run(shell(`echo > '${begun}'; sleep 300`), stopping.signal);
    while (!existsSync(begun)) await delay(20);
    stopping.abort();
    expect(await running).toMatchObject({ ended: "stopped", signal: "SIGKILL" });
    expect(await run(shell("echo never"), AbortSignal.abort())).toEqual({ outputs: {}, ended: "stopped" });
  });

  test("a program that there is none of is told by the operating system's word", async () => {
    const end = await run({ program: "no-such-program", args: [], env, outputs: {}, timeoutMs: 1000 });
    expect(end.notStarted).toMatchObject({ code: "ENOENT" });
    expect((await run(shell("true", { directory: join(scratch, "absent") }))).notStarted).toMatchObject({ code: "ENOENT" });
  });

  test("a signal that ended it is named; one that reads nothing does not matter", async () => {
    expect(await run(shell("kill -TERM $$"))).toMatchObject({ signal: "SIGTERM" });
    expect(await run(shell("exit 0", { inputs: { 0: new Uint8Array(2 ** 20) } }))).toMatchObject({ exitCode: 0 });
  });

  test("many at once do not mix", async () => {
    const ends = await Promise.all(Array.from({ length: 40 }, (_, i) => run(shell(`echo ${i}; exit ${i}`))));
    expect(ends.map(({ exitCode, outputs }) => [exitCode, textOf(outputs[1])])).toEqual(ends.map((_, i) => [i, `${i}\n`]));
  });
});

/** A process of its own, which starts programs by a helper and says who that is. */
const helped = (then: string) =>
  `import { runProgram } from ${JSON.stringify(join(import.meta.dirname, "../../src/programs/run-program.ts"))};
const run = (script) => runProgram({ program: "sh", args: ["-c", script], env: { PATH: process.env.PATH }, outputs: { 1: { maxBytes: 100, beyond: "drop" } }, timeoutMs: 60000 });
const text = ({ outputs }) => Buffer.from(outputs[1] ?? []).toString().trim();
for (let i = 0; i < 11; i += 1) await run("true");
const helper = Number(text(await run("echo $PPID")));
${then}`;

const tell = (then: string) =>
  execFileSync(process.execPath, ["--input-type=module", "-e", helped(then)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();

describe("the helper", () => {
  test("ends with the process that it helps, which it does not keep from ending", async () => {
    const pid = Number(tell("console.log(helper === process.pid ? 0 : helper);"));
    expect(pid).toBeGreaterThan(0);
    await until("it to be gone", async () => (isAlive(pid) ? undefined : true), 10_000);
  });

  test("of a process that was killed lets what runs come to its end, then ends", async () => {
    const file = join(scratch, "written-afterwards");
    // A killed process ends with no exit code: execFileSync throws, and what it had said is in the error.
    let said = "";
    try {
      tell(`console.log(helper); void run("sleep 1; echo done > ${file}"); setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);`);
    } catch (error) {
      said = String((error as { stdout?: unknown }).stdout);
    }
    const pid = Number(said);
    expect(pid).toBeGreaterThan(0);
    await until("the program to end", async () => (readIfThere(file) === "done\n" ? true : undefined), 10_000);
    await until("the helper to end", async () => (isAlive(pid) ? undefined : true), 10_000);
  });

  test("that dies fails what it was running, and the next program has another", async () => {
    const said = tell(`const lost = run("sleep 5");
setTimeout(() => process.kill(helper, "SIGKILL"), 200);
const end = await lost;
const again = text(await run("echo $PPID"));
console.log(JSON.stringify(end), again !== String(helper) && again !== String(process.pid));`);
    expect(said).toBe('{"outputs":{},"isLost":true} true');
  });

  test("is not ended by who interrupts the whole process group", async () => {
    const said = tell(`for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.kill(helper, signal);
await new Promise((resolve) => setTimeout(resolve, 200));
console.log(text(await run("echo $PPID")) === String(helper));`);
    expect(said).toBe("true");
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
