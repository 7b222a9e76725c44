import { describe, expect, test } from "@jest/globals";
import type { NewWaiver, WaiverStore } from "../../src/gating/waivers.ts";
import type { Transaction } from "../../src/workflow/step.ts";

/** What every store of waivers must keep to; each test gives waivers for a subject of its own. */
export function waiverStoreContract(
  name: string,
  open: () => {
    readonly waivers: WaiverStore;
    readonly setClock: (at: string) => void;
    readonly transaction: <T>(change: (transaction: Transaction) => Promise<T>) => Promise<T>;
  },
): void {
  describe(name, () => {
    const waiver = (identifier: string, key: string, changes: Partial<NewWaiver> = {}): NewWaiver => ({
      ...{ key, subject: { type: "koji_build", identifier }, testcase: "flibs.smoke", username: "alice" },
      ...{ productVersion: "fedora-40", waived: true, comment: "a known bug", ...changes },
    });
    const add = (given: NewWaiver) => open().transaction((transaction) => open().waivers.add(given, transaction));
    const all = { obsolete: true, offset: 0, limit: 100 };

    test("what is written is read back; the same key is one waiver", async () => {
      open().setClock("2026-11-20T10:00:00.123Z");
      const given = waiver("a-1-1", "a", { comment: "<b>*émoji* 🎉</b>", expiresAt: "2026-12-20T10:00:00.000Z" });
      const id = await add(given);
      expect(await add({ ...given, comment: "another" })).toBe(id);
      const { key: _, ...kept } = given;
      expect(await open().waivers.find(id)).toEqual({ ...kept, id, timestamp: "2026-11-20T10:00:00.123Z" });
      expect(await open().waivers.find(id + 1000)).toBeUndefined();
      expect(await open().waivers.find(-1)).toBeUndefined();
    });

    test("two that ask at once with one key write one, others get ids of their own", async () => {
      const given = await Promise.all(["b1", "b1", "b2", "b3"].map((key) => add(waiver("b-1-1", key))));
      expect(new Set(given).size).toBe(3);
      expect(given[0]).toBe(given[1]);
    });

    test("those of a build's names are listed, the newest first, and no other's", async () => {
      const digest = { type: "container-image", identifier: `sha256:${"c".repeat(64)}` };
      const first = await add(waiver("c-1-1", "c1"));
      const second = await add(waiver("c-1-1", "c2", { subject: digest, waived: false }));
      await add(waiver("c-1-2", "c3"));
      await add(waiver(digest.identifier, "c4"));
      const found = await open().waivers.listOf([{ type: "koji_build", identifier: "c-1-1" }, digest]);
      expect(found.map((one) => one.id)).toEqual([second, first]);
      expect(await open().waivers.listOf([])).toEqual([]);
    });

    test("filters and pages are WaiverDB's; obsolete ones are left out unless they are wanted", async () => {
      open().setClock("2026-11-21T10:00:00.000Z");
      const one = await add(waiver("d-1-1", "d1"));
      open().setClock("2026-11-21T11:00:00.000Z");
      const two = await add(waiver("d-1-1", "d2", { waived: false }));
      const bob = await add(waiver("d-1-1", "d3", { username: "bob", productVersion: "fedora-41" }));
      const list = async (...asked: Parameters<WaiverStore["list"]>) => {
        const { waivers, total } = await open().waivers.list(...asked);
        return [waivers.map(({ id }) => id), total];
      };
      const subjectIdentifier = "d-1-1";
      expect(await list([{ subjectIdentifier }], all)).toEqual([[bob, two, one], 3]);
      expect(await list([{ subjectIdentifier }], { ...all, obsolete: false })).toEqual([[bob, two], 2]);
      expect(await list([{ subjectIdentifier }], { ...all, offset: 1, limit: 1 })).toEqual([[two], 3]);
      expect(await list([{ subjectIdentifier }], { ...all, offset: 9 })).toEqual([[], 3]);
      expect(await list([{ subjectIdentifier, until: "2026-11-21T10:30:00Z" }], { ...all, obsolete: false })).toEqual([[], 0]);
      const since = "2026-11-21T10:30:00Z";
      expect(await list([{ subjectIdentifier, since }], { ...all, obsolete: false, limit: 1 })).toEqual([[bob], 2]);
      expect(await list([{ subjectIdentifier, username: "bob" }], all)).toEqual([[bob], 1]);
      expect(await list([{ subjectIdentifier, productVersion: "fedora-41" }], all)).toEqual([[bob], 1]);
      expect(await list([{ subjectIdentifier, until: "2026-11-21T10:30:00Z" }], all)).toEqual([[one], 1]);
      expect(await list([{ subjectIdentifier, since: "2026-11-21T10:30:00Z", username: "alice" }], all)).toEqual([[two], 1]);
      expect(
        await list(
          [
            { subjectIdentifier, testcase: "no" },
            { subjectIdentifier, username: "bob" },
          ],
          all,
        ),
      ).toEqual([[bob], 1]);
      expect(await list([{ subjectIdentifier, subjectType: "container-image" }], all)).toEqual([[], 0]);
    });
  });
}
