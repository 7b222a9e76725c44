import { type CommitStatus, type ForgePulls, isStatusOver } from "../forge/forge.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildRecord, BuildRequested } from "./build-record.ts";
import { maskSecrets } from "./mask-secrets.ts";
import type { StatusView } from "./status-view.ts";
import { statusesOf } from "./wording.ts";

/** Enough for twenty lines. */
const tailBytes = 16_384;

/** Brings the commit's statuses to what the record says; what stands there already is left alone. Without a record there is nothing to say. */
export async function sayStatuses(
  ports: BuildPorts,
  build: string,
  { forge, repository, commit }: Pick<BuildRequested, "forge" | "repository" | "commit">,
  now: Pick<StatusView, "ending" | "waitingFor">,
): Promise<void> {
  const record = await ports.builds.find(build);
  if (record === undefined) return;
  await bringStatuses(ports.forge(forge), repository, commit, statusesOf(record, await viewOf(ports, build, record, now)));
}

/** What a run's statuses depend on; logs are read only when something failed. */
export async function viewOf(
  ports: Pick<BuildPorts, "logs" | "secrets" | "settings">,
  run: string,
  record: Pick<BuildRecord, "tests">,
  now: Pick<StatusView, "ending" | "waitingFor">,
): Promise<StatusView> {
  const failed = now.ending?.status === "failed" || record.tests.some((one) => one.outcome !== "pass");
  const tails = failed ? await readTails(ports, run) : {};
  return { ...now, run, pages: `${ports.settings.publicUrl}/builds`, tails };
}

/** Sets those that differ from what stands there. */
export async function bringStatuses(
  forge: Pick<ForgePulls, "listStatuses" | "setStatus">,
  repository: string,
  commit: string,
  statuses: readonly CommitStatus[],
): Promise<void> {
  const there = new Map((await forge.listStatuses(repository, commit)).map((status) => [status.name, status]));
  for (const status of statuses) if (!isSame(there.get(status.name), status)) await forge.setStatus(repository, commit, status);
}

/** Sets only those that this run has begun to say and left open: what was called off must not talk over what stands there. */
export async function closeStatuses(
  forge: Pick<ForgePulls, "listStatuses" | "setStatus">,
  repository: string,
  commit: string,
  statuses: readonly CommitStatus[],
): Promise<void> {
  const there = new Map((await forge.listStatuses(repository, commit)).map((status) => [status.name, status]));
  for (const status of statuses) if (isBegun(there.get(status.name), status)) await forge.setStatus(repository, commit, status);
}

/** Open, and said by the run that now says `status`. */
export function isBegun(old: CommitStatus | undefined, status: CommitStatus): boolean {
  return old !== undefined && old.key === status.key && !isStatusOver(old.state);
}

function isSame(old: CommitStatus | undefined, status: CommitStatus): boolean {
  return (["state", "title", "summary", "url", "key"] as const).every((member) => old?.[member] === status[member]);
}

async function readTails({ logs, secrets }: Pick<BuildPorts, "logs" | "secrets">, run: string): Promise<Readonly<Record<string, string>>> {
  const mask = maskSecrets(secrets);
  const tails: Record<string, string> = {};
  for (const { name, bytes } of await logs.list(run)) {
    const { text } = await logs.read(run, name, Math.max(0, bytes - tailBytes), tailBytes);
    tails[name] = mask(text);
  }
  return tails;
}

/** A log whose writer was killed would look live for ever. */
export async function closeLogs({ logs }: Pick<BuildPorts, "logs">, run: string): Promise<void> {
  for (const { name, closed } of await logs.list(run)) if (!closed) await logs.close(run, name);
}
