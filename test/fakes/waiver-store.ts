import type { Waiver, WaiverFilter, WaiverStore } from "../../src/gating/waivers.ts";

/** In memory; obeys `test/contract/waiver-store.contract.ts`. */
export function fakeWaiverStore(now: () => Date): WaiverStore {
  const all: (Waiver & { readonly key: string })[] = [];
  const shown = ({ key: _, ...waiver }: Waiver & { readonly key: string }): Waiver => waiver;
  const newestFirst = (waivers: readonly (Waiver & { readonly key: string })[]) => waivers.toReversed().map(shown);
  return {
    async add(waiver) {
      const known = all.find((one) => one.key === waiver.key);
      if (known !== undefined) return known.id;
      const id = all.length + 1;
      all.push({ ...waiver, id, timestamp: now().toISOString() });
      return id;
    },
    find: async (id) => {
      const found = all.find((one) => one.id === id);
      return found && shown(found);
    },
    listOf: async (subjects) =>
      newestFirst(
        all.filter(({ subject }) => subjects.some((one) => one.type === subject.type && one.identifier === subject.identifier)),
      ).slice(0, 1000),
    async list(filters, { obsolete, offset, limit }) {
      const keyOf = ({ subject, testcase, username, productVersion }: Waiver) =>
        JSON.stringify([subject.type, subject.identifier, testcase, username, productVersion]);
      const isNewest = (waiver: Waiver) => all.findLast((one) => keyOf(one) === keyOf(waiver))?.id === waiver.id;
      const kept = all.filter(
        (one) => (filters.length === 0 || filters.some((filter) => fits(one, filter))) && (obsolete || isNewest(one)),
      );
      return { waivers: newestFirst(kept).slice(offset, offset + limit), total: kept.length };
    },
  };
}

function fits(waiver: Waiver, { subjectType, subjectIdentifier, testcase, productVersion, username, since, until }: WaiverFilter): boolean {
  const is = (wanted: string | undefined, value: string) => wanted === undefined || wanted === value;
  return (
    is(subjectType, waiver.subject.type) &&
    is(subjectIdentifier, waiver.subject.identifier) &&
    is(testcase, waiver.testcase) &&
    is(productVersion, waiver.productVersion) &&
    is(username, waiver.username) &&
    (since === undefined || waiver.timestamp >= new Date(since).toISOString()) &&
    (until === undefined || waiver.timestamp <= new Date(until).toISOString())
  );
}
