import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestOf } from "../../src/domain/digest.ts";
import { formatIndex, parseImageManifest } from "../../src/registry/image-manifest.ts";
import { manifestOf } from "../support/registry-image.ts";

const oci = "application/vnd.oci.image.manifest.v1+json";
const docker = "application/vnd.docker.distribution.manifest.v2+json";
const ociIndex = "application/vnd.oci.image.index.v1+json";
const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
const descriptor = { mediaType: "application/octet-stream", digest: digestOf("x"), size: 1 };
const part = (architecture: string, mediaType = oci) => ({
  descriptor: { mediaType, digest: digestOf(architecture), size: 10 },
  platform: { os: "linux", architecture },
});

test.each([
  { parts: [part("amd64", docker), part("arm64", docker)], mediaType: dockerList },
  { parts: [part("amd64"), part("arm64")], mediaType: ociIndex },
  { parts: [part("amd64", docker), part("arm64")], mediaType: ociIndex },
])("an index over its parts is a $mediaType, and reads back as it was made", ({ parts, mediaType }) => {
  const index = formatIndex(parts);
  expect(index.mediaType).toBe(mediaType);
  const read = parseImageManifest(index);
  expect(read.kind === "index" && read.children).toEqual(parts.map((one) => ({ ...one, isAttestation: false })));
});

test("the same parts give the same bytes in any order", () => {
  const parts = ["amd64", "arm64", "ppc64le", "s390x"].map((one) => part(one));
  const all = fc.shuffledSubarray(parts, { minLength: 4 });
  fc.assert(fc.property(all, (shuffled) => expect(formatIndex(shuffled).digest).toBe(formatIndex(parts).digest)));
});

test("an index of nothing, or with one platform twice, is not made", () => {
  expect(() => formatIndex([])).toThrow("no part");
  expect(() => formatIndex([part("amd64"), part("amd64")])).toThrow("two parts for linux/amd64");
});

test("attestations are told from platforms, unknown keys are let be", () => {
  const unknown = { ...descriptor, platform: { os: "unknown", architecture: "unknown" }, extension: [1] };
  const plain = { ...descriptor, platform: { os: "linux", architecture: "arm", variant: "v7" }, annotations: null };
  const read = parseImageManifest(manifestOf({ schemaVersion: 2, mediaType: ociIndex, manifests: [unknown, plain], more: {} }));
  expect(read.kind === "index" && read.children.map((child) => [child.isAttestation, child.platform?.variant])).toEqual([
    [true, undefined],
    [false, "v7"],
  ]);
});

const image = { schemaVersion: 2, mediaType: oci, config: descriptor, layers: [descriptor] };
test.each([
  { name: "schema 1", body: { ...image, schemaVersion: 1 } },
  { name: "no configuration", body: { ...image, config: undefined } },
  { name: "a path for a digest", body: { ...image, config: { ...descriptor, digest: "sha256:../../etc" } } },
  { name: "a negative size", body: { ...image, layers: [{ ...descriptor, size: -1 }] } },
  { name: "a fraction of a byte", body: { ...image, layers: [{ ...descriptor, size: 1.5 }] } },
  { name: "layers and children at once", body: { ...image, manifests: [] } },
  { name: "a thousand and one layers", body: { ...image, layers: Array(1001).fill(descriptor) } },
])("$name is no image manifest", ({ body }) => {
  expect(() => parseImageManifest(manifestOf(body))).toThrow(expect.objectContaining({ code: "registry.manifest-invalid" }));
});

test("a body that calls itself something else than the registry does is refused", () => {
  expect(() => parseImageManifest({ ...manifestOf(image), mediaType: docker })).toThrow("calls itself");
  expect(() => parseImageManifest({ ...manifestOf(image), mediaType: "text/html" })).toThrow("which is no image");
});

test("no bytes make the parser throw anything but its own refusal", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(oci, docker, ociIndex, dockerList), (bytes, mediaType) => {
      const read = () => parseImageManifest({ mediaType, bytes, digest: digestOf(bytes) });
      expect(read).toThrow(expect.objectContaining({ code: "registry.manifest-invalid" }));
    }),
  );
});
