import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createGit, type Git, gitEnvironment } from "../../../src/forge/git/git.ts";
import { findObjects, lackingCommits, readBlobs, readObjects } from "../../../src/forge/git/objects.ts";
import { findRef } from "../../../src/forge/git/ref-files.ts";
import { changeRefs, writeBlob } from "../../../src/forge/git/refs.ts";
import { lineQuestion } from "../../../src/forge/git/session.ts";
import { openSessions } from "../../../src/forge/git/sessions.ts";
import { gitSources } from "../../../src/forge/git/sources.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

let scratch: Awaited<ReturnType<typeof scratchDirectory>>;
let git: Git;
let path: string;
/** One line for each process that was started, with its id and the command. */
let starts: string;
beforeEach(async () => {
  scratch = await scratchDirectory("flibs-sessions-");
  path = join(scratch.path, "r.git");
  starts = join(scratch.path, "starts");
  const program = join(scratch.path, "git");
  await writeFile(program, `#!/bin/sh\necho $$ $3 >> ${starts}\nexec git "$@"\n`, { mode: 0o755 });
  git = createGit(program);
  plain("init", "--quiet", "--bare", path);
});
afterEach(async () => {
  git.close();
  await scratch.remove();
});

function plain(...args: readonly string[]): string {
  return plainWith("", ...args);
}
/** Another git than ours, as that of a person who pushes. */
function plainWith(input: string | Buffer, ...args: readonly string[]): string {
  const who = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a" };
  return execFileSync("git", ["--git-dir", path, ...args], { input, encoding: "utf8", env: { ...gitEnvironment(), ...who } }).trim();
}
/** A commit with these files at its root. */
function commit(files: Readonly<Record<string, string>>): string {
  const entries = Object.entries(files).map(([name, text]) => `100644 blob ${plainWith(text, "hash-object", "-w", "--stdin")}\t${name}\0`);
  return plain("commit-tree", plainWith(entries.join(""), "mktree", "-z"), "-m", "x");
}
const processes = () => (existsSync(starts) ? readFileSync(starts, "utf8").trim().split("\n") : []);
const pids = () => processes().map((line) => Number(line.split(" ")[0]));
const isAlive = (pid: number) => existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
async function untilEnded(all: readonly number[]): Promise<void> {
  for (let i = 0; i < 1000 && all.some(isAlive); i += 1) await delay(10);
  expect(all.filter(isAlive)).toEqual([]);
}
const sources = () => gitSources({ git, holding: async () => path });
const read = async (id: string, file: string) => {
  const bytes = await sources().findFile("r", id, file);
  return bytes && Buffer.from(bytes).toString();
};

