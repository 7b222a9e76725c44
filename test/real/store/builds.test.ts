import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { BuildPlan, BuildRequested, BuiltImage } from "../../../src/builds/build-record.ts";
import { type ChooseRelease, countedRelease, givenRelease } from "../../../src/builds/next-release.ts";
import type { Digest } from "../../../src/domain/digest.ts";
import type { TestResult } from "../../../src/gating/test-runner.ts";
import type { Store } from "../../../src/store/store.ts";
import { type TestDatabase, testDatabase } from "../../support/database.ts";

let database: TestDatabase;
let store: Store;
let builds = 0;

beforeAll(async () => {
  database = await testDatabase();
  store = await database.open();
});

afterAll(async () => database.drop());

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const failure = { code: "engine.unreachable", kind: "transient", message: "down" } as const;

async function create(more: Partial<BuildRequested> = {}): Promise<string> {
  const id = `20261123-${String(++builds).padStart(7, "0")}`;
  const request = {
    ...{ forge: "local", repository: "containers/cockpit", branch: "f40", commit: "c".repeat(40), scratch: false, requestedBy: "alice" },
    ...more,
  };
  await store.transaction((transaction) => store.builds.create(id, request, transaction));
  return id;
}

function reserve(id: string, name: string, choose: ChooseRelease = countedRelease(name), imageRepository = `f40/${name}`) {
  const wanted = { name, version: "1.0", imageRepository };
  return store.transaction((transaction) => store.builds.reserveNvr(id, wanted, choose, transaction));
}

function image(platform: "linux/amd64" | "linux/arm64", rpm: string): BuiltImage {
  const config = {
    user: "",
    entrypoint: [],
    cmd: [],
    env: [],
    workingDir: "",
    exposedPorts: [],
    volumes: [],
    stopSignal: "",
    labels: { nul: "a\0b" },
  };
  const one = { name: rpm, epoch: undefined, version: "1", release: "1", arch: "noarch", license: undefined, sourceRpm: undefined };
  return { platform, imageId: digest("a"), sizeBytes: 1, diffIds: [], config, rpms: [{ ...one, sizeBytes: 1, sigmd5: undefined }] };
}

test("documents are kept byte for byte, in their order, and replaced when they are saved again", async () => {
  const id = await create();
  const document = (name: string, text: string) => ({ name, mediaType: "application/json", text });
  const big = `{"text": "\\u001b${"é\ud83d\ude00 ".repeat(100_000)}"}\n`;
  await store.builds.saveDocuments(id, [document("b.json", big), document("a.json", "")]);
  expect(await store.builds.findDocument(id, "b.json")).toEqual(document("b.json", big));
  expect(await store.builds.listDocuments(id)).toEqual([
    { name: "b.json", mediaType: "application/json", bytes: Buffer.byteLength(big) },
    { name: "a.json", mediaType: "application/json", bytes: 0 },
  ]);
  await store.builds.saveDocuments(id, [document("b.json", "{}\n"), document("c.json", "[]\n")]);
  expect((await store.builds.listDocuments(id)).map((one) => `${one.name} ${one.bytes}`)).toEqual(["a.json 0", "b.json 3", "c.json 3"]);
  expect(await store.builds.findDocument(id, "nope")).toBeUndefined();
  expect(await store.builds.findDocument("nope", "b.json")).toBeUndefined();
  await store.builds.saveDocuments(id, []);
  await expect(store.builds.saveDocuments("nope", [document("x", "")])).rejects.toThrow();
});

test("what the registry has of an image is kept, and left out of lists; images of older releases have none", async () => {
  const id = await create({ repository: "containers/parts" });
  const layer = { digest: digest("1"), mediaType: "m", compressedBytes: 10, diffId: digest("2"), sizeBytes: 20 };
  const parts = { mediaType: "m", layers: [layer], imageConfig: { config: { Labels: { nul: "a\0b" } } } };
  const amd64: BuiltImage = { ...image("linux/amd64", "a"), parts, rpmProblem: "odd", distribution: { id: "fedora", version: "42" } };
  await store.transaction((transaction) => store.builds.saveImage(id, amd64, transaction));
  await store.transaction((transaction) => store.builds.saveImage(id, image("linux/arm64", "a"), transaction));
  const [first, second] = (await store.builds.find(id))?.images ?? [];
  expect(first).toMatchObject({ rpmProblem: "odd", distribution: { id: "fedora", version: "42" }, parts: { layers: [layer] } });
  expect(first?.parts?.imageConfig).toEqual({ config: { Labels: { nul: "a\uFFFDb" } } });
  expect(second).not.toHaveProperty("parts");
  const [listed] = await store.builds.list({ repository: "containers/parts", limit: 1 });
  expect(listed?.images[0]).not.toHaveProperty("parts");
  // Done again, as after a crash.
  await store.transaction((transaction) => store.builds.saveImage(id, image("linux/amd64", "b"), transaction));
  expect((await store.builds.find(id))?.images[0]).not.toHaveProperty("parts");
});

