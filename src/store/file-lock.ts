import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { appError } from "../domain/errors.ts";
import { isAlive } from "../programs/is-alive.ts";

/**
 * One process at a time does `work`. The lock is a file that says which process holds it, linked into place whole; the lock of a dead process
 * is taken away. Only processes of one machine can meet here, as their processes' numbers are what is compared.
 */
export async function withFileLock<T>(path: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  const token = `${await identify(process.pid)} ${randomBytes(8).toString("hex")}`;
  const own = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(own, token, { mode: 0o600 });
  try {
    await take(path, own, Date.now() + timeoutMs);
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    if ((await readFile(path, "utf8").catch(() => "")) === token) await rm(path, { force: true });
  }
}

async function take(path: string, own: string, deadline: number): Promise<void> {
  while (Date.now() < deadline) {
    const taken = await link(own, path).then(
      () => true,
      () => false,
    );
    if (taken) return;
    const holder = await readFile(path, "utf8").catch(() => undefined);
    if (holder !== undefined && !(await isHeld(holder))) {
      // Only if it is still the dead one's: another may have taken it away and got the lock meanwhile.
      if ((await readFile(path, "utf8").catch(() => undefined)) === holder) await rm(path, { force: true });
      continue;
    }
    await delay(50);
  }
  throw appError("store.postgres-failed", `another flibs has been starting PostgreSQL for a long time, it holds ${path}`);
}

async function isHeld(token: string): Promise<boolean> {
  const [pid, ...more] = token.split(" ");
  // Releases before wrote the number alone, and something random.
  if (more.length === 1) return Number(pid) !== process.pid && isAlive(Number(pid));
  const holder = await identify(Number.parseInt(token, 10));
  return holder !== undefined && token.startsWith(`${holder} `);
}

/**
 * What no other process of this machine is ever called; undefined when it does not live. The number alone comes again: after a restart of its
 * container flibs itself has the one that the killed flibs had. Where there is no /proc the number is all there is.
 */
export async function identify(pid: number): Promise<string | undefined> {
  if (!isAlive(pid)) return undefined;
  const read = (path: string) => readFile(path, "utf8").catch(() => "");
  const [stat, boot] = await Promise.all([read(`/proc/${pid}/stat`), read("/proc/sys/kernel/random/boot_id")]);
  // Its time of start is the 22nd field; the second, its name in brackets, may hold blanks and brackets.
  const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  return `${pid} ${started} ${boot.trim()}`;
}
