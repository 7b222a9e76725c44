import type { Digest } from "../domain/digest.ts";

/** What to do about one tag. `ok`, `copy`, `tag` and `move` end with the tag at the digest, signed; the others change nothing. */
export interface TagPlan {
  readonly tag: string;
  readonly digest: Digest;
  /** `child`: the name of a release's part, as immutable as the release. */
  readonly class: "immutable" | "child" | "floating";
  /** Key in `releases`. */
  readonly release: string;
  /** `ok` RL1, `tag` RL2, `copy` RL3, `lost` RL4, `tag-move` RL5, `move` RL6, `drift` RL7, `unmanaged` RL8. */
  readonly action: "ok" | "tag" | "copy" | "move" | "lost" | "tag-move" | "drift" | "refused" | "withdrawn" | "unmanaged";
  /** Bytes have to come from the source first (a new image, or one that lost a platform). */
  readonly copy: boolean;
  /** What the tag has now. */
  readonly found?: Digest;
  readonly message?: string;
}

const acting: readonly TagPlan["action"][] = ["ok", "tag", "copy", "move"];

/** Does the plan end with the tag at its digest? */
export function isActing(plan: TagPlan): boolean {
  return acting.includes(plan.action);
}

/** Something a person must look at. */
export function isBad(what: string): boolean {
  return ["lost", "tag-move", "drift", "refused", "failed"].includes(what);
}
