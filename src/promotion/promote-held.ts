import { openPromotions } from "./open-promotions.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { namespaceOf } from "./proposal-places.ts";

/**
 * For a sweep: starts the promotion of builds that were held back, oldest first, where there seems to be room now; whether there is, is settled
 * when each run takes its place. Returns how many were started.
 */
export async function promoteHeld(ports: PromotionPorts): Promise<number> {
  const held = await ports.places.listHeld();
  if (held.length === 0) return 0;
  const { openPerNamespace, newPerHour } = ports.settings.promotions;
  // A run asks forge and registries for everything before it asks for its place, so none is started in vain, every minute again.
  const room = newPerHour - (await ports.places.countTaken());
  if (room <= 0) return 0;
  const counts = new Map<string, number>();
  const count = (image: string) => counts.set(namespaceOf(image), (counts.get(namespaceOf(image)) ?? 0) + 1);
  for (const image of await openPromotions(ports)) count(image);
  let started = 0;
  for (const { imageRepository, build, attempt } of held) {
    if (started >= room) break;
    if ((counts.get(namespaceOf(imageRepository)) ?? 0) >= openPerNamespace) continue;
    count(imageRepository);
    await ports.runs.start({
      flow: "promote",
      subject: `promote ${build}`,
      intent: { build },
      key: `held ${build} ${attempt}`,
      whenBusy: "queue",
    });
    started += 1;
  }
  return started;
}
