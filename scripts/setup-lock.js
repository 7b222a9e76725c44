// One setup of a clone at a time: two `npm ci` in one directory destroy each other's work. Node 20.
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until no other process holds the lock file, then does the work. `waiting` is called once when there is a wait. The lock is the
 * kernel's: it ends with the process that holds it, however that ends, so there is nothing to take over. The file stays.
 */
export async function withLock(file, waiting, work) {
  const lock = openSync(file, "a");
  try {
    for (let told = false; !take(lock, file); await delay(200)) {
      if (!told) waiting();
      told = true;
    }
    return await work();
  } finally {
    closeSync(lock);
  }
}

/** Node has no flock(2). The program takes it for the open file that it inherits, which is ours and keeps the lock when the program is gone. */
function take(lock, file) {
  const { status, error, stderr } = spawnSync("flock", ["-n", "3"], { stdio: ["ignore", "ignore", "pipe", lock], encoding: "utf8" });
  if (status === 0) return true;
  if (status === 1) return false;
  const why = error?.code === "ENOENT" ? "install the package util-linux, which has flock" : (error?.message ?? stderr.trim());
  throw new Error(`setup: ${file} cannot be locked: ${why}`);
}
