import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { digestHex, digestOf } from "../../src/domain/digest.ts";
import { buildLogs, readBuildLog } from "../../src/koji/build-logs.ts";
import { ContentGeneratorMetadata } from "../../src/koji/metadata-schema.ts";
import type { MeasureLayer, UnpackBudget } from "../../src/registry/measure-layer.ts";
import { fakeLogStore } from "../fakes/log-store.ts";
import { Crash } from "../support/memory-journal.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, goodFiles, request } from "./build-world.ts";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

const names = async (id: string) => (await world.ports.builds.listDocuments(id)).map((one) => one.name);
const metadata = async (id: string) =>
  ContentGeneratorMetadata.parse(JSON.parse((await world.ports.builds.findDocument(id, "metadata.json"))?.text ?? "null"));

test("a complete build has its documents, which tell what was built, of what and where it is", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  expect(await world.run("run-1", { ...request, userdata: { ticket: 7 } })).toBeUndefined();
  expect(await names("run-1")).toEqual([
    ...["metadata.json", "x86_64.spdx.json", "x86_64.cdx.json", "aarch64.spdx.json", "aarch64.cdx.json", "provenance.intoto.json"],
  ]);
  const record = world.records.get("run-1");
  const { build, output } = await metadata("run-1");
  expect(build).toMatchObject({
    ...{ name: "hello-container", version: "1", release: "1" },
    source: `git+https://forge.example.test/containers/hello.git#${"c".repeat(40)}`,
    extra: { osbs_build: { engine: "fake" }, submitter: "alice", custom_user_metadata: { ticket: 7 } },
  });
  expect(build.extra.image?.index).toMatchObject({
    tags: ["1-1"],
    floating_tags: ["1", "latest"],
    unique_tags: [record?.plan?.uniqueTag],
    pull: [`candidate.example/f42/hello@${record?.digest}`, "candidate.example/f42/hello:1-1"],
  });
  expect(output.map(({ type, arch }) => `${type} ${arch}`)).toEqual([
    ...["docker-image x86_64", "docker-image aarch64", "log x86_64", "log aarch64", "log noarch"],
  ]);
  expect(record?.images[0]?.parts).toMatchObject({ imageConfig: { os: "linux" }, layers: [] });
});

test("the logs that are described are the bytes that are there, without secrets", async () => {
  await world.run("run-1");
  const log = (await metadata("run-1")).output.find((one) => one.filename === "x86_64-build.log");
  const text = world.log("run-1", "linux/amd64") ?? "";
  expect(text).toContain("token (masked)");
  expect(log).toMatchObject({ filesize: Buffer.byteLength(text), checksum_type: "sha256", checksum: digestHex(digestOf(text)) });
});

test("a secret in the address of a repository stands in no document", async () => {
  const yumRepositories = ["https://repos.example.test/hunter22/y.repo"];
  world.web.set(yumRepositories[0] ?? "", "[y]\nbaseurl=https://repos.example.test/y/\n");
  expect(await world.run("run-1", { ...request, scratch: true, yumRepositories })).toBeUndefined();
  const texts = await Promise.all((await names("run-1")).map(async (name) => (await world.ports.builds.findDocument("run-1", name))?.text));
  expect(texts.join("")).not.toMatch(/hunter22/);
  expect((await metadata("run-1")).build.extra.image?.yum_repourls).toEqual(["https://repos.example.test/(masked)/y.repo"]);
});

test("a build that failed has none", async () => {
  world.outcome = { outcome: "failed", message: "RUN make returned 2" };
  await world.run("run-1");
  expect(await names("run-1")).toEqual([]);
});

test("a scratch build is described like any other", async () => {
  await world.run("run-1", { ...request, scratch: true });
  expect((await metadata("run-1")).build).toMatchObject({ release: "0.scratch.run1" });
});

test.each(["measure linux/amd64", "describe", "record"])(
  "a crash after %s happened and before it was written down leaves one set",
  async (name) => {
    const run = world.journal.runOf("run-1");
    run.after = (step) => {
      if (step === name) throw new Crash(name);
    };
    run.before = (step) => {
      if (step === name && name === "record") throw new Crash(name);
    };
    expect(await world.run("run-1")).toBeInstanceOf(Crash);
    expect(world.records.get("run-1")?.state).toBe("building");
    Object.assign(run, { before: () => {}, after: () => {} });
    expect(await world.run("run-1")).toBeUndefined();
    expect(world.records.get("run-1")?.state).toBe("complete");
    expect(await names("run-1")).toHaveLength(4);
  },
);

test.each([
  ["before its images were saved", ["measure linux/amd64", "save linux/amd64", "describe", "record"]],
  ["after it was recorded", ["describe"]],
])("a build that an older release began, and this one takes up %s, is described as far as it is known", async (_, missing) => {
  const run = world.journal.runOf("run-1");
  run.before = (step) => {
    if (step === "promote") throw new Crash(step);
  };
  expect(await world.run("run-1")).toBeInstanceOf(Crash);
  for (const step of missing) run.journal.delete(step);
  const record = world.records.get("run-1");
  if (record === undefined) throw new Error("there is no record");
  // What an older release wrote: no parts, and no member of the journal's entry that came later.
  world.records.set("run-1", { ...record, images: record.images.map(({ parts: _, ...image }) => image) });
  run.before = () => {};
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.records.get("run-1")?.state).toBe("complete");
  expect(await metadata("run-1")).toMatchObject({
    output: [{ extra: { docker: { layer_sizes: [] } } }, { type: "log" }, { type: "log" }],
  });
});

