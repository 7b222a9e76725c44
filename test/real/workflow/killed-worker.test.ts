import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type TestDatabase, testDatabase } from "../../support/database.ts";
import { flowOf, openWorld, type World } from "./workflow-world.ts";

let database: TestDatabase;
let world: World;
const children = new Set<ChildProcess>();
/** Who went on after one was killed is the next to be killed: starting a process is most of what these tests cost. */
let idle: ChildWorker | undefined;

beforeAll(async () => {
  database = await testDatabase();
  world = await openWorld(database, (told) => flowOf(told, async () => undefined));
});

afterEach(() => {
  for (const child of children) if (child !== idle?.child) child.kill("SIGKILL");
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await world.close();
  await database.drop();
});

type ChildWorker = Awaited<ReturnType<typeof childWorker>>;

/** A worker process; `lines` grows with what it says. */
async function childWorker() {
  const child = spawn(process.execPath, [join(import.meta.dirname, "child-worker.ts"), database.url], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  const lines: string[] = [];
  const said = Promise.withResolvers<void>();
  let wanted = "ready";
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    lines.push(line);
    if (line === wanted) said.resolve();
  });
  await said.promise;
  async function until(line: string): Promise<void> {
    if (lines.includes(line)) return;
    const next = Promise.withResolvers<void>();
    wanted = line;
    said.promise = next.promise;
    said.resolve = next.resolve;
    await next.promise;
  }
  return {
    child,
    lines,
    until,
    async stopAt(place: string) {
      child.send(place);
      await until(`stops ${place}`);
    },
    async end(signal: NodeJS.Signals) {
      const exit = once(child, "exit");
      child.kill(signal);
      await exit;
    },
  };
}

const points = [
  { stopAt: "in build", again: ["build", "push", "finish done"] },
  { stopAt: "before build", again: ["build", "push", "finish done"] },
  { stopAt: "after build", again: ["push", "finish done"] },
  { stopAt: "in push", again: ["push", "finish done"] },
  { stopAt: "before status:ending", again: ["finish done"] },
  { stopAt: "after status:ending", again: ["finish done"] },
  { stopAt: "in tell", again: ["finish done"] },
  { stopAt: "before status:done", again: [] },
];

describe("a worker killed at any point", () => {
  async function workerThatStops(place: string): Promise<ChildWorker> {
    const worker = idle ?? (await childWorker());
    idle = undefined;
    await worker.stopAt(place);
    return worker;
  }

  test.each(points)("$stopAt: the next one goes on at once, without waiting for the lease", async ({ stopAt, again }) => {
    const first = await workerThatStops(stopAt);
    const run = await world.desk.runs.start(world.request(stopAt));
    await first.until(`stopped ${stopAt}`);
    await first.end("SIGKILL");
    const second = await childWorker();
    const began = Date.now();
    const ended = await world.untilEnded(run);
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(ended).toMatchObject({ status: "done", attempt: 0 });
    expect(second.lines.filter((line) => line !== "ready")).toEqual(again);
    expect((await world.desk.runs.journal(run)).map((entry) => entry.step)).toEqual(["build", "push", "tell"]);
    idle = second;
  });

  test("after the last commit nothing is left to do", async () => {
    const first = await workerThatStops("after status:done");
    const run = await world.desk.runs.start(world.request("all done"));
    await first.until("stopped after status:done");
    await first.end("SIGKILL");
    expect(await world.desk.runs.find(run)).toMatchObject({ status: "done" });
    expect(await world.desk.sweep()).toBe(0);
  });
});

describe("a worker that is told to stop", () => {
  test("gives a run back that does not end in the time of grace, and that is no failed attempt", async () => {
    const first = await childWorker();
    await first.stopAt("in push");
    const run = await world.desk.runs.start(world.request("handed over"));
    await first.until("stopped in push");
    const second = await childWorker();
    await first.end("SIGTERM");
    expect(first.lines).toContain("handed over");
    expect(await world.untilEnded(run)).toMatchObject({ status: "done", attempt: 0 });
    expect(second.lines).toEqual(["ready", "push", "finish done"]);
    await second.end("SIGTERM");
  });
});
