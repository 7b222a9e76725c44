import type { BuildPorts } from "./build-ports.ts";
import type { BuildRequested } from "./build-record.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { lintLog } from "./source.ts";
import { type StatusView, statusesOf } from "./wording.ts";

/** Enough for twenty lines. */
const tailBytes = 16_384;

/** Brings the commit's statuses to what the record says; what stands there already is left alone. Without a record there is nothing to say. */
export async function sayStatuses(
  ports: BuildPorts,
  build: string,
  request: BuildRequested,
  now: Pick<StatusView, "ending" | "waitingFor">,
): Promise<void> {
  const record = await ports.builds.find(build);
  if (record === undefined) return;
  const failed = now.ending?.status === "failed" || record.tests.some((one) => one.outcome !== "pass");
  const tails = await readTails(ports, build, failed);
  const forge = ports.forge(request.forge);
  const there = new Map((await forge.listStatuses(request.repository, request.commit)).map((status) => [status.name, status]));
  for (const status of statusesOf(record, { ...now, tails, url: `${ports.settings.publicUrl}/builds/${build}` })) {
    const old = there.get(status.name);
    const same = old?.state === status.state && old.title === status.title && old.summary === status.summary && old.url === status.url;
    if (!same) await forge.setStatus(request.repository, request.commit, status);
  }
}

/** Of every log when something failed; what lint found is always told, since warnings fail nothing. */
async function readTails({ logs, secrets }: BuildPorts, build: string, all: boolean): Promise<Readonly<Record<string, string>>> {
  const mask = maskSecrets(secrets);
  const tails: Record<string, string> = {};
  for (const { name, bytes } of await logs.list(build)) {
    if (!all && name !== lintLog) continue;
    const { text } = await logs.read(build, name, Math.max(0, bytes - tailBytes), tailBytes);
    tails[name] = mask(text);
  }
  return tails;
}

/** A log whose writer was killed would look live for ever. */
export async function closeLogs({ logs }: BuildPorts, build: string): Promise<void> {
  for (const { name, closed } of await logs.list(build)) if (!closed) await logs.close(build, name);
}
