import { gzipSync } from "node:zlib";
import { type Digest, digestOf } from "../../../src/domain/digest.ts";
import type { Manifest, Registry } from "../../../src/registry/registry.ts";

const imageType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

/** A small two-platform image put into a real registry without an engine. */
export interface PushedImage {
  readonly index: Digest;
  readonly amd64: Digest;
  readonly arm64: Digest;
}

export async function pushImage(url: string, repository: string, tag: string): Promise<PushedImage> {
  const platforms = [];
  for (const architecture of ["amd64", "arm64"]) {
    // Empty archives of different length: podman unpacks them.
    const archive = Buffer.alloc(architecture === "amd64" ? 1024 : 2048);
    const layer = await putBlob(url, repository, gzipSync(archive));
    const history = [{ created: "2024-01-01T00:00:00Z", created_by: repository }];
    const config = await putBlob(
      url,
      repository,
      JSON.stringify({ architecture, os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(archive)] }, history }),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: imageType,
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
      layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", ...layer }],
    };
    const put = await putManifest(url, repository, undefined, imageType, manifest);
    platforms.push({ mediaType: imageType, ...put, platform: { os: "linux", architecture } });
  }
  const index = await putManifest(url, repository, tag, indexType, { schemaVersion: 2, mediaType: indexType, manifests: platforms });
  return { index: index.digest, amd64: platforms[0]?.digest as Digest, arm64: platforms[1]?.digest as Digest };
}

/** As much of the registry port as verification reads. */
export function readOnlyRegistry(url: string): Registry {
  const readManifest = async (repository: string, reference: string): Promise<Manifest> => {
    const response = await fetch(`${url}/v2/${repository}/manifests/${reference}`, { headers: { accept: `${imageType}, ${indexType}` } });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { mediaType: response.headers.get("content-type") ?? "", bytes, digest: digestOf(bytes) };
  };
  return { endpoint: new URL(url).host, readManifest } as Partial<Registry> as Registry;
}

async function putBlob(
  url: string,
  repository: string,
  content: string | Uint8Array<ArrayBuffer>,
): Promise<{ digest: Digest; size: number }> {
  const digest = digestOf(content);
  const started = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
  const location = new URL(started.headers.get("location") ?? "", url);
  location.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  await created(await fetch(location, { method: "PUT", body: content, headers }));
  return { digest, size: Buffer.byteLength(content) };
}

async function putManifest(url: string, repository: string, tag: string | undefined, mediaType: string, manifest: unknown) {
  const text = JSON.stringify(manifest);
  const digest = digestOf(text);
  const headers = { "content-type": mediaType };
  await created(await fetch(`${url}/v2/${repository}/manifests/${tag ?? digest}`, { method: "PUT", body: text, headers }));
  return { digest, size: Buffer.byteLength(text) };
}

async function created(response: Response): Promise<void> {
  if (response.status !== 201) throw new Error(`${response.url} came back with ${response.status}: ${await response.text()}`);
}
