import { randomBytes } from "node:crypto";
import { digestOf } from "../../src/domain/digest.ts";
import type { Manifest } from "../../src/registry/registry.ts";
import type { RegistryClient } from "../../src/registry/registry-client.ts";

const oci = "application/vnd.oci.image.manifest.v1+json";

/** Exact bytes and digest of a body; the order of its keys is the order of the bytes. */
export function manifestOf(body: { readonly mediaType: string; readonly [key: string]: unknown }): Manifest {
  const bytes = Buffer.from(JSON.stringify(body));
  return { mediaType: body.mediaType, bytes, digest: digestOf(bytes) };
}

/** The descriptor that an index holds of a manifest. */
export function describeManifest({ mediaType, digest, bytes }: Manifest) {
  return { mediaType, digest, size: bytes.length };
}

/** Uploads a configuration and `layers` random layers; gives the manifest over them, which is not put yet. */
export async function putImage(
  client: Pick<RegistryClient, "putBlob">,
  repository: string,
  mediaType: string,
  layers = [1000, 2000],
): Promise<Manifest> {
  const isOci = mediaType === oci;
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: { Labels: { x: randomBytes(8).toString("hex") } } }),
  );
  const layerType = isOci ? "application/vnd.oci.image.layer.v1.tar+gzip" : "application/vnd.docker.image.rootfs.diff.tar.gzip";
  const blobs = [];
  for (const size of layers) blobs.push({ mediaType: layerType, digest: await client.putBlob(repository, randomBytes(size)), size });
  const configType = isOci ? "application/vnd.oci.image.config.v1+json" : "application/vnd.docker.container.image.v1+json";
  const configDescriptor = { mediaType: configType, digest: await client.putBlob(repository, config), size: config.length };
  return manifestOf({ schemaVersion: 2, mediaType, config: configDescriptor, layers: blobs });
}
