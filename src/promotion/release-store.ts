import type { Digest } from "../domain/digest.ts";
import type { Transaction } from "../workflow/step.ts";

/**
 * What the release flow remembers, for speed and for reports, never as truth: the truth is git and the registry. What is forgotten is looked at or
 * checked once more.
 */
export interface ReleaseStore {
  /**
   * Git blob ids (of the image file, of policy.yaml) that were last reconciled without anything left to do, by {@link reconciledKey}.
   */
  listReconciled(repository: string): Promise<ReadonlyMap<string, ReconciledFile>>;
  findReconciled(repository: string, registry: string, path: string): Promise<ReconciledFile | undefined>;
  /**
   * A run begins to write what this state of the file says: until it has done all, no state counts as in order, or going back to the one before would
   * be nothing to do. Leaves the commit that was in order last.
   */
  reopen(
    repository: string,
    registry: string,
    path: string,
    begun: Pick<ReconciledFile, "blob" | "policyBlob">,
    transaction: Transaction,
  ): Promise<void>;
  saveReconciled(repository: string, registry: string, path: string, file: ReconciledFile, transaction: Transaction): Promise<void>;
  saveReport(report: ReleaseReport, transaction: Transaction): Promise<void>;
  /** What owners allowed to be moved over, of one repository of one destination. */
  listAcceptedDrift(registry: string, imageRepository: string): Promise<readonly AcceptedDrift[]>;
  /** Saying the same again changes nothing: who said it first stands there. */
  saveAcceptedDrift(drift: AcceptedDrift): Promise<void>;
  /** Newest first. */
  listReports(filter: { readonly imageRepository?: string; readonly limit: number }): Promise<readonly ReleaseReport[]>;
}

/** Each destination is in order, or not, by itself. */
export function reconciledKey(registry: string, path: string): string {
  return `${registry} ${path}`;
}

export interface ReconciledFile {
  /** Empty while a run is at work on another state. */
  readonly blob: string;
  readonly policyBlob: string;
  /** Commit of main that was read. */
  readonly commit: string;
  /** ISO 8601; for people. What drifts afterwards is found by the audit. */
  readonly at: string;
}

/** A floating tag that stands where git never put it, and an owner who allows it to be moved from there (RL7). */
export interface AcceptedDrift {
  readonly registry: string;
  readonly imageRepository: string;
  readonly tag: string;
  /** Where it stands. Only from there: a tag that is moved once more is drift again. */
  readonly digest: Digest;
  readonly by: string;
}

export interface ReleaseReport {
  readonly run: string;
  /** The registry-manifest repository and the commit of its main branch that was released. */
  readonly repository: string;
  readonly commit: string;
  /** Name of the destination in the settings. */
  readonly registry: string;
  readonly imageRepository: string;
  readonly outcome: "released" | "nothing-to-do" | "failed";
  readonly lines: readonly ReleaseLine[];
  readonly at: string;
}

/** One tag, one line in the table that the release leaves on the pull request. */
export interface ReleaseLine {
  readonly tag: string;
  readonly digest: string;
  /** `ok`, `copied`, `tagged`, `moved`, `lost`, `tag-move`, `drift`, `unmanaged`, `withdrawn`. */
  readonly what: string;
  readonly bytesStreamed: number;
  readonly blobsMounted: number;
  /** What did not have to be sent; reports of older releases don't say. */
  readonly bytesMounted?: number;
  readonly signaturesAdded: number;
  /** Milliseconds that copying, signing and writing took; reports of older releases don't say. */
  readonly ms?: number;
  readonly message?: string;
}
