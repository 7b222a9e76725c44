import { type HeldPromotion, hourMs, namespaceOf, type ProposalPlaces, underWayMs } from "../../src/promotion/proposal-places.ts";

/** In memory; obeys `test/contract/proposal-places.contract.ts`. */
export function fakeProposalPlaces(now: () => Date): ProposalPlaces {
  const taken = new Map<string, { readonly image: string; readonly at: number }>();
  const held = new Map<string, HeldPromotion>();
  return {
    async take({ build, imageRepository, open, openPerNamespace, newPerHour }) {
      const since = (ms: number) => [...taken].filter(([, one]) => one.at >= now().getTime() - ms);
      if (since(hourMs).some(([id]) => id === build)) return "free";
      if (since(hourMs).length >= newPerHour) return "hour-full";
      const underWay = since(underWayMs).map(([, one]) => one.image);
      const same = underWay.filter((image) => namespaceOf(image) === namespaceOf(imageRepository));
      if (new Set([...open, ...same]).size >= openPerNamespace) return "namespace-full";
      taken.set(build, { image: imageRepository, at: now().getTime() });
      return "free";
    },
    countTaken: async () => [...taken.values()].filter((one) => one.at >= now().getTime() - hourMs).length,
    async hold(promotion) {
      const old = held.get(promotion.imageRepository);
      if (old && old.builtAt > promotion.builtAt) return;
      const first = { heldAt: now().toISOString(), attempt: 1 };
      held.set(promotion.imageRepository, { ...first, ...(old ? { heldAt: old.heldAt, attempt: old.attempt + 1 } : {}), ...promotion });
    },
    async forget(imageRepository, builtAt) {
      if ((held.get(imageRepository)?.builtAt ?? "z") <= builtAt) held.delete(imageRepository);
    },
    listHeld: async () =>
      [...held.values()].sort((a, b) =>
        a.heldAt < b.heldAt ? -1 : a.heldAt > b.heldAt ? 1 : a.imageRepository < b.imageRepository ? -1 : 1,
      ),
  };
}
