import type { AuditPorts } from "./audit-run.ts";
import { isRepairable } from "./audit-states.ts";
import type { AuditFinding, ImagePlace } from "./audit-store.ts";
import { imagePath } from "./registry-manifest.ts";
import { releaseSubject } from "./release-flow.ts";

/** Images that have something a release run mends, each once. Pure. */
export function repairablePlaces(findings: readonly AuditFinding[]): readonly ImagePlace[] {
  const places = new Map<string, ImagePlace>();
  for (const { registry, imageRepository, state } of findings) {
    if (isRepairable(state)) places.set(`${registry} ${imageRepository}`, { registry, imageRepository });
  }
  return [...places.values()];
}

/**
 * Starts the release run of each image: what is wanted stands in git, so mending is releasing again, by the same code and under the same lock. It
 * looks into every blob, and never touches what was moved. Once for each `key`; returns the runs in the order of the places.
 */
export async function startRepairs(
  ports: AuditPorts,
  places: readonly ImagePlace[],
  commit: string,
  key: string,
): Promise<readonly string[]> {
  const { repository } = ports.settings;
  const runs: string[] = [];
  for (const { registry, imageRepository } of places) {
    const path = imagePath(imageRepository);
    const subject = releaseSubject(registry, path);
    const intent = { repository, registry, path, commit, deep: true };
    runs.push(await ports.runs.start({ flow: "release", subject, intent, key: `${subject} repair ${key}`, whenBusy: "queue" }));
  }
  return runs;
}
