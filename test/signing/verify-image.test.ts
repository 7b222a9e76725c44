import { describe, expect, test } from "@jest/globals";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import type { Manifest, Registry } from "../../src/registry/registry.ts";
import { readImageDigests } from "../../src/signing/image-digests.ts";
import { formatPayload } from "../../src/signing/payload.ts";
import { openpgpJudge, type SignatureJudge } from "../../src/signing/signature-judge.ts";
import type { SignatureChecker, SignatureSource } from "../../src/signing/signature-source.ts";
import { verifyImage } from "../../src/signing/verify-image.ts";

const imageType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

function manifest(mediaType: string, content: unknown): Manifest {
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, ...(content as object) }));
  return { mediaType, bytes, digest: digestOf(bytes) };
}
function entry(of: Manifest, architecture: string, annotations?: Record<string, string>) {
  return { mediaType: of.mediaType, digest: of.digest, size: 1, platform: { os: "linux", architecture }, annotations };
}
function registryWith(manifests: readonly Manifest[], tag: string, top: Manifest): Registry {
  const readManifest = async (_: string, reference: string) => {
    const found = reference === tag ? top : manifests.find((one) => one.digest === reference);
    if (!found) throw appError("registry.manifest-unknown", `no ${reference}`);
    return found;
  };
  return { endpoint: "internal:5000", readManifest } as Partial<Registry> as Registry;
}

const amd64 = manifest(imageType, { a: 1 });
const arm64 = manifest(imageType, { a: 2 });
const sbom = manifest(imageType, { a: 3 });
const nested = manifest(indexType, { manifests: [entry(arm64, "arm64")] });
const index = manifest(indexType, {
  manifests: [
    entry(amd64, "amd64"),
    entry(nested, "unknown"),
    entry(sbom, "unknown", { "vnd.docker.reference.type": "attestation-manifest" }),
  ],
});
const registry = registryWith([amd64, arm64, sbom, nested, index], "1-1", index);

/** Signatures that are their own payload: gpg is not asked. */
const checker: SignatureChecker = {
  fingerprints: ["A".repeat(40)],
  check: async (bytes) => ({ verdict: "valid", text: new TextDecoder().decode(bytes), fingerprint: "A".repeat(40) }),
};
function sourceWith(signed: readonly (readonly [Digest, string])[]): SignatureSource {
  return {
    listStored: async (_, digest) =>
      signed
        .filter(([of]) => of === digest)
        .map(([of, publicName]) => formatPayload({ digest: of, publicName, creator: "x", timestamp: 1 }))
        .map((text, i) => ({ location: `signature-${i + 1}`, bytes: new TextEncoder().encode(text) })),
  };
}
const name = "registry.example.test/f40/cockpit:1-1";
const verify = (signed: readonly (readonly [Digest, string])[], reference = "1-1", more: readonly SignatureJudge[] = []) =>
  verifyImage({
    registry,
    repository: "f40/cockpit",
    reference,
    publicName: "registry.example.test",
    judges: [openpgpJudge(sourceWith(signed), checker), ...more],
  });
const all = [index, amd64, nested, arm64].map((one) => [one.digest, name] as const);

describe("what needs a signature", () => {
  test("is the index, nested indexes and each platform, without attestations", async () => {
    expect(await readImageDigests(registry, "f40/cockpit", "1-1")).toEqual([
      { digest: index.digest, what: "index" },
      { digest: amd64.digest, what: "linux/amd64" },
      { digest: nested.digest, what: "index" },
      { digest: arm64.digest, what: "linux/arm64" },
    ]);
  });

  test.each([
    ["an entry without a digest", { manifests: [{ digest: "sha256:../../etc" }] }],
    ["no list", { manifests: "many" }],
    ["null for an entry", { manifests: [null] }],
  ])("an index with %s is refused", async (_, content) => {
    const bad = manifest(indexType, content);
    await expect(readImageDigests(registryWith([bad], "1", bad), "f40/cockpit", "1")).rejects.toMatchObject({
      code: "registry.manifest-invalid",
    });
  });

  test("too deep to be an image's is refused", async () => {
    const nest = (inner: Manifest) => manifest(indexType, { manifests: [entry(inner, "amd64")] });
    const nests = Array.from({ length: 5 }).reduce<Manifest[]>((made) => [nest(made[0] ?? amd64), ...made], []);
    await expect(readImageDigests(registryWith(nests, "1", nests[0] ?? amd64), "f40/cockpit", "1")).rejects.toMatchObject({
      code: "signing.index-unreadable",
    });
  });
});

describe("verifying an image", () => {
  test("is ok when every digest is signed for the name", async () => {
    expect(await verify(all)).toMatchObject({ image: name, ok: true, digest: index.digest, fingerprints: checker.fingerprints });
  });

  test("is not ok when one platform is not signed, and says which", async () => {
    const result = await verify(all.slice(0, 3));
    expect(result.ok).toBe(false);
    expect(result.digests.filter((one) => !one.ok)).toEqual([
      expect.objectContaining({ what: "linux/arm64", message: "a signature was required, but no signature exists" }),
    ]);
  });

  test("by tag needs that tag's signature, by digest any tag of the repository will do", async () => {
    const other = all.map(([digest]) => [digest, "registry.example.test/f40/cockpit:latest"] as const);
    const byTag = await verify(other);
    expect(byTag.digests[0]).toMatchObject({ ok: false, message: "signed only for registry.example.test/f40/cockpit:latest" });
    expect(await verify(other, index.digest)).toMatchObject({ ok: true, image: `registry.example.test/f40/cockpit@${index.digest}` });
    const stranger = all.map(([digest]) => [digest, "registry.example.test/f41/cockpit:latest"] as const);
    expect(await verify(stranger, index.digest)).toMatchObject({ ok: false });
  });

  test("keys of two kinds: both must have signed, since each kind has consumers of its own", async () => {
    const cosign = (verdict: "valid" | "wrong-key"): SignatureJudge => ({
      ...{ kind: "cosign", fingerprints: ["sha256:1"] },
      judge: async () => [{ kind: "cosign", location: "here", verdict, publicName: name, blocking: false }],
    });
    expect(await verify(all, "1-1", [cosign("valid")])).toMatchObject({ ok: true, fingerprints: ["A".repeat(40), "sha256:1"] });
    const half = await verify(all, "1-1", [cosign("wrong-key")]);
    expect(half.ok).toBe(false);
    expect(half.digests[0]?.message).toBe(`openpgp: signed for ${name}; cosign: no valid signature: wrong-key`);
  });

  test("the internal host's name in a signature does not count", async () => {
    expect(await verify(all.map(([digest]) => [digest, "internal:5000/f40/cockpit:1-1"] as const))).toMatchObject({ ok: false });
  });
});
