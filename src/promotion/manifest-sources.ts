import type { ForgeSources } from "../forge/forge.ts";
import type { ManifestReader } from "./manifest-tree.ts";

/** What checks of texts read: of a forge, or of a clone on this machine. */
export type ManifestSources = Pick<ForgeSources, "findFile" | "listFiles" | "isAncestor" | "fileHistory">;

export interface TextPorts extends ManifestReader {
  readonly forge: ManifestSources;
}

/** Stands for a commit: the files as they lie in a clone's directory, committed or not. */
export const workTree = "the working tree";

/** A clone of a registry-manifest repository. Needs git and the disk, nothing else. */
export interface ManifestCheckout {
  /** Absolute path of the top directory. */
  readonly directory: string;
  /** Reads {@link workTree}, and commits that the clone has. Throws `promotion.checkout-unreadable` for a commit that it does not have. */
  readonly sources: ManifestSources;
  /**
   * Where what is here left a commit or branch behind; that of `origin`'s main branch when none is named, undefined when there is none. Throws
   * `promotion.checkout-unreadable` when a named one is unknown or has nothing in common, as in a shallow clone.
   */
  findBase(since: string | undefined): Promise<string | undefined>;
  /** Paths that differ between a commit and the working tree, new ones included, sorted. Reads no file. */
  listChanged(base: string): Promise<readonly string[]>;
  /** Every path of the working tree but ignored ones, sorted. */
  listPaths(): Promise<readonly string[]>;
  /** False, and nothing is written, when there is no plain file: nothing is written through links. */
  writeFile(path: string, text: string): Promise<boolean>;
}
