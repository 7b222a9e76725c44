import type { BuildRecord, BuildStore, SuiteResult } from "../../src/builds/build-record.ts";
import type { DestinationTags, TaggedBuild } from "../../src/builds/destination-tags.ts";
import { followsBranch } from "../../src/builds/follows-branch.ts";
import type { BuildDocument } from "../../src/documents/document.ts";
import { formatNvr } from "../../src/domain/nvr.ts";
import { isFlaky } from "../../src/gating/flaky.ts";
import type { ResultData } from "../../src/gating/resultsdb-data.ts";

/** Builds in memory, oldest first; as much of the port as the build flow uses. */
export function fakeBuildStore(): {
  readonly builds: BuildStore;
  readonly records: Map<string, BuildRecord>;
  readonly destinationTags: DestinationTags;
  /** Every result that was saved, oldest first. */
  readonly saves: { readonly build: string; readonly result: SuiteResult; readonly data: ResultData }[];
} {
  const saves: { build: string; result: SuiteResult; data: ResultData }[] = [];
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
    reserveNvr: async (id, { name, version, imageRepository }, choose) => {
      const isNear = (one: BuildRecord) => one.nvr?.name === name || one.plan?.imageRepository === imageRepository;
      const near = [...records.values()].filter((one) => isAlive(one) && one.nvr?.version === version && isNear(one)).reverse();
      const release = choose(near.map((one) => ({ build: one.id, name: one.nvr?.name ?? "", release: one.nvr?.release ?? "" })));
      update(id, { nvr: { name, version, release } });
      return { name, version, release };
    },
    findHeldTags: async (id, imageRepository, tags) => {
      const others = [...records.values()].filter((one) => one.id !== id && one.plan?.imageRepository === imageRepository);
      const held = others.flatMap((one) => [one.plan?.uniqueTag, isAlive(one) ? one.plan?.primaryTag : undefined]);
      return tags.filter((tag) => held.includes(tag));
    },
    saveFindings: async (id, findings) => update(id, { findings }),
    savePlan: async (id, plan) => update(id, { plan }),
    findOwners: async (component, imageRepository) => {
      const official = [...records.values()].filter((one) => !one.scratch && isAlive(one));
      const ofComponent = official.find((one) => one.nvr?.name === component)?.repository;
      const ofImage = official.find((one) => one.plan?.imageRepository === imageRepository)?.repository;
      return {
        ...(ofComponent === undefined ? {} : { component: ofComponent }),
        ...(ofImage === undefined ? {} : { image: ofImage }),
      };
    },
    saveImage: async (id, image) => {
      const others = records.get(id)?.images.filter((one) => one.platform !== image.platform) ?? [];
      // In the order that the database gives them.
      update(id, { images: [...others, image].sort((a, b) => (a.platform < b.platform ? -1 : 1)) });
    },
    saveTest: async (id, result, _, data) => {
      const isSame = (one: SuiteResult) => one.suite === result.suite && one.platform === result.platform;
      const saved = { ...result, id: saves.length + 1 };
      saves.push({ build: id, result: saved, data: data ?? {} });
      const before = saves.filter((one) => one.build === id && isSame(one.result) && one.result.digest === result.digest);
      const flaky = isFlaky(before.map((one) => one.result.outcome));
      const known = records.get(id)?.tests ?? [];
      const place = known.findIndex(isSame);
      const counts = flaky ? { ...saved, flaky } : saved;
      update(id, { tests: place < 0 ? [...known, counts] : known.with(place, counts) });
      return saved.id;
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
    findByDigest: async (digest) => [...records.values()].findLast((one) => one.state === "complete" && one.digest === digest),
    findNewest: async ({ repository, branch }) =>
      [...records.values()]
        .filter((one) => one.repository === repository && one.branch === branch)
        .findLast((one) => one.state === "complete" && followsBranch(one))?.id,
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
  const tagged = new Map<string, Set<string>>();
  const listTagged = (tag: string): TaggedBuild[] =>
    [...(tagged.get(tag) ?? [])].flatMap((id) => {
      const one = records.get(id);
      if (one?.nvr === undefined) return [];
      return { tag, build: id, nvr: one.nvr, repository: one.repository, requestedBy: one.requestedBy, taggedAt: one.createdAt };
    });
  const destinationTags: DestinationTags = {
    tagBuild: async (build, tag) => void tagged.set(tag, new Set([build, ...(tagged.get(tag) ?? [])])),
    listTagged: async (tag, { latest }) => {
      const all = listTagged(tag);
      return latest ? all.filter((one) => all.find((other) => other.nvr.name === one.nvr.name) === one) : all;
    },
    listTags: async () => [...tagged].map(([tag, builds]) => ({ tag, builds: builds.size })),
  };
  return { builds, records, destinationTags, saves };
}