describe("a git that stays", () => {
  test("answers all questions about one repository", async () => {
    const one = commit({ a: "1", b: "2" });
    expect([await read(one, "a"), await read(one, "b"), await read(one, "c")]).toEqual(["1", "2", undefined]);
    expect(await Promise.all(["a", "b", "c"].map((file) => read(one, file)))).toEqual(["1", "2", undefined]);
    expect(await lackingCommits(git, path, [one, "f".repeat(40)])).toEqual(["f".repeat(40)]);
    expect(processes()).toHaveLength(1);
  });

  test("reads names that hold line feeds, spaces and quotes, and nothing by what stands behind a line feed", async () => {
    const names = ["a\nb", "sp ace", '"q"', "cr\r", "ü", "-x", ":(top)a", "a\ncontents HEAD"];
    const one = commit(Object.fromEntries(names.map((name) => [name, `of ${name}`])));
    for (const name of names) expect(await read(one, name)).toBe(`of ${name}`);
    for (const name of ["no\nno", `x\n${one}`, "x\ninfo HEAD", "sp", "x\0y", "\ud800"]) expect(await read(one, name)).toBeUndefined();
    await expect(findObjects(git, path, [`${one}:x\0info HEAD`])).rejects.toThrow(/NUL/);
    expect(await read(one, "a\nb")).toBe("of a\nb");
    expect(processes()).toHaveLength(1);
  });

  test("sees what others write meanwhile: loose objects, packs, refs, and what was packed anew", async () => {
    const one = commit({ a: "1" });
    expect(await read(one, "a")).toBe("1");
    const two = commit({ a: "2" });
    expect(await read(two, "a")).toBe("2");
    for (const id of [one, two]) plain("update-ref", `refs/heads/${id.slice(0, 7)}`, id);
    plain("repack", "-a", "-d", "-q");
    plain("prune-packed");
    expect([await read(one, "a"), await read(two, "a")]).toEqual(["1", "2"]);
    const other = join(scratch.path, "other.git");
    plain("clone", "--quiet", "--bare", "-c", "protocol.file.allow=always", `file://${path}`, other).trim();
    const home = path;
    path = other;
    const three = commit({ a: "3" });
    plain("update-ref", "refs/heads/three", three);
    path = home;
    expect(await lackingCommits(git, path, [three])).toEqual([three]);
    plain(
      "-c",
      "protocol.file.allow=always",
      "-c",
      "fetch.unpackLimit=1",
      "fetch",
      "--quiet",
      `file://${other}`,
      "refs/heads/three:refs/heads/three",
    );
    expect(await read(three, "a")).toBe("3");
    expect(await findRef(path, "refs/heads/three")).toBe(three);
    expect(processes()).toHaveLength(1);
  });

  test("tells of a repository that was made anew, moved or removed as it is now", async () => {
    const one = commit({ a: "1" });
    plain("update-ref", "refs/heads/main", one);
    plain("repack", "-a", "-d", "-q");
    expect(await lackingCommits(git, path, [one])).toEqual([]);
    const home = path;
    renameSync(path, `${path}.old`);
    expect(await lackingCommits(git, path, [one])).toEqual([one]);
    await expect(read(one, "a")).rejects.toMatchObject({ code: "forge.git-failed" });
    path = `${home}.old`;
    expect(await read(one, "a")).toBe("1");
    path = home;
    plain("init", "--quiet", "--bare", path);
    expect(await lackingCommits(git, path, [one])).toEqual([one]);
    rmSync(path, { recursive: true });
    plain("init", "--quiet", "--bare", path);
    const two = commit({ a: "2" });
    expect([await lackingCommits(git, path, [one]), await read(two, "a")]).toEqual([[one], "2"]);
  });

  test("refuses what is too large without losing its place", async () => {
    const [small = "", large = ""] = ["12345", "x".repeat(3000)].map((text) => plainWith(text, "hash-object", "-w", "--stdin"));
    const found = (await findObjects(git, path, [small, large])).flatMap((one) => one ?? []);
    await expect(readObjects(git, path, found, 3004)).rejects.toMatchObject({ code: "forge.output-too-large" });
    expect((await readObjects(git, path, found, 3005)).map(({ length }) => length)).toEqual([5, 3000]);
    expect(String((await readBlobs(git, path, [small]))[0])).toBe("12345");
    expect(processes()).toHaveLength(1);
  });

  test("hands over thousands of blobs, large ones among them, in the order asked for", async () => {
    const texts = ["", "x".repeat(300_000), "\n", ...Array.from({ length: 40 }, (_, i) => `text ${i}\n`)];
    const ids = texts.map((text) => plainWith(text, "hash-object", "-w", "--stdin"));
    const asked = Array.from({ length: 2000 }, (_, i) => (i * 7) % texts.length);
    const contents = await readBlobs(
      git,
      path,
      asked.map((i) => ids[i] ?? ""),
    );
    expect(contents.map(String)).toEqual(asked.map((i) => texts[i]));
  });

  test("ends of itself or is killed, and another one answers", async () => {
    const one = commit({ a: "1" });
    await read(one, "a");
    const [first = 0] = pids();
    process.kill(first, "SIGKILL");
    expect(await read(one, "a")).toBe("1");
    await untilEnded([first]);
    expect(processes()).toHaveLength(2);
  });

  test("reads and writes a repository of SHA-256", async () => {
    rmSync(path, { recursive: true });
    plain("init", "--quiet", "--bare", "--object-format=sha256", path);
    const one = commit({ a: "1" });
    expect(one).toHaveLength(64);
    expect([await read(one, "a"), await lackingCommits(git, path, [one])]).toEqual(["1", []]);
    const blob = await writeBlob(git, path, "2");
    expect(await changeRefs(git, path, [{ ref: "refs/flibs/x", from: undefined, to: blob }])).toBe(true);
    expect(await changeRefs(git, path, [{ ref: "refs/flibs/x", from: undefined, to: blob }])).toBe(false);
    expect(await findRef(path, "refs/flibs/x")).toBe(blob);
    expect(String((await readBlobs(git, path, [blob]))[0])).toBe("2");
  });
});

