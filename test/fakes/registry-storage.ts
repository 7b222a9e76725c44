import { createHash } from "node:crypto";

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface FakeRepository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, string>;
  readonly uploads: Map<string, Buffer[]>;
}

export function emptyRepository(): FakeRepository {
  return { blobs: new Map(), manifests: new Map(), tags: new Map(), uploads: new Map() };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

interface ManifestBody {
  readonly mediaType?: string;
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string; readonly urls?: readonly string[] }[];
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
  readonly artifactType?: string;
  readonly annotations?: Record<string, string>;
}

export function manifestBody(bytes: Uint8Array): ManifestBody {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return {};
  }
}

/** What a manifest names that the repository does not have: docker-registry refuses partial images and indexes. */
export function missingParts(repository: FakeRepository, bytes: Uint8Array): string[] {
  const body = manifestBody(bytes);
  const blobs = [body.config, ...(body.layers ?? []).filter((layer) => layer.urls === undefined)].flatMap((one) =>
    one ? [one.digest] : [],
  );
  const children = (body.manifests ?? []).map((child) => child.digest);
  return [...blobs.filter((one) => !repository.blobs.has(one)), ...children.filter((one) => !repository.manifests.has(one))];
}

/** Entries of the referrers API. */
export function referrersOf(repository: FakeRepository, digest: string) {
  return [...repository.manifests].flatMap(([own, { mediaType, bytes }]) => {
    const { subject, artifactType, annotations } = manifestBody(bytes);
    return subject?.digest === digest ? [{ mediaType, digest: own, size: bytes.length, artifactType, annotations }] : [];
  });
}
