import { type ChildProcess, fork } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Deliveries durably stored per second against bare Probot, which handles deliveries of the same size and stores nothing, turn by turn
 * on the same machine; then how long an answer takes at 200 a second. Targets: at least 1.0x, and under 50 ms for 99 of 100.
 */
const secret = "a secret of the benchmark";
const rounds = 5;
const perRound = 2000;
const atOnce = 64;
const steady = { perSecond: 200, seconds: 10 };
const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
const text = "x".repeat(7000);

interface Delivery {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}
const sign = (body: Buffer) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

/** As a forge's comment hook sends it. */
function toFlibs(): Delivery {
  const delivery = randomUUID();
  const changes = [{ kind: "comment-added", number: 1, comment: "1", text }];
  const body = Buffer.from(JSON.stringify({ delivery, repository: "containers/cockpit", actor: "alice", changes }));
  const headers = { "x-flibs-event": "change", "x-flibs-delivery": delivery, "x-flibs-signature-256": sign(body) };
  return { path: "/hooks/local", headers, body };
}

function toProbot(): Delivery {
  const repository = { name: "cockpit", owner: { login: "containers" } };
  const payload = { action: "created", repository, issue: { number: 1 }, comment: { id: 1, body: text }, sender: { login: "alice" } };
  const body = Buffer.from(JSON.stringify(payload));
  const headers = { "x-github-event": "issue_comment", "x-github-delivery": randomUUID(), "x-hub-signature-256": sign(body) };
  return { path: "/hooks/github", headers, body };
}

/** Milliseconds until the answer; throws for any that is not 2xx. */
function send(port: number, { path, headers, body }: Delivery): Promise<number> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method: "POST", agent, headers: { ...headers, "content-type": "application/json" } },
      (answer) => {
        answer.resume();
        answer.once("end", () => {
          if (Math.floor((answer.statusCode ?? 0) / 100) === 2) resolve(performance.now() - began);
          else reject(new Error(`${path} answered ${answer.statusCode}`));
        });
      },
    );
    sent.once("error", reject);
    sent.end(body);
  });
}

async function perSecond(port: number, make: () => Delivery): Promise<number> {
  const deliveries = Array.from({ length: perRound }, make);
  const began = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let next = deliveries.pop(); next; next = deliveries.pop()) await send(port, next);
    }),
  );
  return (perRound * 1000) / (performance.now() - began);
}

/** Sends by the clock, whether or not earlier ones were answered: waiting in line counts. */
async function answerTimes(port: number): Promise<number[]> {
  const began = performance.now();
  const answers: Promise<number>[] = [];
  for (let n = 0; n < steady.perSecond * steady.seconds; n++) {
    const due = began + (n * 1000) / steady.perSecond;
    const early = due - performance.now();
    if (early > 0) await delay(early);
    answers.push(send(port, toFlibs()));
  }
  return Promise.all(answers);
}

async function start(kind: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(join(import.meta.dirname, "support/inbox-server.ts"), [kind, secret], {
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const [{ port }] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => Promise.reject(new Error(`${kind} did not start`))),
  ])) as [{ port: number }];
  return { child, port };
}

/** How many it had taken. */
async function stop(child: ChildProcess): Promise<number> {
  const told = once(child, "message") as Promise<[{ taken: number }]>;
  const gone = once(child, "exit");
  child.send("end");
  const [{ taken }] = await told;
  await gone;
  return taken;
}

const quantile = (values: readonly number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;

const flibs = await start("flibs");
const probot = await start("probot");
const stored: number[] = [];
const handled: number[] = [];
// One round each that does not count: code is compiled, tables grow.
for (let round = 0; round <= rounds; round++) {
  const one = await perSecond(flibs.port, toFlibs);
  const other = await perSecond(probot.port, toProbot);
  if (round === 0) continue;
  stored.push(one);
  handled.push(other);
}
const times = await answerTimes(flibs.port);
agent.destroy();
const taken = await stop(flibs.child);
await stop(probot.child);
const sentToFlibs = (rounds + 1) * perRound + times.length;
if (taken !== sentToFlibs) throw new Error(`${sentToFlibs} deliveries were acknowledged, ${taken} are stored`);

const [s, h] = [quantile(stored, 0.5), quantile(handled, 0.5)];
process.stdout.write(
  `inbox: ${s.toFixed(0)} deliveries/s stored, bare Probot ${h.toFixed(0)}/s stored nowhere, ratio ${(s / h).toFixed(2)}; target 1.00\n` +
    `inbox: answers at ${steady.perSecond}/s p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms; target p99 50 ms\n`,
);
