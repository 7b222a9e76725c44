import { z } from "zod";
import { isRepository } from "../domain/image-reference.ts";

const mostEvents = 1000;
const mostRepositories = 100;

const word = z.string().max(300).nullish();
const Envelope = z.object({ events: z.array(z.unknown()) });
const Event = z.object({
  action: z.enum(["push", "delete", "mount"]),
  target: z.object({ repository: word }).nullish(),
  request: z.object({ useragent: z.string().nullish() }).nullish(),
});

/**
 * Repositories that a notification of docker-registry says were written to by somebody else than flibs, each once, at most a hundred; undefined for
 * what is no notification. A hint and nothing more: whoever has the token may claim anything, so nothing of it is used but names to look at.
 * Source: distribution 2.8, docs/notifications.md (`application/vnd.docker.distribution.events.v2+json`).
 */
export function parseNotification(body: Uint8Array): readonly string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
  const parsed = Envelope.safeParse(value);
  if (!parsed.success) return undefined;
  // Whoever pulls has a word in an event (their program's name), and a registry sends what is refused again and again before anything else:
  // one that does not fit is passed over.
  const written = parsed.data.events.slice(0, mostEvents).flatMap((event) => Event.safeParse(event).data ?? []);
  // What flibs wrote it has read back. That somebody may call themselves so costs a hint; the timer looks at everything.
  const others = written.filter(({ request }) => !request?.useragent?.startsWith("flibs/"));
  const names = others.flatMap(({ target }) => (target?.repository && isRepository(target.repository) ? [target.repository] : []));
  return [...new Set(names)].slice(0, mostRepositories);
}
