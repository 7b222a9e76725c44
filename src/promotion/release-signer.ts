/** Which file of the registry-manifest repository, at which commit, for which of its registries. */
export interface ReleaseToSign {
  readonly commit: string;
  /** `images/f40/cockpit.yaml` */
  readonly path: string;
  /** Name in the settings. */
  readonly registry: string;
  /** Only these of the file's tags; all when left out. It can only narrow: what the file does not say is never signed. */
  readonly tags?: readonly string[];
}

/**
 * Signs releases. It is told where to read, never what to sign: the names and digests come out of the file at that commit, and the digests below
 * an index out of the registry, by digest. So a service that is broken into can't have anything signed that nobody merged.
 * The same code stands in the service's own process or behind the socket of `flibs signer`.
 * Throws `signing.request-refused` (the commit is not on the branch, the file or registry is none), `promotion.file-invalid`,
 * `promotion.policy-invalid`, `signing.signer-unavailable` (transient) and other transient errors; what is wrong with one tag is a result.
 */
export interface ReleaseSigner {
  /** Ensures a signature of every signing key for each tag of the file that is not withdrawn, on its digest and every image below. */
  sign(request: ReleaseToSign, signal: AbortSignal): Promise<SignedTags>;
  /** Removes every signature of this repository's names on withdrawn releases, but for names that a standing release needs there. */
  withdraw(request: ReleaseToSign, signal: AbortSignal): Promise<WithdrawnTags>;
}

/** `ms` is how long it took. */
export type SignedTags = Readonly<Record<string, { readonly added: number; readonly ms: number; readonly failed?: string }>>;
export type WithdrawnTags = Readonly<Record<string, { readonly removed: number; readonly failed?: string }>>;