test("what was asked for beside the commit is kept", async () => {
  const options = {
    isolated: true,
    release: "1.1",
    yumRepositories: ["https://repos.example.com/a.repo"],
    parentBuild: "fedora-40-1",
    target: "f40-container-candidate",
    userdata: { ticket: 7 },
  };
  const id = await create(options);
  expect(await store.builds.find(id)).toMatchObject(options);
  expect(await store.builds.list({ limit: 1 })).toMatchObject([options]);
});

test("a build of an older release, which kept no options, is read as one that asked for nothing", async () => {
  const id = await create();
  await database.query("update build set options = null where id = $1", [id]);
  const read = await store.builds.find(id);
  expect(Object.keys(read ?? {})).not.toEqual(expect.arrayContaining(["isolated"]));
  expect(read).toMatchObject({ id, scratch: false });
});

describe("NVRs", () => {
  test("twenty builds at once get twenty releases", async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => create()));
    const nvrs = await Promise.all(ids.map((id) => reserve(id, "race")));
    expect(nvrs.map((nvr) => Number(nvr.release)).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  test("a build that asks again gets the one it has", async () => {
    const id = await create();
    expect(await reserve(id, "again")).toEqual({ name: "again", version: "1.0", release: "1" });
    expect(await reserve(id, "again")).toEqual({ name: "again", version: "1.0", release: "1" });
  });

  test.each(["failed", "cancelled"] as const)("a %s build gives its NVR back", async (state) => {
    const id = await create();
    await reserve(id, `back-${state}`);
    await store.transaction((transaction) => store.builds.fail(id, state, failure, transaction));
    const next = await create();
    expect((await reserve(next, `back-${state}`)).release).toBe("1");
    expect(await store.builds.findByNvr({ name: `back-${state}`, version: "1.0", release: "1" })).toMatchObject({ id: next });
  });

  test("it goes on from the newest build, not the largest release, and leaps over what is taken", async () => {
    for (const release of ["1", "7", "2"]) await reserve(await create(), "newest", () => release);
    expect((await reserve(await create(), "newest")).release).toBe("3");
    for (const release of ["5", "4"]) await reserve(await create(), "newest", () => release);
    expect((await reserve(await create(), "newest")).release).toBe("6");
  });

  test("a release that stands in a label and is taken is the maintainer's to change", async () => {
    await reserve(await create(), "fixed", () => "3");
    await expect(reserve(await create(), "fixed", () => "3")).rejects.toMatchObject({ code: "store.nvr-taken", kind: "input" });
  });

  test("many workers that reserve, fail and reserve at once never give one release to two, and leave no hole", async () => {
    const workers = [store, ...(await Promise.all([1, 2, 3].map(() => database.open())))];
    const held = new Map<string, string>();
    const work = async (own: Store, number: number) => {
      for (let round = 0; round < 6; round++) {
        const id = await create();
        const wanted = { name: "storm", version: "1.0", imageRepository: "f40/storm" };
        const { release } = await own.transaction((transaction) => own.builds.reserveNvr(id, wanted, countedRelease("storm"), transaction));
        expect(held.has(release)).toBe(false);
        held.set(release, id);
        if ((round + number) % 3 > 0) continue;
        held.delete(release);
        await own.transaction((transaction) => own.builds.fail(id, "failed", failure, transaction));
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, number) => work(workers[number % workers.length] ?? store, number)));
    const alive = await database.query<{ nvr_release: string; id: string }>(
      "select nvr_release, id from build where nvr_name = 'storm' and state = 'building'",
    );
    expect(new Map(alive.map((row) => [row.nvr_release, row.id]))).toEqual(held);
    expect(alive).toHaveLength(48);
  });

  test("of many that were given one release, one gets it", async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => create()));
    const given = givenRelease({ name: "one", version: "1.0", release: "5.1" });
    const ended = await Promise.allSettled(ids.map((id) => reserve(id, "one", given)));
    expect(ended.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    for (const one of ended) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "builds.nvr-exists" });
  });

  test("two components with one image never get one tag, whoever comes first", async () => {
    const ids = await Promise.all(Array.from({ length: 12 }, () => create()));
    const nvrs = await Promise.all(ids.map((id, index) => reserve(id, index % 2 ? "left" : "right", undefined, "f40/shared")));
    expect(new Set(nvrs.map(({ release }) => release)).size).toBe(12);
  });

  test("a reservation whose transaction did not end holds nothing", async () => {
    const id = await create();
    const crashed = store.transaction(async (transaction) => {
      await store.builds.reserveNvr(id, { name: "lost", version: "1.0", imageRepository: "f40/lost" }, countedRelease("lost"), transaction);
      throw new Error("killed");
    });
    await expect(crashed).rejects.toThrow("killed");
    expect((await reserve(await create(), "lost")).release).toBe("1");
  });

  test("tags that never move are told: another's release while it stands, another's unique tag for good", async () => {
    const plan = (more: Partial<BuildPlan>): BuildPlan => ({
      ...{ imageRepository: "f40/held", platforms: [], parents: [], labels: {}, uniqueTag: "u", floatingTags: [], suites: [] },
      ...more,
    });
    const old = await create();
    await reserve(old, "held");
    await store.transaction((transaction) => store.builds.savePlan(old, plan({ uniqueTag: "u-1" }), transaction));
    const id = await create();
    const held = () =>
      store.transaction((transaction) => store.builds.findHeldTags(id, "f40/held", ["latest", "u-1", "u-2", "1.0-1"], transaction));
    expect(await held()).toEqual(["u-1", "1.0-1"]);
    await store.transaction((transaction) => store.builds.fail(old, "failed", failure, transaction));
    expect(await held()).toEqual(["u-1"]);
    await expect(store.transaction((transaction) => store.builds.savePlan(id, plan({ uniqueTag: "u-1" }), transaction))).rejects.toThrow(
      "build_unique_tag",
    );
  });

  test("the database itself refuses two builds with one NVR", async () => {
    const [one, two] = [await create(), await create()];
    const set = "update build set nvr_name = 'n', nvr_version = 'v', nvr_release = 'r' where id = $1";
    await database.query(set, [one]);
    await expect(database.query(set, [two])).rejects.toThrow("build_nvr");
  });
});

