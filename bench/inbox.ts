import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { githubDeliveries } from "./support/github-deliveries.ts";
import { type KeptAlive, keepAlive } from "./support/kept-alive.ts";
import { processorSeconds } from "./support/processor-time.ts";

/**
 * Deliveries durably stored per second against bare Probot, which handles the same deliveries and stores nothing, turn by turn on the
 * same machine; then how long an answer takes at 200 a second. Targets: at least 1.0x, and under 50 ms for 99 of 100.
 *
 * `node bench/inbox.ts 20` does 20 rounds.
 */
const secret = "a secret of the benchmark";
const rounds = Number(process.argv[2] ?? 9);
const perRound = 3000;
const atOnce = 64;
const steady = { perSecond: 200, seconds: 10 };
const github = githubDeliveries(secret);

/** A server process, the connections to it, and what it and its PostgreSQL have computed. */
interface Receiver {
  readonly child: ChildProcess;
  readonly connections: readonly KeptAlive[];
  processorSeconds(): { readonly own: number; readonly postgres: number };
}

interface Round {
  readonly perSecond: number;
  /** Of processor time for one delivery: of the receiver itself, and of its PostgreSQL. */
  readonly own: number;
  readonly postgres: number;
}

async function start(kind: string): Promise<Receiver> {
  const child = fork(join(import.meta.dirname, "support/inbox-server.ts"), [kind, secret], {
    execArgv: ["--disable-warning=ExperimentalWarning", ...(process.env.FLIBS_BENCH_NODE_OPTIONS?.split(" ") ?? [])],
  });
  const [{ port, postgres }] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`${kind} did not start`))),
  ])) as [{ port: number; postgres?: number }];
  const connections = await Promise.all(Array.from({ length: atOnce }, () => keepAlive(port)));
  return {
    child,
    connections,
    processorSeconds: () => ({
      own: processorSeconds(child.pid ?? 0),
      postgres: postgres === undefined ? 0 : processorSeconds(postgres),
    }),
  };
}

async function measure({ connections, ...receiver }: Receiver): Promise<Round> {
  const deliveries = Array.from({ length: perRound }, () => github.next());
  const before = receiver.processorSeconds();
  const began = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      for (let next = deliveries.pop(); next; next = deliveries.pop()) await connection.send(next);
    }),
  );
  const ms = performance.now() - began;
  const after = receiver.processorSeconds();
  const each = (seconds: number) => (seconds * 1e6) / perRound;
  return {
    perSecond: (perRound * 1000) / ms,
    own: each(after.own - before.own),
    postgres: each(after.postgres - before.postgres),
  };
}

/** Sends by the clock, whether or not earlier ones were answered: waiting in line counts. */
async function answerTimes({ connections }: Receiver): Promise<number[]> {
  const free = [...connections];
  const began = performance.now();
  const answers: Promise<number>[] = [];
  for (let n = 0; n < steady.perSecond * steady.seconds; n++) {
    const due = began + (n * 1000) / steady.perSecond;
    const early = due - performance.now();
    if (early > 0) await delay(early);
    const connection = free.pop();
    if (!connection) throw new Error(`${atOnce} deliveries are waiting for their answers at ${steady.perSecond} a second`);
    answers.push(connection.send(github.next()).finally(() => free.push(connection)));
  }
  return Promise.all(answers);
}

/** How many it had taken. */
async function stop({ child, connections }: Receiver): Promise<number> {
  for (const connection of connections) connection.close();
  const told = once(child, "message") as Promise<[{ taken: number }]>;
  const gone = once(child, "exit");
  child.send("end");
  const [{ taken }] = await told;
  await gone;
  return taken;
}

const quantile = (values: readonly number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;
const median = (values: readonly number[]) => quantile(values, 0.5);

const flibs = await start("flibs");
const probot = await start("probot");
const pairs: { readonly one: Round; readonly other: Round }[] = [];
// Three rounds each that do not count: code is compiled, tables grow.
for (let round = -3; round < rounds; round++) {
  const pair = { one: await measure(flibs), other: await measure(probot) };
  if (round >= 0) pairs.push(pair);
}
const times = await answerTimes(flibs);
const taken = await stop(flibs);
await stop(probot);
const sentToFlibs = (rounds + 3) * perRound + times.length;
if (taken !== sentToFlibs) throw new Error(`${sentToFlibs} deliveries were acknowledged, ${taken} are stored`);

const of = (which: "one" | "other", what: keyof Round) => median(pairs.map((pair) => pair[which][what])).toFixed(0);
const ratios = pairs.map(({ one, other }) => one.perSecond / other.perSecond);
process.stdout.write(
  `inbox: ${github.events.join(", ")} of ${(github.meanBytes / 1000).toFixed(1)} kB on average, ${rounds} pairs of ${perRound}\n` +
    `inbox: ${of("one", "perSecond")} deliveries/s stored, bare Probot ${of("other", "perSecond")}/s stored nowhere, ` +
    `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}); target 1.00\n` +
    `inbox: processor time a delivery ${of("one", "own")} µs and PostgreSQL's ${of("one", "postgres")} µs, bare Probot ${of("other", "own")} µs\n` +
    `inbox: answers at ${steady.perSecond}/s p50 ${median(times).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms; target p99 50 ms\n`,
);
