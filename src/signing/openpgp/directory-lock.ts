import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, readlink, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { appError } from "../../domain/errors.ts";

const beatMs = 2_000;
/** A holder that has not touched its lock for so long is dead: it would have touched it fifteen times. */
const staleMs = 30_000;

/**
 * Runs `work` while no other process on any machine that shares the file system does so under the same lock file. The lock of a dead holder is
 * taken over: at once when it was a process of this machine, else after half a minute. It keeps two signers from signing one thing twice; that no file is overwritten does not rest on it.
 * Throws `signing.lookaside-unwritable` (transient) when it is not free within `waitMs`.
 */
export async function withDirectoryLock<T>(path: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const token = [randomUUID(), process.pid, await processSpace()].join(" ");
  await acquire(path, token, waitMs);
  const beat = setInterval(() => {
    const now = new Date();
    // Gone means stolen: nothing to do about it here, link(2) still keeps the files apart.
    utimes(path, now, now).catch(() => {});
  }, beatMs);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readText(path)) === token) await rm(path, { force: true });
  }
}

async function acquire(path: string, token: string, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  await mkdir(dirname(path), { recursive: true });
  for (let pause = 5; !(await create(path, token)); pause = Math.min(pause * 2, 200)) {
    await breakStale(path);
    if (performance.now() > deadline) {
      throw appError("signing.lookaside-unwritable", "another process holds the lock of a lookaside directory", { details: { path } });
    }
    await delay(pause);
  }
}

async function create(path: string, token: string): Promise<boolean> {
  // Written first and linked then: a lock never exists without its holder's token.
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, "wx", 0o600);
    await file.writeFile(token).finally(() => file.close());
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function breakStale(path: string): Promise<void> {
  const holder = await readText(path);
  const seen = await stat(path).catch(() => undefined);
  if (holder === undefined || seen === undefined) return;
  if (Date.now() - seen.mtimeMs < staleMs && !(await hasDied(holder))) return;
  const aside = `${path}.stale-${randomUUID()}`;
  if (
    !(await rename(path, aside).then(
      () => true,
      () => false,
    ))
  )
    return;
  // Somebody was quicker and this is already the next holder's lock: give it back.
  if ((await readText(aside)) !== holder) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

/** Certain only of processes that are numbered as ours are. A number that was given away again is found by time. */
async function hasDied(holder: string): Promise<boolean> {
  const [, pid = "", ...space] = holder.split(" ");
  const ours = await processSpace();
  if (!/^[1-9][0-9]*$/.test(pid) || ours === "" || space.join(" ") !== ours) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** Where process numbers mean the same: one boot of one machine (random(4), boot_id) and one PID namespace of it. Empty where that is not told. */
async function processSpace(): Promise<string> {
  const boot = await readText("/proc/sys/kernel/random/boot_id");
  const namespace = await readlink("/proc/self/ns/pid").catch(() => undefined);
  return boot === undefined || namespace === undefined ? "" : `${boot.trim()} ${namespace}`;
}

function readText(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