describe("destination tags", () => {
  test("have the builds that were tagged into them, once, the newest build of each component first", async () => {
    const tag = async (id: string, name: string) =>
      store.transaction((transaction) => store.destinationTags.tagBuild(id, name, transaction));
    const nvrs = ["tag-a", "tag-b", "tag-a"];
    const ids: string[] = [];
    for (const name of nvrs) {
      const id = await create();
      await reserve(id, name);
      ids.push(id);
    }
    for (const id of ids.toReversed()) await tag(id, "f40-candidate");
    await tag(ids[0] ?? "", "f40-candidate");
    await tag(ids[1] ?? "", "other");
    const all = await store.destinationTags.listTagged("f40-candidate", { latest: false });
    expect(all.map(({ build }) => build)).toEqual(ids.toReversed());
    expect(all[0]).toMatchObject({
      ...{ tag: "f40-candidate", repository: "containers/cockpit", requestedBy: "alice" },
      nvr: { name: "tag-a", version: "1.0", release: "2" },
    });
    const latest = await store.destinationTags.listTagged("f40-candidate", { latest: true });
    expect(latest.map(({ build }) => build)).toEqual([ids[2], ids[1]]);
    expect(await store.destinationTags.listTags()).toEqual([
      { tag: "f40-candidate", builds: 3 },
      { tag: "other", builds: 1 },
    ]);
    expect(await store.destinationTags.listTagged("nothing", { latest: true })).toEqual([]);
  });
});