describe("writing through gits that stay", () => {
  test("is one process for all blobs and one for all refs, and others' changes are seen", async () => {
    const [a, b] = [await writeBlob(git, path, "a\r\n"), await writeBlob(git, path, Buffer.from([0, 255, 10]))];
    expect([plain("cat-file", "-s", a), plain("cat-file", "-s", b)]).toEqual(["3", "3"]);
    const one = { ref: "refs/flibs/one", from: undefined, to: a };
    expect(await changeRefs(git, path, [one])).toBe(true);
    plain("update-ref", "refs/flibs/one", b);
    plain("pack-refs", "--all");
    expect(await changeRefs(git, path, [{ ...one, from: b, to: a }])).toBe(true);
    expect(
      await changeRefs(git, path, [
        { ...one, from: a, to: a },
        { ref: "refs/flibs/two", from: undefined, to: b },
      ]),
    ).toBe(true);
    expect(processes().map((line) => line.split(" ")[1])).toEqual(["hash-object", "update-ref"]);
    // All or none.
    expect(
      await changeRefs(git, path, [
        { ref: "refs/flibs/three", from: undefined, to: a },
        { ...one, from: b, to: b },
      ]),
    ).toBe(false);
    expect(await findRef(path, "refs/flibs/three")).toBeUndefined();
    expect(await changeRefs(git, path, [{ ...one, from: a, to: undefined }])).toBe(true);
    expect(await findRef(path, "refs/flibs/one")).toBeUndefined();
  });

  test("a name beside one that is there already is told, whoever made it", async () => {
    const blob = await writeBlob(git, path, "a");
    await changeRefs(git, path, [{ ref: "refs/flibs/a", from: undefined, to: blob }]);
    const beside = changeRefs(git, path, [{ ref: "refs/flibs/a/b", from: undefined, to: blob }]);
    await expect(beside).rejects.toMatchObject({ code: "forge.branch-blocked" });
    plain("update-ref", "refs/flibs/c/d", blob);
    const above = changeRefs(git, path, [{ ref: "refs/flibs/c", from: undefined, to: blob }]);
    await expect(above).rejects.toMatchObject({ code: "forge.branch-blocked" });
  });

  test("no ref is named with a NUL, and one that is no name of a ref is refused", async () => {
    const to = await writeBlob(git, path, "a");
    await expect(changeRefs(git, path, [{ ref: "refs/x\0commit", from: undefined, to }])).rejects.toThrow(/NUL/);
    for (const ref of ["refs/flibs/x\ny", "refs/flibs/../../HEAD"]) {
      await expect(changeRefs(git, path, [{ ref, from: undefined, to }])).rejects.toMatchObject({ code: "forge.git-failed" });
    }
  });
});

