import type { ForgeEvent } from "../forge/event.ts";
import type { Forge } from "../forge/forge.ts";
import type { RunRequest, Runs } from "../workflow/run.ts";
import { decide, type IntakePolicy, type Intent } from "./decide.ts";
import type { CursorStore, InboxStore, StoredDelivery } from "./inbox.ts";
import { requestsOf } from "./requests.ts";

/** Branches of one push, or changes of one delivery, that are acted upon; more at once is a mistake or an attack. */
const mostEvents = 100;

/** Of the newest runs; an older one found again would only be counted as missed. */
const mostKnown = 1000;

/** What became of a delivery: the line that the inbox keeps, and the runs to start in the same transaction. */
export interface Heard {
  readonly outcome: string;
  readonly start: readonly RunRequest[];
}

/** A stored, verified delivery to runs. Throws what the forge throws; the inbox retries what is transient. */
export async function hearDelivery(forge: Forge, policy: IntakePolicy, delivery: StoredDelivery): Promise<Heard> {
  const events = await forge.parseDelivery(delivery);
  if (events.length === 0) return { outcome: "ignored: not an event that flibs listens to", start: [] };
  const heard: Heard[] = [];
  // One after the other: each may ask the forge, and a push may name thousands of branches.
  for (const event of events.slice(0, mostEvents)) heard.push(await hearEvent(forge, policy, event));
  const left = events.length - heard.length;
  if (left > 0) heard.push({ outcome: `ignored: ${left} more, only ${mostEvents} of one delivery are looked at`, start: [] });
  return { outcome: heard.map((one) => one.outcome).join("; "), start: heard.flatMap((one) => one.start) };
}

/** An installation does not start its life by building every branch there is, nor by obeying what was said before it came. */
const notAtFirst: readonly string[] = ["build", "command", "check-request"];

/**
 * Finds what no delivery told, by the same door, and returns what it started that nobody had started before. The first look at a forge only takes
 * note of where everything stands; releases, open promotions and open pull requests are looked at all the same.
 */
export async function sweepForge(forge: Forge, policy: IntakePolicy, cursors: CursorStore, runs: Runs): Promise<readonly string[]> {
  const name = `forge ${forge.name}`;
  const cursor = await cursors.findCursor(name);
  const { events, cursor: next } = await forge.changesSince(cursor);
  const known = new Set((await runs.list({ limit: mostKnown })).map((run) => run.id));
  const missed: string[] = [];
  const looked = new Map<string, number>();
  let problem: unknown;
  for (const event of events) {
    const count = (looked.get(event.repository) ?? 0) + 1;
    looked.set(event.repository, count);
    if (count > mostEvents) continue;
    try {
      const heard = await hearEvent(forge, policy, event);
      const start = cursor === undefined ? heard.start.filter(({ flow }) => !notAtFirst.includes(flow)) : heard.start;
      for (const request of start) {
        const id = await runs.start(request);
        if (!known.has(id)) missed.push(request.key);
        known.add(id);
      }
    } catch (error) {
      // One broken repository must not hide what happened in the others; all are looked at again, since the cursor stays.
      problem ??= error;
    }
  }
  if (problem !== undefined) throw problem;
  // After the runs: a crash in between finds the same events again, and their keys give the same runs.
  await cursors.saveCursor(name, next);
  return missed;
}

/**
 * Deliveries that the forge remembers and the inbox does not know are stored as if they had come now, so that what follows is the same. Works while
 * the address of the hook is down. Returns how many there were.
 */
export async function sweepDeliveries(forge: Forge, cursors: CursorStore, inbox: InboxStore): Promise<number> {
  const name = `deliveries ${forge.name}`;
  const { lost, cursor } = await forge.findLostDeliveries(await cursors.findCursor(name), (id) => inbox.isKnown(forge.name, id));
  let found = 0;
  for (const { deliveryId, headers, body } of lost) {
    if ((await inbox.store({ forge: forge.name, deliveryId, headers, body })) === "stored") found += 1;
  }
  // After they are stored: a crash in between finds them again, and the inbox knows them then.
  await cursors.saveCursor(name, cursor);
  return found;
}

async function hearEvent(forge: Forge, policy: IntakePolicy, event: ForgeEvent): Promise<Heard> {
  const intent = await atHead(forge, decide(event, policy));
  if (intent.kind === "ignored") return { outcome: `ignored: ${intent.reason}`, start: [] };
  const start = requestsOf(intent, policy.newerPush);
  return { outcome: start.map((request) => `started ${request.key}`).join(", "), start };
}

/** An event is a hint: deliveries come late and in any order, so what is built or looked at is what stands there now. */
async function atHead(forge: Forge, intent: Intent): Promise<Intent> {
  if (intent.kind === "pull") {
    const pull = await forge.findPull(intent.repository, intent.number);
    if (pull === undefined) return { kind: "ignored", reason: `${intent.repository} has no pull request #${intent.number}` };
    return { ...intent, head: pull.head, state: pull.state };
  }
  // A commit of a merge queue stands on no branch that we know.
  if (intent.kind !== "build" || intent.request.scratch) return intent;
  const { repository, branch } = intent.request;
  const head = await forge.findHead(repository, branch);
  if (head === undefined) return { kind: "ignored", reason: `branch ${branch} of ${repository} has gone` };
  return { kind: "build", request: { ...intent.request, commit: head } };
}
