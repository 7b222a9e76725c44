import { expect, test } from "@jest/globals";
import type { BuildPorts } from "../../src/builds/build-ports.ts";
import type { PinnedParent } from "../../src/builds/build-record.ts";
import { findBaseImage } from "../../src/builds/find-base-image.ts";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import type { Registry } from "../../src/registry/registry.ts";

const layers = ["a", "b", "c"].map(digestOf);
const [a, b, c] = layers as [Digest, Digest, Digest];

/** Parents by name, each an image with these layers; one of several platforms has its own digest. */
function world(images: Readonly<Record<string, readonly Digest[] | "gone" | "nonsense">>) {
  const opened: string[] = [];
  const registry = (endpoint: string): Registry => {
    opened.push(endpoint);
    return {
      endpoint,
      readManifest: async (_: string, reference: string) => {
        const name = Object.keys(images).find((one) => digestOf(one) === reference) ?? "";
        if (images[name] === "gone") throw appError("registry.manifest-unknown", "gone");
        const body = images[name] === "nonsense" ? "{}" : JSON.stringify({ config: { digest: digestOf(`config ${name}`) } });
        return { mediaType: "m", bytes: Buffer.from(body), digest: reference };
      },
      readBlob: async (_: string, digest: Digest) => {
        const name = Object.keys(images).find((one) => digestOf(`config ${one}`) === digest) ?? "";
        return Buffer.from(JSON.stringify({ rootfs: { diff_ids: images[name] } }));
      },
    } as Partial<Registry> as Registry;
  };
  const ports = {
    candidate: { registry: registry("own.test"), endpoint: "own.test", publicName: "own.test" },
    openRegistry: (endpoint: string) => registry(endpoint),
    settings: { allowedParents: [] },
  } as unknown as Pick<BuildPorts, "candidate" | "openRegistry" | "settings">;
  const parents: PinnedParent[] = Object.keys(images).map((name) => ({
    written: `r.test/${name}:1`,
    pinned: `${name === "own" ? "own.test" : "r.test"}/${name}@${digestOf(name)}`,
    digest: digestOf(name),
  }));
  return { ports, parents, opened };
}

test.each([
  ["the one whose layers come first", { builder: [c], base: [a, b] }, "base"],
  ["the longest, when one stands on another", { base: [a], middle: [a, b] }, "middle"],
  ["in whatever order", { middle: [a, b], base: [a] }, "middle"],
  ["none, of an image FROM scratch", { builder: [c, a] }, undefined],
  ["none that has more layers than the image", { base: [a, b, c, a] }, undefined],
  ["none that has no layers", { base: [] }, undefined],
  ["those that are gone or can't be understood are passed over", { lost: "gone", odd: "nonsense", base: [a] }, "base"],
  ["one of our own registry", { own: [a] }, "own"],
] as const)("the base image is %s", async (_, images, name) => {
  const { ports, parents } = world(images);
  const expected = name === undefined ? undefined : { written: `r.test/${name}:1`, imageId: digestOf(`config ${name}`) };
  expect((await findBaseImage(ports, parents, "linux/amd64", layers)).base).toEqual(expected);
});

test.each([
  ["those of the base", { builder: [c], base: [a, b] }, 2],
  ["none of an image FROM scratch", { builder: [c, a] }, 0],
  ["none where there is no parent", {}, 0],
  ["nobody knows where a parent is gone", { lost: "gone", base: [a] }, undefined],
] as const)("layers of the base are %s", async (_, images, count) => {
  const { ports, parents } = world(images);
  expect((await findBaseImage(ports, parents, "linux/amd64", layers)).layers).toBe(count);
});

test("of a list the platform's own image is looked at", async () => {
  const { ports, parents } = world({ base: [a] });
  const [parent] = parents;
  if (parent === undefined) throw new Error("there is a parent");
  const list = { ...parent, digest: digestOf("list"), platforms: { "linux/arm64": parent.digest } };
  expect(await findBaseImage(ports, [list], "linux/arm64", layers)).toMatchObject({
    base: { imageId: digestOf("config base") },
  });
});

test("our own registry is asked by our own client", async () => {
  const { ports, parents, opened } = world({ own: [a], other: [b] });
  await findBaseImage(ports, parents, "linux/amd64", layers);
  expect(opened).toEqual(["own.test", "r.test"]);
});
