import { createHmac, randomUUID } from "node:crypto";
import { pythonJson } from "./python-json.ts";
import { fullName, type Project } from "./state.ts";

/** An event as it was queued; `body` has the exact bytes that are sent. */
export interface Sent {
  readonly project: string;
  readonly topic: string;
  readonly msg: Readonly<Record<string, unknown>>;
  readonly msgId: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What happens to an event on its way: `lost` is what a killed worker does; `twice` what two workers do; `later` lets the next one
 * overtake it.
 */
export type Fate = "sent" | "lost" | "twice" | "later";

export interface Hooks {
  /** All that was queued, oldest first, whatever became of it. */
  readonly queued: readonly Sent[];
  /** Every request that was made and the status of its answer; 0 without an answer. */
  readonly attempts: readonly { readonly sent: Sent; readonly url: string; readonly status: number }[];
  fate: (sent: Sent) => Fate;
  emit(project: Project, topic: string, msg: Record<string, unknown>): void;
  /** Once all that was queued is sent or lost. */
  settled(): Promise<void>;
}

/** The webhook worker: one attempt per address, no second one, redirects followed as python-requests does. */
export function createHooks(instance: string, now: () => number): Hooks {
  const queued: Sent[] = [];
  const attempts: { sent: Sent; url: string; status: number }[] = [];
  let counter = 0;
  let held: (() => Promise<void>) | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function post(sent: Sent, url: string): Promise<void> {
    const attempt = { sent, url, status: 0 };
    attempts.push(attempt);
    try {
      const answer = await fetch(url, {
        method: "POST",
        body: new Uint8Array(sent.body),
        headers: { ...sent.headers },
        // 302 turns the POST into a GET without body, 307 posts again: both as the specification of fetch has it.
        redirect: "follow",
        signal: AbortSignal.timeout(60_000),
      });
      attempt.status = answer.status;
      await answer.arrayBuffer();
    } catch {
      // Only logged there.
    }
  }

  const hooks: Hooks = {
    queued,
    attempts,
    fate: () => "sent",
    emit(project, topic, content) {
      const urls = [...project.hookUrls].sort();
      counter += 1;
      const msg = { ...content, pagure_instance: instance, project_fullname: fullName(project) };
      const msgId = `${new Date(now() * 1000).getUTCFullYear()}-${randomUUID()}`;
      const text = pythonJson({ i: counter, msg, msg_id: msgId, timestamp: Math.floor(now()), topic });
      const body = Buffer.from(text);
      const sign = (algorithm: string) => createHmac(algorithm, project.hookKey).update(body).digest("hex");
      const headers = {
        "User-Agent": "python-requests/2.28.1",
        "X-Pagure": instance,
        "X-Pagure-project": fullName(project),
        "X-Pagure-Signature": sign("sha1"),
        "X-Pagure-Signature-256": sign("sha256"),
        "X-Pagure-Topic": topic,
        "Content-Type": "application/json",
      };
      // As it is at this moment: what the sender changes later is not in the message.
      const sent: Sent = { project: fullName(project), topic, msg: JSON.parse(pythonJson(msg)), msgId, body, headers };
      queued.push(sent);
      if (urls.length === 0) return;
      const fate = hooks.fate(sent);
      const send = async () => {
        for (const url of urls) await post(sent, url);
      };
      if (fate === "lost") return;
      const overtaken = held;
      held = undefined;
      if (fate === "later" && overtaken === undefined) {
        held = send;
        return;
      }
      last = last.then(send);
      if (fate === "twice") last = last.then(send);
      if (overtaken !== undefined) last = last.then(overtaken);
    },
    async settled() {
      if (held !== undefined) last = last.then(held);
      held = undefined;
      await last;
    },
  };
  return hooks;
}
