import type { Digest } from "../domain/digest.ts";
import { isTag } from "../domain/image-reference.ts";
import { childTag, type ImageChild } from "./image-children.ts";
import { sortFloating } from "./image-file.ts";
import type { ImageFile } from "./registry-manifest.ts";
import { isActing, type TagPlan } from "./tag-plan.ts";

/** What the destination and the source have now; fetched before, so that {@link planRelease} is pure. */
export interface ReleaseFacts {
  /** Tag to the digest it has in the destination; every tag there is, and of no other. */
  readonly live: ReadonlyMap<string, Digest>;
  /** Digests that stand in the destination with all their platforms. */
  readonly atDestination: ReadonlySet<Digest>;
  readonly atSource: ReadonlySet<Digest>;
  /** Digests that a floating tag had in former commits of main. */
  readonly former: ReadonlyMap<string, ReadonlySet<Digest>>;
  /** Manifests below the digests that are wanted or withdrawn, as far as they can be read; empty where children get no tags. */
  readonly children: ReadonlyMap<Digest, readonly ImageChild[]>;
  /** Digests that a floating tag may be moved away from although git never said them, and who allowed it. */
  readonly accepted: ReadonlyMap<string, ReadonlyMap<Digest, string>>;
  /** Releases that the checks refuse, and why. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * The state table RL1 to RL8 of docs/registry-manifest.md: what is wanted against what is there, a line for each tag, in the order of
 * writing: releases, each behind the tags of its children, floating tags, `latest` at the very end; then withdrawn and unmanaged ones. A
 * registry's garbage collection takes the children of an index for rubbish unless they have tags (RG13). Pure.
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
  const children = planChildren(file, facts, checked);
  const first = checked.filter((plan) => plan.class === "immutable").flatMap((plan) => [...(children.get(plan.tag) ?? []), plan]);
  const floating = checked.filter((plan) => plan.class === "floating");
  return [...first, ...floating, ...planWithdrawn(file), ...planUnmanaged(file, facts)];
}

/** Tags of the children by the tag of their release. Nothing is planned for the children of what is not released. */
function planChildren(file: ImageFile, facts: ReleaseFacts, releases: readonly TagPlan[]): ReadonlyMap<string, readonly TagPlan[]> {
  const taken = new Map<string, string>([...Object.keys(file.releases), ...Object.keys(file.floating ?? {})].map((tag) => [tag, tag]));
  const planned = new Map<string, readonly TagPlan[]>();
  for (const plan of releases.filter((one) => one.class === "immutable" && isActing(one))) {
    const tags = (facts.children.get(plan.digest) ?? []).map((child): TagPlan => {
      const tag = childTag(plan.tag, child);
      const found = facts.live.get(tag);
      const entry = {
        tag,
        digest: child.digest,
        class: "child",
        release: plan.release,
        copy: false,
        ...(found === undefined ? {} : { found }),
      } as const;
      const other = taken.get(tag);
      taken.set(tag, plan.tag);
      if (other !== undefined) {
        const message = `the name of a platform's tag (${tag}) is taken by ${other === tag ? "a tag of the file" : `release ${other}`}`;
        return { ...entry, action: "refused", message };
      }
      if (!isTag(tag))
        return { ...entry, action: "refused", message: `the name of a platform's tag would be longer than 128 characters: ${tag}` };
      if (found === child.digest) return { ...entry, action: "ok" };
      if (found === undefined) return { ...entry, action: "tag" };
      return { ...entry, action: "tag-move", message: `${tag} is the tag of a platform of ${plan.tag} and stands at ${found}` };
    });
    planned.set(plan.tag, tags);
  }
  return planned;
}

function planTag(file: ImageFile, facts: ReleaseFacts, tag: string, release: string, kind: TagPlan["class"]): TagPlan {
  const digest = file.releases[release]?.digest as Digest | undefined;
  const found = facts.live.get(tag);
  const base = { tag, class: kind, release, copy: false, ...(found === undefined ? {} : { found }) };
  if (!digest) return { ...base, digest: "sha256:", action: "refused", message: `${release} is not among the releases` };
  const refused = facts.refused.get(release);
  const accepted = found === undefined || kind === "immutable" ? undefined : facts.accepted.get(tag)?.get(found);
  const whole = facts.atDestination.has(digest);
  const entry = { ...base, digest, copy: !whole };
  const stop = (action: TagPlan["action"], message: string): TagPlan => ({ ...entry, action, copy: false, message });
  if (file.withdrawn?.[release]) return stop("refused", `its release ${release} is withdrawn`);
  if (found !== undefined && found !== digest) {
    if (kind === "immutable") return stop("tag-move", `${tag} is immutable and stands at ${found}`);
    if (!facts.former.get(tag)?.has(found) && accepted === undefined)
      return stop("drift", `${tag} stands at ${found}, which this repository's history never said`);
  }
  if (!whole && !facts.atSource.has(digest)) return stop("lost", `${digest} is in neither registry, or misses a platform`);
  if (refused !== undefined) return stop("refused", kind === "immutable" ? refused : `its release ${release} is refused`);
  if (found === digest) return { ...entry, action: "ok" };
  if (found !== undefined) {
    const message = `it stood at ${found}, which this repository's history never said; ${accepted} accepted that`;
    return accepted === undefined ? { ...entry, action: "move" } : { ...entry, action: "move", message };
  }
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
export function listUnmanaged(file: ImageFile, tags: Iterable<string>, children: ReleaseFacts["children"]): readonly string[] {
  const known = new Set([...Object.keys(file.releases), ...Object.keys(file.floating ?? {})]);
  for (const [tag, { digest }] of Object.entries(file.releases)) {
    for (const child of children.get(digest as Digest) ?? []) known.add(childTag(tag, child));
  }
  return [...tags].filter((tag) => !known.has(tag) && !companion.test(tag));
}

function planUnmanaged(file: ImageFile, facts: ReleaseFacts): readonly TagPlan[] {
  return listUnmanaged(file, facts.live.keys(), facts.children).map((tag) => ({
    tag,
    digest: facts.live.get(tag) as Digest,
    class: "floating",
    release: "",
    action: "unmanaged",
    copy: false,
    message: "no registry manifest speaks of it",
  }));
}
