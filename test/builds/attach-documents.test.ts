import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { digestHex } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { pemCosignKey } from "../../src/signing/cosign/cosign-key.ts";
import { hintOf, isSignedBy } from "../../src/signing/dsse.ts";
import { predicateTypes } from "../../src/signing/predicate-types.ts";
import { bundleType, parseBundle } from "../../src/signing/sigstore-bundle.ts";
import { isAbout, parseStatement } from "../../src/signing/statement.ts";
import { Crash } from "../support/memory-journal.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, request } from "./build-world.ts";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

const { provenance, spdx, cyclonedx } = predicateTypes;
const record = () => world.records.get("run-1");
/** What is attached: which digest it is about, and what it says. */
const attached = () =>
  world.registry.artifacts.map(({ artifact }) => ({
    subject: artifact.subject.digest,
    predicateType: artifact.annotations["dev.sigstore.bundle.predicateType"],
  }));
const expected = () => [
  ...[record()?.digest, ...(record()?.images ?? []).map((image) => image.digest)].map((subject) => ({
    subject,
    predicateType: provenance,
  })),
  ...(record()?.images ?? []).flatMap(({ digest: subject }) => [
    { subject, predicateType: spdx },
    { subject, predicateType: cyclonedx },
  ]),
];

test("a candidate has provenance on its list and each platform, and both bills of materials on each platform, signed", async () => {
  world.platforms = ["linux/amd64", "linux/arm64"];
  expect(await world.run("run-1")).toBeUndefined();
  expect(attached()).toEqual(expected());
  expect(attached()).toHaveLength(7);
  const key = pemCosignKey(world.keys.publicPem, "accept");
  for (const { repository, artifact } of world.registry.artifacts) {
    expect(repository).toBe("f42/hello");
    expect(artifact.artifactType).toBe(bundleType);
    const bundle = parseBundle(world.registry.blobs.get(artifact.layer.digest) ?? new Uint8Array());
    expect(bundle.hint).toBe(hintOf(key));
    expect(isSignedBy(bundle, key)).toBe(true);
    const statement = parseStatement(bundle.payload);
    expect(isAbout(statement, artifact.subject.digest)).toBe(true);
    expect(statement.predicateType).toBe(artifact.annotations["dev.sigstore.bundle.predicateType"]);
  }
  const [arm] = (record()?.images ?? []).filter((image) => image.platform === "linux/arm64");
  const bom = world.registry.artifacts.find(
    ({ artifact }) => artifact.subject.digest === arm?.digest && artifact.annotations["dev.sigstore.bundle.predicateType"] === spdx,
  );
  const { payload } = parseBundle(world.registry.blobs.get(bom?.artifact.layer.digest ?? "") ?? new Uint8Array());
  const document = await world.ports.builds.findDocument("run-1", "aarch64.spdx.json");
  expect(parseStatement(payload).predicate).toEqual(JSON.parse(document?.text ?? ""));
  expect(payload.toString()).toContain(digestHex(arm?.digest as `sha256:${string}`));
});

test("without a key the documents themselves are attached", async () => {
  Object.assign(world.ports, {
    attestations: { ...world.ports.attestations, keys: [] },
  });
  expect(await world.run("run-1")).toBeUndefined();
  expect(attached()).toEqual(expected());
  expect(world.registry.artifacts.map(({ artifact }) => artifact.artifactType)).toEqual([
    ...["application/vnd.in-toto+json", "application/vnd.in-toto+json", "application/spdx+json", "application/vnd.cyclonedx+json"],
  ]);
  for (const [name, index] of [
    ["provenance.intoto.json", 0],
    ["x86_64.spdx.json", 2],
    ["x86_64.cdx.json", 3],
  ] as const) {
    const blob = world.registry.blobs.get(world.registry.artifacts[index]?.artifact.layer.digest ?? "") ?? new Uint8Array();
    expect(Buffer.from(blob).toString()).toBe((await world.ports.builds.findDocument("run-1", name))?.text);
  }
});

describe("killed and repeated", () => {
  test("after everything is attached and before it is recorded: one of each", async () => {
    const run = world.journal.runOf("run-1");
    run.after = (step) => {
      if (step === "attest") throw new Crash(step);
    };
    expect(await world.run("run-1")).toBeInstanceOf(Crash);
    const before = world.registry.artifacts.map(({ manifest }) => manifest.digest);
    expect(before).toHaveLength(4);
    run.after = () => {};
    expect(await world.run("run-1")).toBeUndefined();
    expect(world.registry.artifacts.map(({ manifest }) => manifest.digest)).toEqual(before);
  });

  test("at each write: one of each", async () => {
    let kills = 0;
    const { registry } = world;
    const put = registry.putReferrer;
    registry.putReferrer = async (...args) => {
      await put(...args);
      kills += 1;
      throw new Crash("killed");
    };
    for (let thrown: unknown = new Crash(); thrown !== undefined; ) {
      thrown = await world.run("run-1");
      if (thrown !== undefined) expect(thrown).toBeInstanceOf(Crash);
    }
    expect(kills).toBe(4);
    expect(attached()).toEqual(expected());
  });
});

test("a registry that takes no artifacts still gets its candidate, and the step says why", async () => {
  world.registry.putReferrer = async () => {
    throw appError("registry.refused", "PUT answered 400: MANIFEST_INVALID");
  };
  expect(await world.run("run-1")).toBeUndefined();
  expect(record()?.state).toBe("complete");
  expect(world.journal.runOf("run-1").journal.get("attest")?.result).toEqual({ attached: 0, failed: "PUT answered 400: MANIFEST_INVALID" });
});

test("a registry that is away is waited for: nothing is tagged before", async () => {
  world.registry.putReferrer = async () => {
    throw appError("registry.unreachable", "no answer");
  };
  expect(await world.run("run-1")).toMatchObject({ code: "registry.unreachable" });
  expect(world.effects.filter((one) => one === "put 1-1")).toEqual([]);
});

test("what a stranger proposes is not attested", async () => {
  await world.run("run-1", { ...request, scratch: true, pull: 3, stranger: { base: "d".repeat(40) } });
  expect(record()?.state).toBe("complete");
  expect(attached()).toEqual([]);
});

test("somebody's artifact with our marks is not taken for ours", async () => {
  await world.run("run-1");
  const [first] = world.registry.artifacts;
  if (first === undefined) throw new Error("nothing is attached");
  const theirs = buildWorld(scratch.path);
  // The same build with the marks of ours, signed by another key.
  theirs.registry.artifacts.push(...world.registry.artifacts);
  for (const [digest, blob] of world.registry.blobs) theirs.registry.blobs.set(digest, blob);
  for (const [key, manifest] of world.registry.manifests) theirs.registry.manifests.set(key, manifest);
  const found = await theirs.ports.attestations.registry.listReferrers("f42/hello", first.artifact.subject.digest);
  expect(found.length).toBeGreaterThan(0);
  await theirs.run("run-1");
  const key = pemCosignKey(theirs.keys.publicPem, "accept");
  const ours = theirs.registry.artifacts.filter(({ artifact }) => {
    const bundle = parseBundle(theirs.registry.blobs.get(artifact.layer.digest) ?? new Uint8Array());
    return isSignedBy(bundle, key);
  });
  expect(ours).toHaveLength(4);
});