describe("a build's record", () => {
  test("comes back as it was written, text that PostgreSQL cannot hold mended", async () => {
    const id = await create({ pull: 7 });
    const result: TestResult = { suite: "smoke", outcome: "pass", cases: [], message: "ok", durationMs: 5 };
    const plan: BuildPlan = {
      ...{
        imageRepository: "f40/cockpit",
        platforms: ["linux/amd64"],
        parents: [],
        labels: {},
        uniqueTag: "u",
        floatingTags: [],
        suites: [],
      },
    };
    await store.transaction(async (transaction) => {
      await store.builds.savePlan(id, plan, transaction);
      await store.builds.saveImage(id, image("linux/arm64", "bash"), transaction);
      await store.builds.saveImage(id, image("linux/amd64", "old"), transaction);
      await store.builds.saveImage(id, image("linux/amd64", "new"), transaction);
      await store.builds.saveTest(id, { ...result, outcome: "error" }, transaction);
      await store.builds.saveTest(id, result, transaction);
      await store.builds.complete(id, digest("d"), transaction);
      await store.builds.savePromotion(id, { repository: "releng/registry", number: 3 }, transaction);
    });
    const found = await store.builds.find(id);
    expect(found).toMatchObject({ id, pull: 7, state: "complete", plan, tests: [result], promotion: { number: 3 }, digest: digest("d") });
    expect(found?.images.map((one) => [one.platform, one.rpms[0]?.name])).toEqual([
      ["linux/amd64", "new"],
      ["linux/arm64", "bash"],
    ]);
    expect(found?.images[0]?.config.labels).toEqual({ nul: "a\uFFFDb" });
    expect(await store.builds.findByDigest(digest("d"))).toMatchObject({ id });
    const [listed] = await store.builds.list({ imageRepository: "f40/cockpit", limit: 5 });
    expect(listed?.images.map((one) => one.rpms)).toEqual([[], []]);
  });

  test("keeps what it was narrowed to and what lint found, which no list carries", async () => {
    const stranger = { base: "b".repeat(40) };
    const id = await create({ scratch: true, pull: 3, stranger, architectures: ["x86_64"] });
    expect((await store.builds.find(id))?.findings).toBeUndefined();
    const found = { file: "Dockerfile", severity: "warning", code: "distgit.parent-floating", message: "a", fix: "b\0" } as const;
    await store.transaction((transaction) => store.builds.saveFindings(id, [found], transaction));
    expect(await store.builds.find(id)).toMatchObject({
      stranger,
      architectures: ["x86_64"],
      findings: [{ ...found, fix: expect.stringContaining("b") }],
    });
    const [listed] = await store.builds.list({ limit: 1 });
    expect(listed).toMatchObject({ id, stranger, architectures: ["x86_64"] });
    expect(listed).not.toHaveProperty("findings");
  });

  test("finds the newest complete build of a branch's line, however many others came after it", async () => {
    const completed = async (request: Parameters<typeof create>[0]) => {
      const id = await create(request);
      await store.transaction((transaction) => store.builds.complete(id, digest("e"), transaction));
      return id;
    };
    const line = { repository: "containers/line", branch: "f40" };
    expect(await store.builds.findNewest(line)).toBeUndefined();
    await completed(line);
    const newest = await completed(line);
    for (const others of [{ branch: "f41" }, { scratch: true }, { isolated: true }, { repository: "containers/other" }]) {
      await completed({ ...line, ...others });
    }
    await create(line);
    expect(await store.builds.findNewest(line)).toBe(newest);
  });

  test("a complete build stays complete", async () => {
    const id = await create();
    await store.transaction((transaction) => store.builds.complete(id, digest("e"), transaction));
    await store.transaction((transaction) => store.builds.fail(id, "failed", failure, transaction));
    const found = await store.builds.find(id);
    expect(found?.state).toBe("complete");
    expect(found?.error).toBeUndefined();
  });

  test("lists are newest first, and only what was asked for", async () => {
    const first = await create({ repository: "containers/listed" });
    const second = await create({ repository: "containers/listed" });
    await store.transaction((transaction) => store.builds.fail(first, "failed", failure, transaction));
    const ids = async (filter: object) =>
      (await store.builds.list({ repository: "containers/listed", limit: 10, ...filter })).map((one) => one.id);
    expect(await ids({})).toEqual([second, first]);
    expect(await ids({ limit: 1 })).toEqual([second]);
    expect(await ids({ state: "failed" })).toEqual([first]);
  });

  test("a search is a value, never SQL", async () => {
    expect(await store.builds.list({ repository: "x' or true --", limit: 10 })).toEqual([]);
    expect(await store.builds.find("' or true --")).toBeUndefined();
  });

  test("a transaction that was kept beyond its end is refused", async () => {
    const kept = await store.transaction(async (transaction) => transaction);
    await expect(store.builds.complete("x", digest("f"), kept)).rejects.toThrow("after its end");
  });
});

describe("names", () => {
  const owners = (component: string, imageRepository: string) =>
    store.transaction((transaction) => store.builds.findOwners(component, imageRepository, transaction));
  test("belong to the repository that built them first; scratch and failed builds take none", async () => {
    expect(await owners("owned", "f40/owned")).toEqual({});
    await create({ repository: "containers/tries", scratch: true });
    const failed = await create({ repository: "containers/fails" });
    await reserve(failed, "owned");
    await store.transaction((transaction) => store.builds.fail(failed, "failed", failure, transaction));
    expect(await owners("owned", "f40/owned")).toEqual({});
    await reserve(await create({ repository: "containers/first" }), "owned");
    await reserve(await create({ repository: "containers/second" }), "owned");
    expect(await owners("owned", "f40/owned")).toEqual({ component: "containers/first", image: "containers/first" });
    expect(await owners("owned", "f40/other")).toEqual({ component: "containers/first" });
    expect(await owners("other", "f40/owned")).toEqual({ image: "containers/first" });
    expect(await owners("other", "f40/other")).toEqual({});
  });

  test("an older name of one's own gives no right to another's", async () => {
    await reserve(await create({ repository: "containers/mine" }), "older");
    await reserve(await create({ repository: "containers/theirs" }), "newer");
    expect(await owners("older", "f40/newer")).toEqual({ component: "containers/mine", image: "containers/theirs" });
    expect(await owners("newer", "f40/older")).toEqual({ component: "containers/theirs", image: "containers/mine" });
  });
});
