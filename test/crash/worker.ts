/**
 * The process that the crash suite kills: the workers of an installation with a crash point before and after each journal write and each
 * effect. Ends by itself with 0 once nothing is left to do.
 */
import { flushCompileCache } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { openApp } from "../../src/app.ts";
import { loadSettings } from "../../src/config-load.ts";
import { createLog } from "../../src/log.ts";
import { readTurn } from "../setup/turns.js";
import { crashPoints } from "./crash-points.ts";

const [settingsFile = "", databaseUrl = "", visited = "", only = "", turn] = process.argv.slice(2);
// Who is killed writes nothing at its end, and the next one would compile everything again.
const points = crashPoints({ visited, only: new RegExp(only), turn: readTurn(turn), lastly: flushCompileCache });
const flowOf = async (run: string) => (await app.runs.find(run))?.flow;
const app = await openApp(loadSettings(settingsFile, process.env), {
  log: createLog("warn", process.stderr),
  environment: process.env,
  databaseUrl,
  wrap: points.wrap,
  journalHooks: {
    beforeJournal: async (run, step) => points.pass(`before journal ${await flowOf(run)} ${run} ${step}`),
    afterJournal: async (run, step) => points.pass(`after journal ${await flowOf(run)} ${run} ${step}`),
  },
});
await app.worker.start();
await app.sweepForge();
for (let [idle, pause] = [0, 20]; idle < 2; ) {
  await app.worker.sweep();
  const busy = await app.runs.list({ status: ["queued", "running", "waiting"], limit: 10 });
  const unheard = (await app.store.inbox.list({ limit: 100 })).filter((delivery) => delivery.status === "stored");
  idle = busy.length === 0 && unheard.length === 0 ? idle + 1 : 0;
  // A look at a forge is many processes of git; whoever is at work needs none.
  if (idle === 1) await app.sweepForge();
  // Jobs start by themselves; looking again and again only takes their time.
  pause = idle > 0 ? 20 : Math.min(pause * 1.5, 150);
  await delay(pause);
}
await app.close();
