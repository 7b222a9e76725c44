import { describe, expect, test } from "@jest/globals";
import type { PlaceRequest, ProposalPlaces } from "../../src/promotion/proposal-places.ts";

/** What every memory of places must keep to. */
export function proposalPlacesContract(
  name: string,
  open: () => { readonly places: ProposalPlaces; readonly setClock: (at: string) => void },
): void {
  describe(name, () => {
    const request = (build: string, imageRepository: string, more: Partial<PlaceRequest> = {}): PlaceRequest => ({
      ...{ build, imageRepository, open: [], openPerNamespace: 2, newPerHour: 3 },
      ...more,
    });

    test("a namespace fills up, others do not; what is open on the forge counts, an image once", async () => {
      const { places, setClock } = open();
      setClock("2026-11-20T10:00:00Z");
      expect(await places.take(request("a1", "f40/a"))).toBe("free");
      expect(await places.take(request("b1", "f40/b", { open: ["f40/a"] }))).toBe("free");
      expect(await places.take(request("c1", "f40/c"))).toBe("namespace-full");
      expect(await places.take(request("d1", "f41/d"))).toBe("free");
      // Nobody sees a place as taken for ever: what is not open minutes later was never opened, or is closed.
      setClock("2026-11-20T11:30:00Z");
      expect(await places.take(request("c1", "f40/c", { open: ["f40/a"] }))).toBe("free");
    });

    test("an hour fills up and passes; a build that has its place keeps it", async () => {
      const { places, setClock } = open();
      setClock("2026-11-21T10:00:00Z");
      for (const n of [1, 2, 3]) expect(await places.take(request(`h${n}`, `n${n}/x`))).toBe("free");
      expect(await places.take(request("h4", "n4/x"))).toBe("hour-full");
      expect(await places.countTaken()).toBe(3);
      expect(await places.take(request("h2", "n2/x"))).toBe("free");
      setClock("2026-11-21T11:00:01Z");
      expect(await places.countTaken()).toBe(0);
      expect(await places.take(request("h4", "n4/x"))).toBe("free");
    });

    test("of many who ask at once no more than allowed get a place", async () => {
      const { places, setClock } = open();
      setClock("2026-11-22T10:00:00Z");
      const asked = Array.from({ length: 12 }, (_, n) =>
        places.take(request(`r${n}`, `race/${n}`, { openPerNamespace: 5, newPerHour: 100 })),
      );
      expect((await Promise.all(asked)).filter((one) => one === "free")).toHaveLength(5);
    });

    test("of one image the newest build is kept, in the turn of the first; forgotten is what is not newer", async () => {
      const { places, setClock } = open();
      const hold = (build: string, builtAt: string, imageRepository = "f40/a") =>
        places.hold({ imageRepository, build, builtAt, why: "hour-full" });
      setClock("2026-11-23T10:00:00.000Z");
      await hold("a1", "2026-11-23T08:00:00.000Z");
      setClock("2026-11-23T10:01:00.000Z");
      await hold("b1", "2026-11-23T08:00:00.000Z", "f40/b");
      await hold("a2", "2026-11-23T09:00:00.000Z");
      await hold("a1", "2026-11-23T08:00:00.000Z");
      expect(await places.listHeld()).toEqual([
        {
          imageRepository: "f40/a",
          build: "a2",
          builtAt: "2026-11-23T09:00:00.000Z",
          why: "hour-full",
          heldAt: "2026-11-23T10:00:00.000Z",
          attempt: 2,
        },
        {
          imageRepository: "f40/b",
          build: "b1",
          builtAt: "2026-11-23T08:00:00.000Z",
          why: "hour-full",
          heldAt: "2026-11-23T10:01:00.000Z",
          attempt: 1,
        },
      ]);
      await places.forget("f40/a", "2026-11-23T08:00:00.000Z");
      await places.forget("f40/b", "2026-11-23T08:00:00.000Z");
      expect((await places.listHeld()).map((one) => one.build)).toEqual(["a2"]);
      await places.forget("f40/a", "2026-11-23T09:00:00.000Z");
      expect(await places.listHeld()).toEqual([]);
    });
  });
}
