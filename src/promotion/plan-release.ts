import type { Digest } from "../domain/digest.ts";
import { sortFloating } from "./image-file.ts";
import type { ImageFile } from "./registry-manifest.ts";

/** What the destination and the source have now; fetched before, so that {@link planRelease} is pure. */
export interface ReleaseFacts {
  /** Tag to the digest it has in the destination; every tag there is, and of no other. */
  readonly live: ReadonlyMap<string, Digest>;
  /** Digests that stand in the destination with all their platforms. */
  readonly atDestination: ReadonlySet<Digest>;
  readonly atSource: ReadonlySet<Digest>;
  /** Digests that a floating tag had in former commits of main. */
  readonly former: ReadonlyMap<string, ReadonlySet<Digest>>;
  /** Releases that the checks refuse, and why. */
  readonly refused: ReadonlyMap<string, string>;
}

/** What to do about one tag. `ok`, `copy`, `tag` and `move` end with the tag at the digest, signed; the others change nothing. */
export interface TagPlan {
  readonly tag: string;
  readonly digest: Digest;
  readonly class: "immutable" | "floating";
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

/**
 * The state table RL1 to RL8 of docs/registry-manifest.md: what is wanted against what is there, a line for each tag, in the order of
 * writing: releases, floating tags, `latest` at the very end; then withdrawn and unmanaged ones. Pure.
 */
export function planRelease(file: ImageFile, facts: ReleaseFacts): readonly TagPlan[] {
  const withdrawn = file.withdrawn ?? {};
  const releases = Object.keys(file.releases).filter((tag) => withdrawn[tag] === undefined);
  const wanted = [
    ...releases.map((tag) => planTag(file, facts, tag, tag, "immutable")),
    ...sortFloating(Object.keys(file.floating ?? {})).map((tag) => planTag(file, facts, tag, file.floating?.[tag] ?? "", "floating")),
  ];
  const bad = new Map(wanted.filter((plan) => plan.class === "immutable" && !isActing(plan)).map((plan) => [plan.tag, plan]));
  // A floating tag never points to what its release could not become.
  const checked = wanted.map((plan): TagPlan => {
    const cause = plan.class === "floating" && isActing(plan) ? bad.get(plan.release) : undefined;
    return cause
      ? { ...plan, action: "refused", copy: false, message: `its release ${plan.release} is not released (${cause.action})` }
      : plan;
  });
  return [...checked, ...planWithdrawn(file), ...planUnmanaged(file, facts)];
}

function planTag(file: ImageFile, facts: ReleaseFacts, tag: string, release: string, kind: TagPlan["class"]): TagPlan {
  const digest = file.releases[release]?.digest as Digest | undefined;
  const found = facts.live.get(tag);
  const base = { tag, class: kind, release, copy: false, ...(found === undefined ? {} : { found }) };
  if (!digest) return { ...base, digest: "sha256:", action: "refused", message: `${release} is not among the releases` };
  const refused = facts.refused.get(release);
  const whole = facts.atDestination.has(digest);
  const entry = { ...base, digest, copy: !whole };
  const stop = (action: TagPlan["action"], message: string): TagPlan => ({ ...entry, action, copy: false, message });
  if (file.withdrawn?.[release]) return stop("refused", `its release ${release} is withdrawn`);
  if (found !== undefined && found !== digest) {
    if (kind === "immutable") return stop("tag-move", `${tag} is immutable and stands at ${found}`);
    if (!facts.former.get(tag)?.has(found)) return stop("drift", `${tag} stands at ${found}, which this repository's history never said`);
  }
  if (refused !== undefined && found !== digest)
    return stop("refused", kind === "immutable" ? refused : `its release ${release} is refused`);
  if (!whole && !facts.atSource.has(digest)) return stop("lost", `${digest} is in neither registry, or misses a platform`);
  if (found === digest) return { ...entry, action: "ok" };
  if (found !== undefined) return { ...entry, action: "move" };
  return { ...entry, action: whole ? "tag" : "copy" };
}

function planWithdrawn(file: ImageFile): readonly TagPlan[] {
  return Object.entries(file.withdrawn ?? {}).flatMap(([tag, { reason }]): readonly TagPlan[] => {
    const digest = file.releases[tag]?.digest as Digest | undefined;
    return digest ? [{ tag, digest, class: "immutable", release: tag, action: "withdrawn", copy: false, message: reason }] : [];
  });
}

/** Signature and referrer tags of other tools belong to their images. */
const companion = /^sha256-[0-9a-f]{64}(\.|$)/;

/** Tags that no registry manifest speaks of. Pure. */
export function listUnmanaged(file: ImageFile, tags: Iterable<string>): readonly string[] {
  const known = new Set([...Object.keys(file.releases), ...Object.keys(file.floating ?? {})]);
  return [...tags].filter((tag) => !known.has(tag) && !companion.test(tag));
}

function planUnmanaged(file: ImageFile, facts: ReleaseFacts): readonly TagPlan[] {
  return listUnmanaged(file, facts.live.keys()).map((tag) => ({
    tag,
    digest: facts.live.get(tag) as Digest,
    class: "floating",
    release: "",
    action: "unmanaged",
    copy: false,
    message: "no registry manifest speaks of it",
  }));
}
