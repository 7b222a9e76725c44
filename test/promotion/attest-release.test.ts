import { describe, expect, test } from "@jest/globals";
import { attestedDocuments, attestedImage } from "../../src/documents/attested-documents.ts";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { attestRelease } from "../../src/promotion/attest-release.ts";
import { PromotionRecord } from "../../src/promotion/promotion-record.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { pemCosignKey } from "../../src/signing/cosign/cosign-key.ts";
import { isSignedBy, signStatement } from "../../src/signing/dsse.ts";
import { ensureAttested } from "../../src/signing/ensure-attested.ts";
import { predicateTypes } from "../../src/signing/predicate-types.ts";
import { formatBundle, parseBundle } from "../../src/signing/sigstore-bundle.ts";
import { parseStatement } from "../../src/signing/statement.ts";
import { artifactOf } from "../../src/signing/wanted-attestation.ts";
import { documentedBuild } from "../support/attested-build.ts";
import { makeCosignKey } from "../support/cosign-key.ts";
import { manifests, run, world } from "./world.ts";

const path = "images/f40/cockpit.yaml";
const repository = "f40/cockpit";
const never = new AbortController().signal;
const { provenance, spdx, cyclonedx, promotion } = predicateTypes;

type World = ReturnType<typeof world>;

/** A build as the build flow leaves it: documented, and attested in the candidate registry. */
async function attested(at: World, id: string, release: string) {
  const made = await at.build({ id, release });
  const index = JSON.parse(Buffer.from(at.candidate.manifests.get(`${repository}@${made.digest}`)?.bytes ?? "").toString());
  const children = index.manifests.map((child: { digest: Digest }) => child.digest) as Digest[];
  const { build, documents } = documentedBuild(made, children);
  at.builds.set(id, build);
  at.documents.set(id, documents);
  const image = attestedImage(await at.candidate.registry.readManifest(repository, made.digest as Digest));
  const wanted = attestedDocuments(build, documents, image, "candidate.example.test");
  await ensureAttested(
    { registry: at.candidate.registry, turns: at.ports.turns, repository },
    at.ports.attestationKeys.of("candidate"),
    wanted,
    never,
  );
  return { build, wanted, digest: made.digest as Digest, children };
}

async function released(at: World, id: string) {
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  const commit = at.git.merge(proposed.number);
  await release(at, commit);
  return { commit, number: proposed.number };
}

const release = (at: World, commit: string, registry = "production") =>
  run(releaseFlow(at.ports), { repository: manifests, path, registry, commit });

/** What stands in a registry about a digest: predicate types in order, without records. */
const typesOf = (place: World["production"], subject: Digest) =>
  place.artifacts
    .filter((one) => one.artifact.subject.digest === subject)
    .map((one) => one.artifact.annotations["dev.sigstore.bundle.predicateType"]);

const recordsOf = (place: World["production"]) =>
  place.artifacts
    .filter((one) => one.artifact.annotations["dev.sigstore.bundle.predicateType"] === promotion)
    .map((one) => {
      const bundle = parseBundle(place.blobs.get(`${repository}@${one.artifact.layer.digest}`) ?? new Uint8Array());
      return { bundle, record: PromotionRecord.parse(parseStatement(bundle.payload).predicate), digest: one.manifest.digest };
    });

