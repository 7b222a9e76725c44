import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import pg from "pg";
import { silentLog } from "../../../src/log.ts";
import { connectEmbedded, removeEmbeddedPostgres, startEmbeddedPostgres } from "../../../src/store/embedded-postgres.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

let scratch: ScratchDirectory;
let directory: string;

beforeEach(async () => {
  scratch = await scratchDirectory("flibs-pg-");
  directory = join(scratch.path, "postgres");
});

afterEach(async () => {
  await removeEmbeddedPostgres(directory);
  await scratch.remove();
});

const start = () => startEmbeddedPostgres({ directory, log: silentLog });

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

async function postmaster(): Promise<number> {
  return (JSON.parse(await readFile(join(directory, "connection.json"), "utf8")) as { pid: number }).pid;
}

/** A flibs of its own that starts the server and then does nothing. */
async function otherFlibs() {
  const module = join(import.meta.dirname, "../../../src/store/embedded-postgres.ts");
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    const log = { info() {}, debug() {}, warn() {}, error() {} };
    await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)}, log });
    process.stdout.write("ready");
    setInterval(() => undefined, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return {
    async kill() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}

describe("the embedded PostgreSQL", () => {
  test("starts in a directory that only its owner can enter, keeps what it was given, and stops", async () => {
    await mkdir(directory);
    await chmod(scratch.path, 0o700);
    await chmod(directory, 0o700);
    const first = await start();
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop();
    expect(await connectEmbedded(directory)).toBeUndefined();
    const second = await start();
    expect(await query(second.url, "select answer from kept")).toEqual([42]);
    expect(await query(second.url, "show fsync")).toEqual(["on"]);
    await second.stop();
  });

  test("started by root it runs as somebody else, who owns the data", async () => {
    if (process.getuid?.() !== 0) return;
    const server = await start();
    const [data] = await query(server.url, "show data_directory");
    const { uid, mode } = await stat(String(data));
    expect(uid).toBeGreaterThan(0);
    expect(mode & 0o077).toBe(0);
    expect((await stat(`/proc/${await postmaster()}`)).uid).toBe(uid);
    await server.stop();
  });

  test("nobody enters without the password, which only the owner can read", async () => {
    const server = await start();
    // It is random, so one round of hashing does.
    const hashed = "select rolpassword ~ '^SCRAM-SHA-256\\$1:' from pg_authid where rolname = 'flibs'";
    expect(await query(server.url, hashed)).toEqual([true]);
    const url = new URL(server.url);
    url.password = "guess";
    await expect(query(url.href, "select 1")).rejects.toThrow("password authentication failed");
    for (const file of ["connection.json", "password", "postgres.log"]) expect((await stat(join(directory, file))).mode & 0o077).toBe(0);
    await server.stop();
  });

  test("a second flibs on the same directory is a guest, and its stop stops nothing", async () => {
    const owner = await otherFlibs();
    const guest = await start();
    await guest.stop();
    expect(await connectEmbedded(directory)).toBe(guest.url);
    await owner.kill();
  });

  test("the server of a killed flibs is taken over, and then stopped", async () => {
    const killed = await otherFlibs();
    await killed.kill();
    const before = await postmaster();
    const server = await start();
    expect(await postmaster()).toBe(before);
    await server.stop();
    expect(await connectEmbedded(directory)).toBeUndefined();
  });

  test("so it is when another process has the killed one's number by now", async () => {
    const killed = await otherFlibs();
    await killed.kill();
    const path = join(directory, "connection.json");
    await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), owner: process.ppid }));
    await (await start()).stop();
    expect(await connectEmbedded(directory)).toBeUndefined();
  });

  test("after kill -9 of everything no commit is lost", async () => {
    const first = await start();
    await query(first.url, "create table kept as select generate_series(1, 1000) as number");
    process.kill(await postmaster(), "SIGKILL");
    const second = await start();
    expect(await query(second.url, "select count(*)::int from kept")).toEqual([1000]);
    await second.stop();
  });

  test("several that start at once share one server", async () => {
    const all = await Promise.all([start(), start(), start()]);
    expect(new Set(all.map((one) => one.url)).size).toBe(1);
    await all[0]?.stop();
  });

  test("a crash in the middle of the first start leaves nothing that a second one stumbles over", async () => {
    await (await start()).stop();
    const data = await readFile(join(directory, "location"), "utf8").then(
      (home) => join(home, "data"),
      () => join(directory, process.getuid?.() === 0 ? "server/data" : "data"),
    );
    // As if initdb had been killed: half a cluster aside, none in place.
    await rm(join(data, "global"), { recursive: true });
    await rm(`${data}.new`, { recursive: true, force: true });
    await rename(data, `${data}.new`);
    const again = await start();
    expect(await query(again.url, "select 1")).toEqual([1]);
    await again.stop();
  });

  test("removing leaves nothing but the log behind", async () => {
    const server = await start();
    const [data] = await query(server.url, "show data_directory");
    await removeEmbeddedPostgres(directory);
    await expect(stat(String(data))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await readdir(directory)).toEqual(["postgres.log"]);
  });
});
