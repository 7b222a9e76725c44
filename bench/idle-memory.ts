import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { flibsCommand } from "../demo/flibs-process.ts";
import { makeInstallation } from "../test/support/installation.ts";

/**
 * Memory of an idle service and its embedded PostgreSQL, a while after the start, as proportional set size: pages that PostgreSQL's processes
 * share are counted once. Target: at most 250 MB together.
 */
const settleMs = Number(process.env.FLIBS_BENCH_SETTLE_MS ?? 30_000);
const installation = await makeInstallation();
const serve = await flibsCommand(installation.settingsFile).serve(join(installation.directory, "serve.log"));
try {
  await delay(settleMs);
  const connection = readFileSync(join(installation.settings.stateDirectory, "postgres/connection.json"), "utf8");
  const postmaster = (JSON.parse(connection) as { pid: number }).pid;
  const service = proportionalBytes(serve.pid);
  const postgres = [postmaster, ...childrenOf(postmaster)].reduce((sum, pid) => sum + proportionalBytes(pid), 0);
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  process.stdout.write(`idle memory: ${mb(service + postgres)} (service ${mb(service)}, PostgreSQL ${mb(postgres)})\n`);
} finally {
  await serve.stop();
  await installation.remove();
}

function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => new RegExp(`^PPid:\\s+${parent}$`, "m").test(read(`/proc/${pid}/status`)));
}

function proportionalBytes(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

/** A process may end between being listed and being read. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
