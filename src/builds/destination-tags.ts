import type { Nvr } from "../domain/nvr.ts";
import type { Transaction } from "../workflow/step.ts";

/** A build in a destination tag. */
export interface TaggedBuild {
  readonly tag: string;
  readonly build: string;
  readonly nvr: Nvr;
  /** `containers/cockpit` */
  readonly repository: string;
  readonly requestedBy: string;
  /** ISO 8601 */
  readonly taggedAt: string;
}

/** Which complete builds belong to which product, as Koji's tags tell it. Nothing is ever taken out. */
export interface DestinationTags {
  /** May be called again. */
  tagBuild(build: string, tag: string, transaction: Transaction): Promise<void>;
  /** Newest build first; with `latest` only the newest of each component. */
  listTagged(tag: string, filter: { readonly latest: boolean }): Promise<readonly TaggedBuild[]>;
  /** By name. */
  listTags(): Promise<readonly { readonly tag: string; readonly builds: number }[]>;
}
