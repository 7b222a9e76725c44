import { z } from "zod";
import type { LostDelivery } from "../forge.ts";
import type { GithubWorld } from "./github-world.ts";
import { epoch, latest, shortlyBefore } from "./sweep-cursor.ts";
import type { Answer } from "./transport.ts";

type Attempt = Answer<"GET /app/hook/deliveries">["data"][number];

const Cursor = z.strictObject({ version: z.literal(1), attemptedAt: z.string() });

/** In one call, so that a long outage is made good in pieces: each is a payload of up to 25 MB. */
const mostAtOnce = 100;

/**
 * See {@link ForgeInbox.findLostDeliveries}. GitHub keeps a record of its attempts for three days (seven on an Enterprise Server), and tries
 * none twice by itself. Payloads are read from the record, so that this works while the hook's address cannot be reached. A cursor
 * older than the record means: all that is there.
 */
export async function findLostDeliveries(
  { client }: Pick<GithubWorld, "client">,
  cursor: string | undefined,
  isKnown: (deliveryId: string) => Promise<boolean>,
): Promise<{ readonly lost: readonly LostDelivery[]; readonly cursor: string }> {
  const since = parseCursor(cursor);
  // An attempt under way when the last look was made is written down with the time of its beginning.
  const attempts = await attemptsSince(client, Date.parse(shortlyBefore(since)));
  const lost: LostDelivery[] = [];
  const looked = new Set<string>();
  let attemptedAt = since;
  for (const { id, guid, delivered_at: at } of attempts) {
    if (lost.length === mostAtOnce) break;
    attemptedAt = latest(attemptedAt, at);
    const deliveryId = guid.toLowerCase();
    // One delivery may have been attempted several times, by somebody's click.
    if (looked.has(deliveryId)) continue;
    looked.add(deliveryId);
    // That the address answered "taken" is no proof: it may have been another machine's, or a database that was restored since.
    if (await isKnown(deliveryId)) continue;
    const { data } = await client.asApp("GET /app/hook/deliveries/{delivery_id}", { delivery_id: Number(id) });
    lost.push({ deliveryId, headers: headersOf(data), body: Buffer.from(JSON.stringify(data.request.payload ?? {})) });
  }
  return { lost, cursor: JSON.stringify({ version: 1, attemptedAt }) };
}

/** Oldest first: what is taken up in pieces begins with what waits longest. The record itself begins with the newest. */
async function attemptsSince(client: GithubWorld["client"], since: number): Promise<readonly Attempt[]> {
  const found: Attempt[] = [];
  let cursor: string | undefined;
  do {
    const answer = await client.asApp("GET /app/hook/deliveries", { per_page: 100, ...(cursor === undefined ? {} : { cursor }) });
    const fitting = answer.data.filter((one) => Date.parse(one.delivered_at) >= since);
    found.push(...fitting);
    cursor = fitting.length < answer.data.length ? undefined : nextCursor(String(answer.headers.link ?? ""));
  } while (cursor !== undefined);
  return found.reverse();
}

function nextCursor(link: string): string | undefined {
  const url = /<([^>]+)>;\s*rel="next"/.exec(link)?.[1];
  return url === undefined ? undefined : (new URL(url).searchParams.get("cursor") ?? undefined);
}

/** As the web server keeps them. The body is written anew from what it said, so nothing may rest on its signature. */
function headersOf({ event, guid, request }: Answer<"GET /app/hook/deliveries/{delivery_id}">["data"]): Readonly<Record<string, string>> {
  const told = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  const kept = told.filter(([name]) => name.startsWith("x-") && !name.startsWith("x-hub-signature"));
  return { ...Object.fromEntries(kept), "x-github-event": event, "x-github-delivery": guid, "content-type": "application/json" };
}

function parseCursor(cursor: string | undefined): string {
  try {
    return cursor === undefined ? epoch : Cursor.parse(JSON.parse(cursor)).attemptedAt;
  } catch {
    return epoch;
  }
}
