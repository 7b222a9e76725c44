import { createHmac, randomUUID } from "node:crypto";
import webhooks from "@octokit/webhooks-examples" with { type: "json" };
import type { WebhookDefinition } from "@octokit/webhooks-examples";

/** One delivery as GitHub sends it to an App: the bytes of a whole request are made before the clock runs. */
export interface Delivery {
  readonly head: string;
  readonly body: Buffer;
}

const events = ["issue_comment", "push", "pull_request"] as const;
const examples = webhooks as unknown as readonly WebhookDefinition[];

/** Names of the events, in turns: one payload of each kind after the other, so that the kinds are equally many. */
export function githubDeliveries(secret: string): { readonly events: readonly string[]; readonly meanBytes: number; next(): Delivery } {
  const kinds = events.map((event) => ({ event, payloads: payloadsOf(event, secret) }));
  const means = kinds.map(({ payloads }) => payloads.reduce((sum, { body }) => sum + body.length, 0) / payloads.length);
  let count = 0;
  return {
    events,
    meanBytes: means.reduce((sum, mean) => sum + mean, 0) / means.length,
    next() {
      const { event, payloads } = kinds[count % kinds.length] ?? missing();
      const payload = payloads[Math.floor(count / kinds.length) % payloads.length] ?? missing();
      count += 1;
      return { head: headOf(event, payload), body: payload.body };
    },
  };
}

/** Octokit's examples, compact as GitHub sends them; those with an installation, since all that an App receives have one. */
function payloadsOf(event: string, secret: string): readonly { readonly body: Buffer; readonly signature: string }[] {
  const found = examples.find(({ name }) => name === event)?.examples ?? [];
  return found
    .filter((payload) => "installation" in payload)
    .map((payload) => {
      const body = Buffer.from(JSON.stringify(payload));
      return { body, signature: `sha256=${createHmac("sha256", secret).update(body).digest("hex")}` };
    });
}

/** Headers of a GitHub App's webhook, in GitHub's order; each delivery has a GUID of its own. */
function headOf(event: string, { body, signature }: { readonly body: Buffer; readonly signature: string }): string {
  return [
    "POST /hooks/github HTTP/1.1",
    "Host: flibs.example.test",
    "User-Agent: GitHub-Hookshot/044aadd",
    `Content-Length: ${body.length}`,
    "Accept: */*",
    "Content-Type: application/json",
    `X-GitHub-Delivery: ${randomUUID()}`,
    `X-GitHub-Event: ${event}`,
    "X-GitHub-Hook-ID: 292430182",
    "X-GitHub-Hook-Installation-Target-ID: 79929171",
    "X-GitHub-Hook-Installation-Target-Type: integration",
    `X-Hub-Signature-256: ${signature}`,
    "\r\n",
  ].join("\r\n");
}

function missing(): never {
  throw new Error("@octokit/webhooks-examples has no payload of this kind");
}
