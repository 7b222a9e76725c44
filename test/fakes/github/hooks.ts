import { createHmac, randomUUID } from "node:crypto";
import type { Installation } from "./state/data.ts";
import { installationOf } from "./state/installations.ts";
import { accountView, nodeId, organisationView } from "./views/accounts.ts";
import { repositoryView } from "./views/repositories.ts";
import { type About, accountOf, type World } from "./world.ts";

/** What becomes of deliveries on their way. */
export interface Transmission {
  /** Every so-manieth delivery of each event is never attempted and not in the ledger: only looking finds what it told. */
  loseEvery?: number;
  /** Every so-manieth delivery of each event is attempted twice with one guid; they stand half-way between those that are lost. */
  doubleEvery?: number;
  /** Deliveries wait until `release`. */
  hold?: boolean;
  /** Order in which held deliveries are released. */
  shuffle?: (count: number) => readonly number[];
  /** The hook's address does not answer: attempts fail and stand in the ledger. */
  down?: boolean;
}

export interface Delivery {
  readonly guid: string;
  /** `pull_request`. */
  readonly event: string;
  readonly action: string | null;
  readonly installationId: number | null;
  readonly repositoryId: number | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface Attempt {
  readonly id: number;
  readonly delivery: Delivery;
  readonly redelivery: boolean;
  readonly at: string;
  /** Seconds. */
  readonly duration: number;
  readonly status: string;
  /** 0 when there was no answer. */
  readonly statusCode: number;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly responseHeaders: Readonly<Record<string, string>> | null;
  readonly responseBody: string | null;
}

export interface Hooks {
  /** Where deliveries go; undefined = the App has no active hook. */
  url: string | undefined;
  /** Deliveries are signed with this one; change it to rotate. */
  secret: string;
  readonly transmission: Transmission;
  /** The ledger, oldest first. */
  readonly attempts: Attempt[];
  /** What `loseEvery` took away. */
  readonly lost: Delivery[];
  /** Deliveries that wait for `release`, or to be sent. */
  readonly waiting: readonly Delivery[];
  /** Makes a delivery of a change; it is sent by `flush`. */
  announce(world: World, key: string, about: About): void;
  /** Sends what waits, one after the other, unless it is held back. */
  flush(): Promise<void>;
  /** Sends what was held back. */
  release(): Promise<void>;
  /** As the button and the API do: same guid, same payload, signed anew. */
  redeliver(attemptId: number): Promise<void>;
  /** When everything on its way has arrived. */
  settled(): Promise<void>;
  close(): void;
}

export interface HookOptions {
  readonly hookId: number;
  readonly appId: number;
  readonly now: () => Date;
  readonly url: string | undefined;
  readonly secret: string;
  /** GitHub waits ten seconds for an answer. */
  readonly answerTimeoutMs: number;
  readonly check: (key: string, payload: unknown) => readonly string[];
  readonly violation: (what: string) => void;
  readonly seen: (event: string) => void;
}

/** Sent whether subscribed or not; GitHub's documentation of each event says so. */
const always = ["ping", "installation", "installation_repositories"];
/** An App that may write checks gets these without subscribing. */
const byChecks = ["check_run", "check_suite"];
/** Documented: a payload of more than 25 MB is not delivered at all. */
const mostBytes = 25 * 2 ** 20;

export function signatureOfBody(secret: string, body: string | Uint8Array): string {
  return `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
}

export function createHooks(options: HookOptions): Hooks {
  let waiting: Delivery[] = [];
  let sending: Promise<void> = Promise.resolve();
  /** By event: else the many check runs that an App hears of would be nearly all that is lost. */
  const counts = new Map<string, number>();
  const lost: Delivery[] = [];
  const stopping = new AbortController();
  const attempts: Attempt[] = [];
  const transmission: Transmission = {};

  async function attempt(delivery: Delivery, redelivery: boolean): Promise<void> {
    if (hooks.url === undefined || stopping.signal.aborted) return;
    const body = JSON.stringify(delivery.payload);
    const headers = headersOf(delivery, body);
    const started = performance.now();
    const answer = transmission.down ? new Error("connection refused") : await send(hooks.url, headers, body);
    const duration = Math.round(performance.now() - started) / 1000;
    const failed = answer instanceof Error;
    attempts.push({
      id: 10_000 + attempts.length + 1,
      delivery,
      redelivery,
      at: options.now().toISOString(),
      duration,
      status: failed ? "failed to connect to host" : answer.code < 300 ? "OK" : `Invalid HTTP Response: ${answer.code}`,
      statusCode: failed ? 0 : answer.code,
      requestHeaders: headers,
      responseHeaders: failed ? null : answer.headers,
      responseBody: failed ? null : answer.body,
    });
  }

  async function send(url: string, headers: Readonly<Record<string, string>>, body: string) {
    try {
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(options.answerTimeoutMs)]);
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      return { code: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  function headersOf(delivery: Delivery, body: string): Readonly<Record<string, string>> {
    return {
      accept: "*/*",
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/f1b15a5",
      "x-github-delivery": delivery.guid,
      "x-github-event": delivery.event,
      "x-github-hook-id": String(options.hookId),
      "x-github-hook-installation-target-id": String(options.appId),
      "x-github-hook-installation-target-type": "integration",
      "x-hub-signature-256": signatureOfBody(hooks.secret, body),
    };
  }

  async function sendAll(deliveries: readonly Delivery[]): Promise<void> {
    for (const delivery of deliveries) {
      const count = (counts.get(delivery.event) ?? 0) + 1;
      counts.set(delivery.event, count);
      const { loseEvery, doubleEvery } = transmission;
      if (loseEvery !== undefined && count % loseEvery === 0) {
        lost.push(delivery);
        continue;
      }
      await attempt(delivery, false);
      if (doubleEvery !== undefined && count % doubleEvery === Math.floor(doubleEvery / 2)) await attempt(delivery, false);
    }
  }
  function enqueue(deliveries: readonly Delivery[]): Promise<void> {
    sending = sending.then(() => sendAll(deliveries));
    return sending;
  }

  const hooks: Hooks = {
    url: options.url,
    secret: options.secret,
    transmission,
    attempts,
    lost,
    get waiting() {
      return waiting;
    },
    announce(world, key, about) {
      const event = eventOf(key);
      const installation = about.repository
        ? installationOf(world, about.repository)
        : world.data.installations.get(about.installation ?? 0);
      const isSubscribed = always.includes(event) || installation?.events.includes(event) || byChecksPermission(installation, event);
      if (hooks.url === undefined || (!installation && event !== "ping") || !isSubscribed) return;
      if (installation?.suspendedAt && event !== "installation") return;
      const payload = { ...common(world, about, installation), ...about.payload };
      if (Buffer.byteLength(JSON.stringify(payload)) > mostBytes) return;
      for (const fault of options.check(key, payload)) options.violation(`delivery: ${fault}`);
      options.seen(event);
      const action = typeof about.payload.action === "string" ? about.payload.action : null;
      const ids = { installationId: installation?.id ?? null, repositoryId: about.repository?.id ?? null };
      waiting.push({ guid: randomUUID(), event, action, payload: structuredClone(payload), ...ids });
    },
    flush() {
      if (transmission.hold) return sending;
      const deliveries = waiting;
      waiting = [];
      return enqueue(deliveries);
    },
    release() {
      const order = transmission.shuffle?.(waiting.length) ?? waiting.map((_, i) => i);
      const deliveries = order.flatMap((i) => waiting[i] ?? []);
      waiting = [];
      transmission.hold = false;
      return enqueue(deliveries);
    },
    redeliver(attemptId) {
      const found = attempts.find((each) => each.id === attemptId);
      if (!found) throw new Error(`there was no delivery ${attemptId}`);
      sending = sending.then(() => attempt(found.delivery, true));
      return sending;
    },
    settled: () => sending,
    close: () => stopping.abort(),
  };
  return hooks;
}

function byChecksPermission(installation: Installation | undefined, event: string): boolean {
  return byChecks.includes(event) && installation?.permissions.checks === "write";
}

/** `check-run-requested-action` is an action of `check_run`. */
function eventOf(key: string): string {
  const events = ["check-run", "check-suite", "issue-comment", "merge-group", "pull-request", "installation-repositories"];
  return (events.find((event) => key.startsWith(`${event}-`)) ?? key.split("-")[0] ?? key).replaceAll("-", "_");
}

function common(world: World, about: About, installation: Installation | undefined): Readonly<Record<string, unknown>> {
  const { repository } = about;
  const owner = repository ? accountOf(world, repository.owner) : undefined;
  return {
    ...(repository ? { repository: repositoryView(world, repository) } : {}),
    ...(owner?.type === "Organization" ? { organization: organisationView(world, owner) } : {}),
    sender: accountView(world, accountOf(world, about.sender)),
    ...(installation ? { installation: { id: installation.id, node_id: nodeId("I", installation.id) } } : {}),
  };
}
