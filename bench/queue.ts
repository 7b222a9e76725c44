import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { buildFlow } from "../src/builds/build-flow.ts";
import type { BuildPorts } from "../src/builds/build-ports.ts";
import { enginePool, runsForSlots } from "../src/engines/engine-pool.ts";
import { requestBuild } from "../src/intake/requests.ts";
import { silentLog } from "../src/log.ts";
import { registryClient } from "../src/registry/registry-client.ts";
import { isFinal } from "../src/workflow/run.ts";
import { createWorker } from "../src/workflow/worker.ts";
import { buildWorld } from "../test/builds/build-world.ts";
import { testDatabase } from "../test/support/database.ts";
import { scratchDirectory } from "../test/support/scratch-directory.ts";
import { startRegistryProcess } from "./support/registry-process.ts";
import { type Busy, simulatedEngine } from "./support/simulated-engine.ts";

/**
 * 500 queued builds of 50 repositories, with the whole build flow, PostgreSQL and the worker as they are, on an engine whose builds take their time and
 * nothing else: how busy its slots are until the queue is empty, and how much memory the process takes. The candidate registry is a process of its own;
 * the forge has nothing to keep. Targets: 98 %, 300 MB.
 *
 * `node bench/queue.ts 4` does 4 builds of each repository.
 */
const slots = 8;
const repositories = 50;
const branches = Number(process.argv[2] ?? 10);
const buildMs = { from: 2000, to: 4000 };

/** Every repository has names of its own. */
async function checkOut(repository: string, directory: string): Promise<void> {
  const name = repository.split("/").at(-1);
  await mkdir(join(directory, "tests"), { recursive: true });
  const dockerfile = `FROM registry.fedoraproject.org/fedora:42\nLABEL com.redhat.component=${name}-container name=${name} version=1\nRUN make\n`;
  await writeFile(join(directory, "Dockerfile"), dockerfile);
  await writeFile(join(directory, "tests/commands.yaml"), "smoke:\n  commands:\n    - {name: a, run: [/bin/true]}\n");
}

await using scratch = await scratchDirectory("flibs-bench-");
await using database = await testDatabase();
const store = await database.open();
const { ports, platforms } = buildWorld(join(scratch.path, "work"));
const registry = await startRegistryProcess();
const candidate = registryClient({ endpoint: registry.endpoint, plainHttp: true });
const busy: Busy[] = [];
const [inner] = ports.engines.all;
if (inner === undefined) throw new Error("there is no engine");
const building: BuildPorts = {
  ...ports,
  builds: store.builds,
  logs: store.logs,
  destinationTags: store.destinationTags,
  forge: () => ({ ...ports.forge("local"), checkout: (repository, _, directory) => checkOut(repository, directory) }),
  engines: enginePool([{ slots, platforms, engine: simulatedEngine(inner, candidate, { slots, buildMs, busy }) }]),
  candidate: { ...ports.candidate, registry: candidate },
  attestations: { ...ports.attestations, registry: candidate },
};
const atATime = runsForSlots(slots);
const worker = createWorker({
  ...{ store, log: silentLog, flows: [buildFlow(building)] },
  concurrency: atATime + 4,
  most: { build: atATime },
});
const runs: string[] = [];
for (let branch = 1; branch <= branches; branch++) {
  for (let n = 1; n <= repositories; n++) {
    const repository = `containers/app-${n}`;
    const request = { forge: "local", repository, branch: `f${branch}`, commit: String(branch).padStart(40, "0"), scratch: false };
    runs.push(await worker.runs.start(requestBuild({ ...request, requestedBy: "alice" }, `${repository} ${branch}`)));
  }
}
let peak = 0;
const watching = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 200);
await worker.start();
const open = new Set(runs);
while (open.size > 0) {
  await delay(500);
  for (const run of [...open].slice(0, 50)) if (isFinal((await worker.runs.find(run))?.status ?? "queued")) open.delete(run);
}
clearInterval(watching);
await worker.stop();
candidate.close();
await registry.close();
const complete = await store.builds.list({ state: "complete", limit: 10_000 });
if (complete.length !== runs.length || busy.length !== runs.length) {
  throw new Error(`${runs.length} builds were queued, ${busy.length} were built, ${complete.length} are complete`);
}

// From the moment at which all slots are taken to the one at which nothing waits any more: before and after, there is not enough to do.
const starts = busy.map(({ from }) => from).toSorted((a, b) => a - b);
const [begin, end] = [starts[slots - 1] ?? 0, starts.at(-1) ?? 0];
const within = busy.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, end) - Math.max(from, begin)), 0);
process.stdout.write(
  `queue: ${runs.length} builds of ${repositories} repositories, ${slots} slots, builds of ${buildMs.from / 1000} to ${buildMs.to / 1000} s\n` +
    `queue: slots busy ${((100 * within) / (slots * (end - begin))).toFixed(1)} %; target 98 %\n` +
    `queue: process at most ${(peak / 1e6).toFixed(0)} MB; target 300 MB\n`,
);
