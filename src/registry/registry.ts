import type { Digest } from "../domain/digest.ts";

/**
 * What the rooms need of one registry endpoint (opencontainers/distribution-spec v1.1.1). Manifests are exact bytes throughout: nothing
 * is ever parsed and written again. The client retries 429, 5xx and broken connections itself and then throws `registry.unreachable`
 * (transient); refusals are `registry.denied`, a missing thing is `undefined` from `find…` and `registry.manifest-unknown` from `read…`.
 */
export interface Registry {
  /** `host[:port]` it talks to. */
  readonly endpoint: string;
  /** Digest and media type behind a tag or digest, by HEAD; undefined when absent. */
  findManifest(repository: string, reference: string): Promise<ManifestDescriptor | undefined>;
  /** Exact bytes; the digest is computed over them and compared when `reference` is one. Throws `registry.manifest-unknown`. */
  readManifest(repository: string, reference: string): Promise<Manifest>;
  /** By tag or digest; returns the digest. Checks that the registry then has exactly these bytes. */
  putManifest(repository: string, reference: string, manifest: Manifest): Promise<Digest>;
  /** Deletes a manifest by digest, and with it every tag that stands there; absent already is fine. A client without it never deletes. */
  deleteManifest?(repository: string, digest: Digest): Promise<void>;
  hasBlob(repository: string, digest: Digest): Promise<boolean>;
  /** A small blob (configuration) in memory, digest checked, at most `maxBytes`. */
  readBlob(repository: string, digest: Digest, maxBytes: number): Promise<Uint8Array>;
  putBlob(repository: string, bytes: Uint8Array): Promise<Digest>;
  /** All tags, every page; an unknown repository has none. */
  listTags(repository: string): Promise<readonly string[]>;
  /** Everything whose `subject` is the digest, through the referrers API or its fallback tag. */
  listReferrers(repository: string, digest: Digest, artifactType?: string): Promise<readonly ReferrerDescriptor[]>;
}

export const manifestMediaTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
] as const;

export interface ManifestDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface Manifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
}

export interface ReferrerDescriptor extends ManifestDescriptor {
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Where one image goes: the same endpoint gives mounts, another one streams. */
export interface CopyRequest {
  readonly source: { readonly registry: string; readonly repository: string; readonly digest: Digest };
  readonly destination: { readonly registry: string; readonly repository: string };
  /** Further repositories of the destination that may have the blobs (base images): mounts are tried from there before streaming. */
  readonly mountFrom?: readonly string[];
}

export interface CopyReport {
  /** Digests of the index and of every manifest below it, children first. */
  readonly manifests: readonly Digest[];
  readonly blobsPresent: number;
  readonly blobsMounted: number;
  readonly blobsStreamed: number;
  readonly bytesStreamed: number;
  /** Sizes of the blobs that were mounted: bytes that did not have to be sent. */
  readonly bytesMounted: number;
}

/** Copies one image with everything below it, by digest only; never writes a tag. Safe to repeat. */
export interface ImageCopier {
  copy(request: CopyRequest, signal: AbortSignal, progress?: (report: CopyReport) => void): Promise<CopyReport>;
}

/** Settings names of registries (`candidate`, `production`) to clients; built in `app.ts`. */
export interface Registries {
  /** Throws `registry.unknown` for a name that is not in the settings. */
  named(name: string): Registry;
}