const gzipType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** What the engine pushes from now on has these layers. */
function pushLayers(layers: readonly { readonly layer: object; readonly diffId: string }[], checksLayers = false): void {
  const [engine] = world.ports.engines.all;
  if (engine === undefined) throw new Error("there is no engine");
  const { push } = engine;
  Object.assign(engine, {
    checksLayers: async () => checksLayers,
    push: async (...args: Parameters<typeof push>) => {
      const pushed = await push(...args);
      const [, imageId, { repository }] = args;
      const manifest = world.registry.manifests.get(`${repository} ${pushed.digest}`);
      const body = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString());
      const bytes = Buffer.from(JSON.stringify({ ...body, layers: layers.map(({ layer }) => layer) }));
      world.registry.blobs.set(imageId, Buffer.from(JSON.stringify({ rootfs: { diff_ids: layers.map(({ diffId }) => diffId) } })));
      const changed = world.registry.add(repository, "x", { mediaType: body.mediaType, bytes, digest: digestOf(bytes) });
      return { digest: changed.digest, size: bytes.length };
    },
  });
}

test("an image whose layer unpacks to something else than its configuration says is no image of this build", async () => {
  const layer = { mediaType: gzipType, digest: digestOf("packed"), size: 6 };
  const said = digestOf("said");
  pushLayers([{ layer, diffId: said }]);
  Object.assign(world.ports, { measureLayer: async () => ({ diffId: digestOf("other"), sizeBytes: 5 }) });
  expect(await world.run("run-1")).toMatchObject({
    code: "builds.pushed-differs",
    message: `the registry's layer ${layer.digest} unpacks to ${digestOf("other")}, not to ${said}`,
  });
  const budgets: UnpackBudget[] = [];
  const measureLayer: MeasureLayer = async (_, __, budget) => {
    budgets.push(budget);
    return { diffId: said, sizeBytes: 5 };
  };
  Object.assign(world.ports, { measureLayer });
  expect(await world.run("run-2")).toBeUndefined();
  expect(world.records.get("run-2")?.images[0]?.parts?.layers).toEqual([
    { digest: layer.digest, mediaType: layer.mediaType, compressedBytes: 6, diffId: said, sizeBytes: 5 },
  ]);
  expect((await metadata("run-2")).output[0]?.extra?.docker?.layer_sizes).toEqual([{ diff_id: said, size: 5 }]);
  const slack = 64 * 2 ** 20;
  // Twice the byte that the engine says the image has, and no more than the settings allow for an image.
  expect(budgets.map(({ left }) => left)).toEqual([2 + slack]);
  world.imageBytes = 1;
  expect(await world.run("run-3")).toBeUndefined();
  expect(budgets.map(({ left }) => left)).toEqual([2 + slack, 1 + slack]);
  world.imageBytes = 0;
  expect(await world.run("run-4")).toMatchObject({ code: "builds.image-too-large" });
  expect(budgets).toHaveLength(2);
});

test.each([
  ["whose engine checks what it packs", true, "FROM scratch", true],
  ["whose engine checks nothing", false, "FROM scratch", false],
  ["on a base that can't be read any more", true, "FROM registry.fedoraproject.org/fedora:42", false],
])("is a layer of an image %s believed: %s, %s, %s", async (_, checksLayers, from, isChecked) => {
  world.files = { ...goodFiles, Dockerfile: String(goodFiles.Dockerfile).replace(/^FROM .*$/m, from) };
  pushLayers([{ layer: { mediaType: gzipType, digest: digestOf("packed"), size: 6 }, diffId: digestOf("said") }], checksLayers);
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.measured.map((one) => one.isChecked)).toEqual([isChecked]);
});

test("logs become the files that OSBS has: one of each platform, and one of the rest", async () => {
  const { logs } = fakeLogStore();
  const long = `${"é".repeat(200_000)}\n`;
  for (const [name, text] of Object.entries({
    "linux/amd64": "built\n",
    lint: "warning: x",
    "push linux/amd64": long,
    "test smoke": "t\n",
  })) {
    await logs.append("r", name, await logs.restart("r", name), text);
    await logs.close("r", name);
  }
  const files = buildLogs(
    ["linux/amd64", "linux/arm64"],
    (await logs.list("r")).map((one) => one.name),
  );
  expect(files.map(({ filename, architecture }) => [filename, architecture])).toEqual([
    ["x86_64-build.log", "x86_64"],
    ["osbs-build.log", "noarch"],
  ]);
  const texts: string[] = [];
  for (const file of files) {
    const pieces: Uint8Array[] = [];
    for await (const piece of readBuildLog(logs, "r", file)) pieces.push(piece);
    texts.push(Buffer.concat(pieces).toString("utf8"));
  }
  expect(texts).toEqual(["built\n", `--- lint\nwarning: x\n--- push linux/amd64\n${long}`]);
});
