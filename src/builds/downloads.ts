/** Files that flibs fetches for builds: yum repository files and the lookaside cache's. */
export interface Downloads {
  /**
   * The bytes at an `http:` or `https:` address, as they come. No host is asked, nor followed to by a redirect, for which `mayAsk` says no, and none
   * that stands in a private network unless the operator has named it. Throws, also in the middle: `builds.download-refused`,
   * `builds.download-missing`, `builds.download-too-large`, `builds.download-failed` (transient).
   */
  read(url: string, request: DownloadRequest): AsyncIterable<Uint8Array>;
}

export interface DownloadRequest {
  /** Gets `host` or `host:port` when the port is not the scheme's own, in lower case. */
  readonly mayAsk: (host: string) => boolean;
  readonly maxBytes: number;
  /** Of the whole fetch. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}
