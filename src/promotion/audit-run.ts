import type { Log } from "../log.ts";
import { type AuditState, auditStates } from "./audit-states.ts";
import type { Audit, AuditStore, ImagePlace } from "./audit-store.ts";
import { type AuditedImage, type AuditScope, type AuditWalk, openAuditWalk } from "./audit-walk.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { reconciledKey } from "./release-store.ts";

/** Ports of the promotion room, and where findings are kept. */
export interface AuditPorts extends PromotionPorts {
  readonly audits: AuditStore;
  readonly log: Log;
}

const unreadShown = 100;

/**
 * One walk: looks, keeps what it found, and hands each image on as it is ready. Both the command and the timer do this and nothing else to look.
 * Repeating it changes nothing but the times. Findings of an image that could not be looked at stay as they were. Undefined when main does not
 * exist: nothing is wanted. The caller keeps the result (`AuditStore.saveAudit`).
 */
export async function carryOutAudit(
  ports: AuditPorts,
  id: string,
  scope: AuditScope,
  signal: AbortSignal,
  onImage: (image: AuditedImage, walk: AuditWalk) => void = () => {},
): Promise<Audit | undefined> {
  const startedAt = ports.now().toISOString();
  const walk = await openAuditWalk(ports, scope, signal);
  const { commit } = walk;
  if (commit === null) return undefined;
  const reconciled = await ports.releases.listReconciled(ports.settings.repository);
  const known = new Set((await ports.audits.listPlaces()).map(placeKey));
  const counts = Object.fromEntries(auditStates.map((state) => [state, 0])) as Record<AuditState, number>;
  const unreadImages: Audit["unreadImages"][number][] = [];
  let [images, unread] = [0, 0];
  for await (const image of walk.images) {
    const place = { registry: image.registry, imageRepository: image.imageRepository };
    onImage(image, walk);
    if (image.failed !== undefined) {
      unread += 1;
      if (unreadImages.length < unreadShown) unreadImages.push({ ...place, why: image.failed });
      known.delete(placeKey(place));
      continue;
    }
    images += 1;
    for (const { state } of image.lines) counts[state] += 1;
    const findings = image.lines.filter((line) => line.state !== "ok");
    const released = reconciled.get(reconciledKey(image.registry, image.path));
    const pending = released?.blob !== image.blob || released.policyBlob !== walk.policyBlob;
    if (findings.length > 0 || known.has(placeKey(place))) {
      await ports.audits.saveFindings(place, findings, { at: ports.now().toISOString(), pending });
    }
    known.delete(placeKey(place));
  }
  const whole = scope.imageRepository === undefined && scope.registry === undefined;
  if (whole)
    for (const key of known) await ports.audits.saveFindings(parsePlaceKey(key), [], { at: ports.now().toISOString(), pending: false });
  const finishedAt = ports.now().toISOString();
  const [last] = await ports.audits.listAudits({ limit: 1 });
  const told = last?.toldCommit === undefined ? {} : { toldCommit: last.toldCommit };
  return { id, commit, whole, deep: scope.deep, startedAt, finishedAt, images, counts, unread, unreadImages, ...told };
}

export function hasFindings(audit: Audit): boolean {
  return auditStates.some((state) => state !== "ok" && audit.counts[state] > 0);
}

/** Neither part has a space. */
function placeKey({ registry, imageRepository }: ImagePlace): string {
  return `${registry} ${imageRepository}`;
}

function parsePlaceKey(key: string): ImagePlace {
  const [registry = "", imageRepository = ""] = key.split(" ");
  return { registry, imageRepository };
}