describe("a release", () => {
  test("takes along what is attached to the index and to each platform, byte for byte", async () => {
    const at = world(["linux/amd64", "linux/arm64"]);
    const { digest, children } = await attested(at, "b1", "1.fc40");
    await released(at, "b1");
    expect(typesOf(at.production, digest)).toEqual([provenance, promotion]);
    for (const child of children) expect(typesOf(at.production, child)).toEqual([provenance, spdx, cyclonedx]);
    for (const { manifest, artifact } of at.candidate.artifacts) {
      expect(at.production.manifests.get(`${repository}@${manifest.digest}`)?.bytes).toEqual(manifest.bytes);
      expect(at.production.blobs.get(`${repository}@${artifact.layer.digest}`)).toEqual(
        at.candidate.blobs.get(`${repository}@${artifact.layer.digest}`),
      );
    }
  });

  test("leaves a record, signed by production, with who wanted it, its gates, its build and what travelled along", async () => {
    const at = world();
    const { digest } = await attested(at, "b1", "1.fc40");
    const { commit, number } = await released(at, "b1");
    const [only, ...more] = recordsOf(at.production);
    expect(more).toEqual([]);
    expect(only?.record).toEqual({
      digest,
      source: { registry: "candidate", reference: `candidate.example.test/f40/cockpit@${digest}` },
      destination: {
        registry: "production",
        references: ["323-1.fc40", "323", "latest"].map((tag) => `registry.example.test/f40/cockpit:${tag}`),
      },
      manifests: { repository: manifests, file: path, commit, pull: { number, author: "flibs" } },
      build: {
        id: "b1",
        nvr: "cockpit-323-1.fc40",
        repository: "containers/cockpit",
        commit: digestOf("b1").slice(7, 47),
        url: "http://flibs.example.test/b1",
      },
      gates: [{ name: "smoke", required: true, outcome: "pass" }],
      attestations: at.candidate.artifacts.map(({ artifact, manifest }) => ({
        subject: artifact.subject.digest,
        predicateType: artifact.annotations["dev.sigstore.bundle.predicateType"],
        digest: manifest.digest,
      })),
      promotedAt: "2026-11-23T12:00:00.000Z",
    });
    const [own] = at.ports.attestationKeys.of("production");
    expect(own && only && isSignedBy(only.bundle, own)).toBe(true);
  });

  test("is recorded once for each digest, destination and merge commit, whenever it runs", async () => {
    const at = world(["linux/amd64"], ["mirror"]);
    at.git.commit("main", {
      "policy.yaml": (at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "").replace(
        "to: [production]",
        "to: [production, mirror]",
      ),
    });
    await attested(at, "b1", "1.fc40");
    const { commit } = await released(at, "b1");
    // Later, by another clock.
    Object.assign(at.ports, { now: () => new Date("2027-01-01T00:00:00Z") });
    const plan = { imageRepository: repository, from: "candidate", to: "production", removeTags: [], tags: [] };
    await attestRelease(at.ports, plan, { commit, path }, at.builds.get("b1")?.digest as Digest, never);
    expect(recordsOf(at.production)).toHaveLength(1);
    await release(at, commit, "mirror");
    expect(recordsOf(at.all.mirror as World["production"])).toHaveLength(1);
    // Another build, then back again: the older digest gets its floating tags by another merge commit.
    await attested(at, "b2", "2.fc40");
    await released(at, "b2");
    const back = at.git.commit("main", {
      [path]: (at.git.read(at.git.branches.get("main") ?? "")[path] ?? "").replaceAll(/: "323-2.fc40"/g, ': "323-1.fc40"'),
    });
    await release(at, back);
    const first = recordsOf(at.production).filter(({ record }) => record.digest === at.builds.get("b1")?.digest);
    expect(first.map(({ record }) => record.manifests.commit)).toEqual([commit, back]);
    expect(first[1]?.record.manifests.pull).toBeUndefined();
  });

  test("is not held up by a registry that takes no artifacts, and says so", async () => {
    const at = world();
    await attested(at, "b1", "1.fc40");
    at.production.registry.putReferrer = async () => {
      throw appError("registry.refused", "PUT answered 400: MANIFEST_INVALID");
    };
    await released(at, "b1");
    expect(at.production.tags.has("f40/cockpit:latest")).toBe(true);
    expect(at.reports.at(-1)?.lines[0]).toMatchObject({
      what: "copied",
      message: "released without attestations: PUT answered 400: MANIFEST_INVALID",
    });
  });

  test("waits for a registry that is away, and writes no tag before", async () => {
    const at = world();
    await attested(at, "b1", "1.fc40");
    at.production.registry.putReferrer = async () => {
      throw appError("registry.unreachable", "no answer");
    };
    await expect(released(at, "b1")).rejects.toMatchObject({ code: "registry.unreachable" });
    expect(at.production.tags.size).toBe(0);
  });

  test("DG21: attestation entries in an index are copied with it, and are no platforms that something is said about", () => {
    const entry = (text: string, more: object) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: digestOf(text),
      size: 1,
      ...more,
    });
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const children = [
      entry("amd64", { platform: { os: "linux", architecture: "amd64" } }),
      entry("attestation", {
        platform: { os: "unknown", architecture: "unknown" },
        annotations: { "vnd.docker.reference.type": "attestation-manifest" },
      }),
    ];
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: children }));
    expect([...attestedImage({ mediaType, bytes, digest: digestOf(bytes) }).platforms.keys()]).toEqual([digestOf("amd64")]);
  });
});

