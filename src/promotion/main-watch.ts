import { appError } from "../domain/errors.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { policyPath } from "./registry-manifest.ts";

/** What main's head says about one image file; blobs are git's ids. */
export interface MainHead {
  readonly commit: string;
  readonly blob: string;
  readonly policyBlob: string;
}

/** Null when there is no such branch or file. */
export async function readMainHead(ports: Pick<PromotionPorts, "forge" | "settings">, path: string): Promise<MainHead | null> {
  const { repository, branch } = ports.settings;
  const commit = await ports.forge.findHead(repository, branch);
  if (commit === undefined) return null;
  const files = await ports.forge.listFiles(repository, commit, "");
  const blob = files.find((file) => file.path === path)?.blob;
  if (blob === undefined) return null;
  return { commit, blob, policyBlob: files.find((file) => file.path === policyPath)?.blob ?? "" };
}

/** A forge need not be asked before each of a handful of tags. */
const freshMs = 30_000;

/**
 * To be called before a signature is made and before a tag is written: a run that waited for a signer or a registry, or was taken up by another process,
 * has a plan that may be hours old, and what main has taken back meanwhile must not become visible. Throws `promotion.main-moved`; whoever moved main
 * has started a run that does what it says now.
 */
export function watchMain(
  ports: Pick<PromotionPorts, "forge" | "settings" | "now">,
  path: string,
  planned: Pick<MainHead, "blob" | "policyBlob">,
): () => Promise<void> {
  let askedAt: number | undefined;
  return async () => {
    const at = ports.now().getTime();
    if (askedAt !== undefined && at - askedAt < freshMs) return;
    const now = await readMainHead(ports, path);
    if (now?.blob !== planned.blob || now.policyBlob !== planned.policyBlob) {
      throw appError(
        "promotion.main-moved",
        `${path} or ${policyPath} is another one on ${ports.settings.branch} now: its own release does the rest`,
      );
    }
    askedAt = at;
  };
}
