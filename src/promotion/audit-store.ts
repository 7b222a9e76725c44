import type { Transaction } from "../workflow/step.ts";
import type { AuditLine, AuditState } from "./audit-states.ts";

/** What the last looks found, for reports and metrics, never as truth: the truth is git, the registries and the signatures. */
export interface AuditStore {
  /** What stands of one image in one registry now, in place of what stood there; nothing when `findings` is empty. */
  saveFindings(image: ImagePlace, findings: readonly AuditLine[], seen: { readonly at: string; readonly pending: boolean }): Promise<void>;
  /** Images that have findings. */
  listPlaces(): Promise<readonly ImagePlace[]>;
  /** By registry, image and tag; unmanaged and pending ones last, so that no flood of them hides the others from a limit. */
  listFindings(filter: FindingFilter): Promise<readonly AuditFinding[]>;
  /** These were said on the forge. */
  markTold(findings: readonly AuditFinding[], at: string): Promise<void>;
  saveAudit(audit: Audit, transaction?: Transaction): Promise<void>;
  /** Newest first. */
  listAudits(filter: { readonly whole?: boolean; readonly limit: number }): Promise<readonly Audit[]>;
}

export interface ImagePlace {
  /** Name of the registry in the settings. */
  readonly registry: string;
  readonly imageRepository: string;
}

export interface FindingFilter {
  readonly imageRepository?: string | undefined;
  readonly registry?: string | undefined;
  /** Only what nobody was told of and no release is about to mend. */
  readonly untold?: boolean;
  readonly limit: number;
}

/** One line of an audit that is not `ok`. */
export interface AuditFinding extends ImagePlace, AuditLine {
  /** The image file is not known to be released: its release run tells and mends. */
  readonly pending: boolean;
  /** ISO 8601; the look that found it first, and the last one. */
  readonly firstSeenAt: string;
  readonly seenAt: string;
}

/** One walk. */
export interface Audit {
  /** Unique; the run of the timer's ones. */
  readonly id: string;
  /** Commit of main that was read. */
  readonly commit: string;
  /** False when only some images or registries were looked at. */
  readonly whole: boolean;
  readonly deep: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Image files times registries that were looked at. */
  readonly images: number;
  /** Lines by state. */
  readonly counts: Readonly<Record<AuditState, number>>;
  /** Images that could not be looked at, and the first of them with the reason. */
  readonly unread: number;
  readonly unreadImages: readonly (ImagePlace & { readonly why: string })[];
  /** Commit where a status says that something is wrong; absent when none stands. */
  readonly toldCommit?: string;
}