describe("who can push to the candidate registry", () => {
  test("gets nothing into production: foreign artifacts, other words, other keys, other subjects, other annotations", async () => {
    const at = world();
    const { digest, children, wanted } = await attested(at, "b1", "1.fc40");
    const honest = at.candidate.artifacts.map((one) => one.manifest.digest);
    const { registry } = at.candidate;
    const put = async (one: { artifact: Parameters<typeof registry.putReferrer>[1]; blob: Uint8Array }) => {
      await registry.putBlob(repository, one.blob);
      await registry.putReferrer(repository, one.artifact);
    };
    const [first] = wanted;
    if (first === undefined) throw new Error("nothing is attached");
    const evil = pemCosignKey(makeCosignKey().privatePem, "sign");
    const ours = at.ports.attestationKeys.of("candidate")[0] as typeof evil;
    // Signed by another key; the bare document, where the stage has a key; other words under our mark; our own bundle with more annotations.
    await put(artifactOf(first, formatBundle(await signStatement(evil, first.statement, never))));
    await put(artifactOf(first, undefined));
    await put(artifactOf(first, formatBundle(await signStatement(evil, first.statement.replace("b1", "b2"), never))));
    const bundle = at.candidate.blobs.get(`${repository}@${at.candidate.artifacts[0]?.artifact.layer.digest}`) ?? new Uint8Array();
    const dressed = artifactOf({ ...first, createdAt: "evil" }, bundle);
    await put(dressed);
    // Somebody else's signature format, and our true statement about one image beside another one.
    await put(artifactOf({ ...first, unsigned: { mediaType: "application/vnd.cncf.notary.signature", text: "x" } }, undefined));
    const moved = { ...first, subject: { ...first.subject, digest: children[0] as Digest } };
    await put(artifactOf({ ...moved, createdAt: "2026-01-01T00:00:00Z" }, formatBundle(await signStatement(ours, first.statement, never))));
    await released(at, "b1");
    const arrived = at.production.artifacts.filter((one) => one.artifact.annotations["dev.sigstore.bundle.predicateType"] !== promotion);
    expect(arrived.map((one) => one.manifest.digest)).toEqual(honest);
    expect(typesOf(at.production, digest)).toEqual([provenance, promotion]);
  });

  test.each<[string, (bundle: string) => string]>([
    ["a member more", (bundle) => bundle.replace("{", '{"evil":"words that nobody signed",')],
    [
      "an envelope before the signed one",
      (bundle) => bundle.replace('"dsseEnvelope":', '"dsseEnvelope":{"payload":"ZXZpbA=="},"dsseEnvelope":'),
    ],
    ["the hint of another key", (bundle) => bundle.replace(/"hint":"[^"]*"/, '"hint":"evil"')],
    ["white space", (bundle) => `${bundle}\n`],
  ])("can't dress the inside of a bundle either: with %s it stays where it is", async (_name, dress) => {
    const at = world();
    const { wanted } = await attested(at, "b1", "1.fc40");
    const [first] = wanted;
    const [ours] = at.candidate.artifacts.splice(0, 1);
    if (first === undefined || ours === undefined) throw new Error("nothing is attached");
    const bundle = Buffer.from(at.candidate.blobs.get(`${repository}@${ours.artifact.layer.digest}`) ?? []).toString();
    const { artifact, blob } = artifactOf(first, Buffer.from(dress(bundle)));
    await at.candidate.registry.putBlob(repository, blob);
    await at.candidate.registry.putReferrer(repository, artifact);
    expect(blob.length).toBeGreaterThan(0);
    await released(at, "b1");
    const about = at.production.artifacts.filter((one) => one.artifact.subject.digest === first.subject.digest);
    expect(about.map((one) => one.manifest.digest)).not.toContain(artifact.digest);
    expect(typesOf(at.production, first.subject.digest)).toEqual([provenance, promotion]);
  });

  test("can hide what flibs attached behind ten thousand others: production gets it made anew from the documents", async () => {
    const at = world();
    const { digest, wanted } = await attested(at, "b1", "1.fc40");
    const { registry } = at.candidate;
    const marks = at.candidate.artifacts.map(({ artifact, manifest }) => ({ artifact, manifest }));
    let reads = 0;
    const read = registry.readManifest;
    registry.readManifest = async (...args) => {
      reads += 1;
      return await read(...args);
    };
    registry.listReferrers = async (_where, subject) =>
      Array.from({ length: 10_000 }, (_, i) => {
        const like = marks.find((one) => one.artifact.subject.digest === subject);
        const { artifactType = "", annotations = {} } = like?.artifact ?? {};
        return { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digestOf(`${i}`), size: 500, artifactType, annotations };
      });
    await released(at, "b1");
    expect(reads).toBeLessThan(200);
    const [own] = at.ports.attestationKeys.of("production");
    const made = at.production.artifacts.filter((one) => one.artifact.annotations["dev.sigstore.bundle.predicateType"] !== promotion);
    expect(made).toHaveLength(wanted.length);
    for (const { artifact } of made) {
      const bundle = parseBundle(at.production.blobs.get(`${repository}@${artifact.layer.digest}`) ?? new Uint8Array());
      expect(own && isSignedBy(bundle, own)).toBe(true);
    }
    expect(typesOf(at.production, digest)).toEqual([provenance, promotion]);
  });

  test("cannot make flibs read a huge artifact", async () => {
    const at = world();
    const { wanted } = await attested(at, "b1", "1.fc40");
    const [first] = wanted;
    if (first === undefined) throw new Error("nothing is attached");
    const { registry } = at.candidate;
    const huge = artifactOf(first, Buffer.alloc(10_000_000, "x"));
    at.candidate.artifacts.splice(0);
    await registry.putReferrer(repository, huge.artifact);
    const blobs: string[] = [];
    const read = registry.readBlob;
    registry.readBlob = async (where, digest) => {
      blobs.push(digest);
      return await read(where, digest);
    };
    await released(at, "b1");
    expect(blobs).not.toContain(digestOf(huge.blob));
  });
});

test("what candidate lost is made again once, not at each release", async () => {
  const at = world();
  const { wanted, digest } = await attested(at, "b1", "1.fc40");
  at.candidate.artifacts.splice(0);
  const { commit } = await released(at, "b1");
  expect(at.production.artifacts).toHaveLength(wanted.length + 1);
  const plan = { imageRepository: repository, from: "candidate", to: "production", removeTags: [], tags: [] };
  expect(await attestRelease(at.ports, plan, { commit, path }, digest, never)).toEqual({ attached: wanted.length + 1 });
  expect(at.production.artifacts).toHaveLength(wanted.length + 1);
});

test("while a key is replaced both sign, and both records say the same", async () => {
  const at = world();
  const { digest } = await attested(at, "b1", "1.fc40");
  const { commit } = await released(at, "b1");
  const [old] = at.ports.attestationKeys.of("production");
  const young = pemCosignKey(makeCosignKey().privatePem, "sign");
  Object.assign(at.ports, {
    attestationKeys: { of: (name: string) => (name === "production" ? [old, young] : (at.attestationKeys.get(name) ?? [])) },
  });
  const plan = { imageRepository: repository, from: "candidate", to: "production", removeTags: [], tags: [] };
  await attestRelease(at.ports, plan, { commit, path }, digest, never);
  await attestRelease(at.ports, plan, { commit, path }, digest, never);
  const records = recordsOf(at.production);
  expect(records.map(({ bundle }) => [old, young].map((key) => key !== undefined && isSignedBy(bundle, key)))).toEqual([
    [true, false],
    [false, true],
  ]);
  expect(records[1]?.bundle.payload).toEqual(records[0]?.bundle.payload);
});

test("without keys everything travels all the same, unsigned", async () => {
  const at = world();
  Object.assign(at.ports, { attestationKeys: { of: () => [] } });
  const { digest } = await attested(at, "b1", "1.fc40");
  await released(at, "b1");
  expect(at.production.artifacts.map(({ artifact }) => artifact.artifactType).toSorted()).toEqual([
    ...["application/spdx+json", "application/vnd.cyclonedx+json"],
    ...["application/vnd.in-toto+json", "application/vnd.in-toto+json", "application/vnd.in-toto+json"],
  ]);
  expect(typesOf(at.production, digest)).toEqual([provenance, promotion]);
});
