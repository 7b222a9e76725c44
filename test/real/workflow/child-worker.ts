import { flushCompileCache } from "node:module";
import { z } from "zod";
import { silentLog } from "../../../src/log.ts";
import { openStore } from "../../../src/store/store.ts";
import { createWorker } from "../../../src/workflow/worker.ts";
import { flowOf } from "./workflow-world.ts";

/**
 * A worker in a process of its own, for tests that kill it. It says on standard output what it does, and stops for good where it was told to by a
 * message: in a step (`in push`), or around the commit of one (`before push`, `after push`, `before status:done`).
 */
const [url = ""] = process.argv.slice(2);
let stopAt = "";
process.on("message", (place: string) => {
  stopAt = place;
  say(`stops ${place}`);
});

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

async function standStill(where: string): Promise<void> {
  if (where !== stopAt) return;
  say(`stopped ${where}`);
  await new Promise(() => setInterval(() => undefined, 60_000));
}

const flow = flowOf(
  [],
  async (step) => {
    for (const name of ["build", "push"]) {
      await step(name, z.void(), async () => {
        say(name);
        await standStill(`in ${name}`);
      });
    }
  },
  async (step, _intent, ending) => {
    await step("tell", z.void(), async () => {
      say(`finish ${ending.status}`);
      await standStill("in tell");
    });
  },
);

const store = await openStore({ url, log: silentLog });
const worker = createWorker({
  ...{ store, flows: [flow], log: silentLog, concurrency: 2, graceMs: 500, abortMs: 200 },
  hooks: {
    beforeJournal: (_run, step) => standStill(`before ${step}`),
    afterJournal: (_run, step) => standStill(`after ${step}`),
  },
});
process.once("SIGTERM", () => {
  void worker.stop().then(async () => {
    await store.close();
    say("handed over");
    process.exit(0);
  });
});
// Who is killed writes nothing at its end, and the next one would compile everything again.
flushCompileCache();
await worker.start();
say("ready");
