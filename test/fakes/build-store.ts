import type { BuildRecord, BuildStore } from "../../src/builds/build-record.ts";
import type { BuildDocument } from "../../src/documents/document.ts";
import { formatNvr } from "../../src/domain/nvr.ts";

/** Builds in memory, oldest first; as much of the port as the build flow uses. */
export function fakeBuildStore(): { readonly builds: BuildStore; readonly records: Map<string, BuildRecord> } {
  const records = new Map<string, BuildRecord>();
  const documents = new Map<string, readonly BuildDocument[]>();
  const update = (id: string, change: Partial<BuildRecord>) => {
    const old = records.get(id);
    if (old === undefined) throw new Error(`there is no build ${id}`);
    records.set(id, { ...old, ...change });
  };
  const isAlive = (one: BuildRecord) => one.state === "building" || one.state === "complete";
  const builds = {
    create: async (id, asked) =>
      void records.set(id, { ...asked, id, state: "building", images: [], tests: [], createdAt: "2026-11-23T21:00:00.000Z" }),
    reserveNvr: async (id, name, version, next) => {
      const taken = [...records.values()].filter(isAlive).flatMap((one) => one.nvr ?? []);
      const names = new Set(taken.map(formatNvr));
      let release = next(taken.findLast((one) => one.name === name && one.version === version)?.release);
      while (names.has(`${name}-${version}-${release}`)) release = next(release);
      update(id, { nvr: { name, version, release } });
      return { name, version, release };
    },
    saveFindings: async (id, findings) => update(id, { findings }),
    savePlan: async (id, plan) => update(id, { plan }),
    findOwner: async (component, imageRepository) =>
      [...records.values()].find(
        (one) =>
          !one.scratch &&
          (one.state === "building" || one.state === "complete") &&
          (one.nvr?.name === component || one.plan?.imageRepository === imageRepository),
      )?.repository,
    saveImage: async (id, image) => {
      const others = records.get(id)?.images.filter((one) => one.platform !== image.platform) ?? [];
      // In the order that the database gives them.
      update(id, { images: [...others, image].sort((a, b) => (a.platform < b.platform ? -1 : 1)) });
    },
    saveTest: async (id, result) => {
      const known = records.get(id)?.tests ?? [];
      const place = known.findIndex((one) => one.suite === result.suite);
      update(id, { tests: place < 0 ? [...known, result] : known.with(place, result) });
    },
    complete: async (id, digest) => update(id, { state: "complete", digest, finishedAt: "2026-11-23T21:01:00.000Z" }),
    savePromotion: async (id, promotion) => update(id, { promotion }),
    fail: async (id, state, error) => update(id, records.get(id)?.state === "complete" ? { error } : { state, error }),
    saveDocuments: async (id, saved) => {
      const kept = (documents.get(id) ?? []).filter((one) => !saved.some(({ name }) => name === one.name));
      documents.set(id, [...kept, ...saved]);
    },
    listDocuments: async (id) =>
      (documents.get(id) ?? []).map(({ name, mediaType, text }) => ({ name, mediaType, bytes: Buffer.byteLength(text) })),
    findDocument: async (id, name) => documents.get(id)?.find((one) => one.name === name),
    find: async (id) => records.get(id),
    findByNvr: async (nvr) => {
      const named = [...records.values()].filter((one) => one.nvr !== undefined && formatNvr(one.nvr) === formatNvr(nvr));
      return named.findLast(isAlive) ?? named.at(-1);
    },
    list: async ({ state, repository, imageRepository, limit }) =>
      [...records.values()]
        .reverse()
        .filter((one) => (state ?? one.state) === one.state && (repository ?? one.repository) === one.repository)
        .filter((one) => imageRepository === undefined || one.plan?.imageRepository === imageRepository)
        .slice(0, limit),
  } as Partial<BuildStore> as BuildStore;
  return { builds, records };
}
