import { Readable } from "node:stream";
import type { Digest } from "../domain/digest.ts";
import { digestOf } from "../domain/digest.ts";
import { authorization } from "./authorization.ts";
import { hasBlob, mountBlob, openBlob, readBlob, readBlobEnd } from "./blob-requests.ts";
import type { TransferRegistry } from "./blob-transfers.ts";
import { defaultTransportLimits, httpTransport, type TransportLimits } from "./http-transport.ts";
import { listRepositories, listTags } from "./listings.ts";
import { deleteManifest, findManifest, putManifest, readManifest } from "./manifest-requests.ts";
import { listReferrers, putReferrer } from "./referrers.ts";
import { registrySession } from "./registry-session.ts";
import { type RetryPolicy, realDelay } from "./retry-policy.ts";
import { uploadBlob } from "./upload-blob.ts";

export interface RegistryClientOptions {
  /** `host[:port]`. */
  readonly endpoint: string;
  /** HTTP in place of HTTPS, for the registry and its token server. */
  readonly plainHttp: boolean;
  readonly username?: string;
  readonly password?: string;
  /** Default `flibs`. */
  readonly userAgent?: string;
  readonly retry?: Partial<RetryPolicy>;
  readonly limits?: Partial<TransportLimits>;
}

/** The port, what copying needs, and what only operators' commands and tests use. */
export interface RegistryClient extends TransferRegistry {
  /** The manifest and every tag of it; absent already is fine. */
  deleteManifest(repository: string, digest: Digest): Promise<void>;
  /** `/v2/_catalog`, every page. */
  listRepositories(): Promise<readonly string[]>;
  /** Ends kept-alive connections; call it when the process stops. */
  close(): void;
}

const defaultPolicy: RetryPolicy = { retries: 4, budgetMs: 60_000, delay: realDelay, random: Math.random, now: Date.now };

/** A client of one registry (opencontainers/distribution-spec v1.1.1). Makes no request by itself. */
export function registryClient(options: RegistryClientOptions): RegistryClient {
  const { endpoint, plainHttp, username, password } = options;
  const policy = { ...defaultPolicy, ...options.retry };
  const transport = httpTransport({ ...defaultTransportLimits, ...options.limits });
  const headers = { "user-agent": options.userAgent ?? "flibs", "accept-encoding": "identity" };
  const credential = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
  const who = authorization({ endpoint, plainHttp, ...credential, headers, transport, now: policy.now });
  const session = registrySession({ endpoint, plainHttp, headers, transport, authorization: who, policy });
  return {
    endpoint,
    findManifest: (repository, reference) => findManifest(session, repository, reference),
    readManifest: (repository, reference) => readManifest(session, repository, reference),
    putManifest: (repository, reference, manifest) => putManifest(session, repository, reference, manifest),
    deleteManifest: (repository, digest) => deleteManifest(session, repository, digest),
    hasBlob: (repository, digest, signal) => hasBlob(session, repository, digest, signal),
    readBlob: (repository, digest, maxBytes) => readBlob(session, repository, digest, maxBytes),
    async putBlob(repository, bytes) {
      const digest = digestOf(bytes);
      if (!(await hasBlob(session, repository, digest))) {
        await uploadBlob(session, repository, { digest, size: bytes.length }, async () => Readable.from(slices(bytes)));
      }
      return digest;
    },
    openBlob: (repository, blob, signal) => openBlob(session, repository, blob, signal),
    readBlobEnd: (repository, blob, count, signal) => readBlobEnd(session, repository, blob, count, signal),
    uploadBlob: (repository, blob, open, upload) => uploadBlob(session, repository, blob, open, upload),
    mountBlob: (repository, digest, from, signal) => mountBlob(session, repository, digest, from, signal),
    listTags: (repository) => listTags(session, repository),
    listRepositories: () => listRepositories(session),
    listReferrers: (repository, digest, artifactType) => listReferrers(session, repository, digest, artifactType),
    putReferrer: (repository, artifact) => putReferrer(session, repository, artifact),
    close: () => transport.close(),
  };
}

const sliceBytes = 65_536;

/** Small enough that each is soon taken, so that a registry which stops taking them is noticed. */
function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes);
}