describe("gits that stay", () => {
  /** Programs that answer a line with `<their process id> <line>`, except for what the words say. */
  const answering = `while read -r line; do
  case $line in
    end) exit 3;;
    fail) echo "fatal: broken" >&2; exit 128;;
    hang) exec sleep 60;;
    late) echo "$$ $line"; sleep 0.05; echo "more";;
    two) printf "one\\ntwo\\n";;
    *) echo "$$ $line";;
  esac
done`;
  async function open(more: Partial<Parameters<typeof openSessions>[0]> = {}) {
    const program = join(scratch.path, "answering");
    await writeFile(program, `#!/bin/sh\necho $$ >> ${starts}\n${answering}\n`, { mode: 0o755 });
    const sessions = openSessions({ program, env: gitEnvironment, ...more });
    const ask = async (word: string, repository = path, limits = {}) => {
      const reply = await sessions.ask(repository, ["x"], lineQuestion(`${word}\n`, 1), limits);
      return "answer" in reply ? Number(reply.answer[0]?.split(" ")[0]) : reply;
    };
    const pid = async (repository = path) => Number(await ask("hello", repository));
    return { sessions, ask, pid };
  }
  function more(count: number): string[] {
    return Array.from({ length: count }, (_, i) => {
      plain("init", "--quiet", "--bare", join(scratch.path, `m${i}.git`));
      return join(scratch.path, `m${i}.git`);
    });
  }

  test("one that is too slow is killed, and the next question has a new one", async () => {
    const { sessions, ask, pid } = await open();
    const first = await pid();
    const slow = ask("hang", path, { timeoutMs: 100 });
    const next = pid();
    await expect(slow).rejects.toMatchObject({ code: "forge.git-slow" });
    expect(await next).not.toBe(first);
    await untilEnded([first]);
    sessions.close();
  });

  test("an abort kills the one that is asked, and a question that waits is not asked at all", async () => {
    const { sessions, ask, pid } = await open();
    const first = await pid();
    const stop = new AbortController();
    const [hanging, waiting] = [ask("hang", path, { signal: stop.signal }), ask("hello", path, { signal: stop.signal })];
    const others = pid();
    setTimeout(() => stop.abort(new Error("enough")), 50);
    await expect(hanging).rejects.toThrow("enough");
    await expect(waiting).rejects.toThrow("enough");
    expect(await others).not.toBe(first);
    sessions.close();
    expect(pids()).toHaveLength(2);
    await untilEnded(pids());
  });

  test("how one ended is told once, and it is not asked again", async () => {
    const { sessions, ask, pid } = await open();
    const first = await pid();
    expect(await ask("fail")).toEqual({ ended: 128, said: "fatal: broken", isSilent: true });
    expect(await pid()).not.toBe(first);
    // One that ends at the question without a word may not have heard it: it is asked once more, and no third time.
    expect(await ask("end")).toEqual({ ended: 3, said: "", isSilent: true });
    sessions.close();
  });

  test("what was not asked for is not believed", async () => {
    const { sessions, ask, pid } = await open();
    const first = await pid();
    await expect(ask("two")).rejects.toMatchObject({ code: "forge.git-failed" });
    const second = await pid();
    expect(await ask("late")).toBe(second);
    await untilEnded([first, second]);
    expect(await pid()).not.toBe(second);
    sessions.close();
  });

  test("they are bounded in number: the one that waited the longest is ended", async () => {
    const { sessions, pid } = await open({ most: 3 });
    const all: number[] = [];
    for (const repository of more(6)) all.push(await pid(repository));
    await untilEnded(all.slice(0, 3));
    expect(all.slice(3).filter(isAlive)).toEqual(all.slice(3));
    expect(await pid(join(scratch.path, "m3.git"))).toBe(all[3]);
    expect(new Set(await Promise.all(more(6).map((repository) => pid(repository)))).size).toBe(6);
    sessions.close();
  });

  test("more questions than places wait for each other", async () => {
    const { sessions, ask } = await open({ most: 2 });
    const all = more(5);
    const stop = new AbortController();
    const hanging = all.slice(0, 2).map((repository) => ask("hang", repository, { signal: stop.signal }).catch(() => "stopped"));
    const waiting = all.slice(2).map((repository) => ask("hello", repository));
    expect(await Promise.race([delay(200, "they wait"), ...waiting])).toBe("they wait");
    stop.abort();
    expect(await Promise.all(hanging)).toEqual(["stopped", "stopped"]);
    expect((await Promise.all(waiting)).every((answer) => Number.isInteger(answer))).toBe(true);
    sessions.close();
  });

  test("one that is asked nothing ends, one that is old is not asked any more, and closing ends all", async () => {
    const idle = await open({ idleMs: 50 });
    await untilEnded([await idle.pid()]);
    const old = await open({ longestMs: 0 });
    expect(await old.pid()).not.toBe(await old.pid());
    const { sessions, pid } = await open();
    const ended = await pid();
    sessions.close();
    await untilEnded([ended]);
    // Who asks afterwards is answered, by one that does not stay.
    await untilEnded([await pid()]);
    old.sessions.close();
  });

  test("a program that is not there is told", async () => {
    const { sessions, ask } = await open({ program: join(scratch.path, "nowhere") });
    await expect(ask("hello")).rejects.toMatchObject({ code: "forge.git-failed", message: expect.stringMatching(/could not be run/) });
    sessions.close();
  });

  test.each(["SIGKILL", "end"] as const)("none outlives the process that asks: %s", async (how) => {
    const one = commit({ a: "1" });
    const room = join(import.meta.dirname, "../../../src/forge/git");
    const script = `
      const { createGit } = await import(${JSON.stringify(join(room, "git.ts"))});
      const { lackingCommits } = await import(${JSON.stringify(join(room, "objects.ts"))});
      const { writeBlob, changeRefs } = await import(${JSON.stringify(join(room, "refs.ts"))});
      const git = createGit(${JSON.stringify(join(scratch.path, "git"))});
      const path = ${JSON.stringify(path)};
      await lackingCommits(git, path, ["${one}"]);
      await changeRefs(git, path, [{ ref: "refs/flibs/x", from: undefined, to: await writeBlob(git, path, "x") }]);
      console.log("asked");
      if (${how === "SIGKILL"}) setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    const [said] = await once(child.stdout, "data");
    expect(String(said)).toBe("asked\n");
    if (how === "SIGKILL") child.kill("SIGKILL");
    expect((await ended).includes(how === "SIGKILL" ? "SIGKILL" : 0)).toBe(true);
    expect(pids()).toHaveLength(3);
    await untilEnded(pids());
  });
});
