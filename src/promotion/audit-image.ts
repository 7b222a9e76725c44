import type { Digest } from "../domain/digest.ts";
import { shortDigest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import { isTag } from "../domain/image-reference.ts";
import type { Registry } from "../registry/registry.ts";
import type { FoundSignature, Signer } from "../signing/signer.ts";
import { findBad, wordUnsigned } from "./audit-signatures.ts";
import type { AuditLine, AuditState } from "./audit-states.ts";
import { type AuditTree, type Lost, readAuditTree } from "./audit-tree.ts";
import { childTag, findImage, type ImageChild } from "./image-children.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import { listUnmanaged } from "./plan-release.ts";
import type { ImageFile } from "./registry-manifest.ts";

/** One image file and one of the registries that it is released to. */
export interface AuditedPlace {
  readonly file: ImageFile;
  readonly registry: Registry;
  readonly signer: Pick<Signer, "keys" | "listSignatures">;
  /** `registry.example.test/f40/cockpit`: what users type before the tag. */
  readonly publicName: string;
  /** The manifests below a release have tags of their own there. */
  readonly childTags: boolean;
}

const atOnce = 8;
/** A registry that somebody filled with tags must not fill the report. */
const mostUnmanaged = 100;

/**
 * Compares one image file with one registry: every tag that it wants, every (digest, name) that must be signed, every tag that it does not speak
 * of. Reads only, by digest wherever it can; a tag is resolved once. One line at least for each wanted tag. Throws what says that registry
 * or lookaside could not be asked, so that nothing is called lost that was only out of reach.
 */
export async function auditImage(place: AuditedPlace, deep: boolean): Promise<readonly AuditLine[]> {
  const { file, registry } = place;
  const children = await readChildren(place);
  const wanted = wantedTags(file, children);
  const live = await mapConcurrently([...wanted.keys()], atOnce, async (tag) => {
    const found = await registry.findManifest(file.repository, tag);
    return [tag, found?.digest] as const;
  });
  const look = readings(place, deep);
  const lines = await mapConcurrently(live, 1, async ([tag, found]): Promise<readonly AuditLine[]> => {
    const digest = wanted.get(tag) as Digest;
    if (found === undefined) return [{ tag, digest, state: "missing", message: "the tag is not there" }];
    if (found !== digest) return [{ tag, digest, state: "moved", message: `the tag stands at ${found}` }];
    const troubles = await auditStanding(place, look, tag, digest);
    return troubles.length > 0 ? troubles : [{ tag, digest, state: "ok", message: "" }];
  });
  return [...lines.flat(), ...(await auditWithdrawn(place, look)), ...(await auditUnmanaged(place, children))];
}

type Children = ReadonlyMap<Digest, readonly ImageChild[]>;

/** What has a tag of its own below the releases that are there, withdrawn ones too: their tags may stay. */
async function readChildren({ file, registry, childTags }: AuditedPlace): Promise<Children> {
  const digests = childTags ? [...new Set(Object.values(file.releases).map((release) => release.digest as Digest))] : [];
  const found = await mapConcurrently(digests, atOnce, async (digest): Promise<readonly [Digest, readonly ImageChild[]]> => {
    try {
      return [digest, (await findImage(registry, file.repository, digest))?.children ?? []];
    } catch (error) {
      if (errorKind(error) === "transient") throw error;
      // Damaged: told of its tags, see readAuditTree.
      return [digest, []];
    }
  });
  return new Map(found);
}

/** Every tag that has to be there, with the digest that it stands for. Pure. */
export function wantedTags({ releases, floating = {}, withdrawn = {} }: ImageFile, children: Children): ReadonlyMap<string, Digest> {
  const tags = new Map<string, Digest>();
  const standing = Object.entries(releases).filter(([tag]) => !withdrawn[tag]);
  for (const [tag, release] of standing) tags.set(tag, release.digest as Digest);
  for (const [tag, release] of Object.entries(floating)) {
    const digest = withdrawn[release] ? undefined : releases[release]?.digest;
    if (digest !== undefined) tags.set(tag, digest as Digest);
  }
  for (const [release, { digest }] of standing) {
    for (const child of children.get(digest as Digest) ?? []) {
      const tag = childTag(release, child);
      // A name that the file gives to something else, or that no tag can have, is refused by the release.
      if (isTag(tag) && !tags.has(tag)) tags.set(tag, child.digest);
    }
  }
  return tags;
}

interface Readings {
  tree(digest: Digest): Promise<AuditTree>;
  signatures(digest: Digest): Promise<readonly FoundSignature[]>;
}

/** Several tags stand at one digest, which is looked at once. */
function readings({ registry, file, signer, publicName }: AuditedPlace, deep: boolean): Readings {
  return {
    tree: once((digest) => readAuditTree(registry, file.repository, digest, deep)),
    signatures: once((digest) => signer.listSignatures(publicName, digest)),
  };
}

function once<T>(read: (digest: Digest) => Promise<T>): (digest: Digest) => Promise<T> {
  const known = new Map<Digest, Promise<T>>();
  return (digest) => {
    const reading = known.get(digest) ?? read(digest);
    known.set(digest, reading);
    return reading;
  };
}

/** What is wrong with a tag that stands where it should. */
async function auditStanding(place: AuditedPlace, look: Readings, tag: string, digest: Digest): Promise<readonly AuditLine[]> {
  const tree = await look.tree(digest);
  const found = await mapConcurrently(tree.signed, atOnce, async (part) => [part, await look.signatures(part)] as const);
  const bad = found.flatMap(([, signatures]) => findBad(signatures));
  const unsigned = found.flatMap(([part, signatures]) => {
    const why = wordUnsigned(place.signer.keys, signatures, `${place.publicName}:${tag}`);
    return why === undefined ? [] : [`${shortDigest(part)}: ${why}`];
  });
  const lost = (all: readonly Lost[]) => all.map((one) => `${one.digest} ${one.why}`);
  const line = (state: AuditState, why: readonly string[]): readonly AuditLine[] =>
    why.length === 0 ? [] : [{ tag, digest, state, message: joinSome(why) }];
  return [
    ...line("lost-child", lost(tree.lostChildren)),
    ...line("lost-blob", lost(tree.lostBlobs)),
    ...line("bad-signature", bad),
    ...line("unsigned", unsigned),
  ];
}

/** Taking the signatures away is what makes a withdrawal work: one that is left is as bad as one that is missing elsewhere. */
async function auditWithdrawn({ file, publicName }: AuditedPlace, look: Readings): Promise<readonly AuditLine[]> {
  const lines = await mapConcurrently(Object.keys(file.withdrawn ?? {}), 1, async (tag): Promise<readonly AuditLine[]> => {
    const digest = file.releases[tag]?.digest as Digest | undefined;
    if (digest === undefined) return [];
    const { signed } = await look.tree(digest);
    const found = (await mapConcurrently(signed, atOnce, look.signatures)).flat();
    const left = found.filter((one) => one.verdict === "valid" && one.publicName === `${publicName}:${tag}`);
    if (left.length === 0) return [];
    return [{ tag, digest, state: "bad-signature", message: `withdrawn, and still signed: ${joinSome(left.map((one) => one.location))}` }];
  });
  return lines.flat();
}

async function auditUnmanaged({ file, registry }: AuditedPlace, children: Children): Promise<readonly AuditLine[]> {
  const strange = listUnmanaged(file, await registry.listTags(file.repository), children);
  const lines = await mapConcurrently(strange.slice(0, mostUnmanaged), atOnce, async (tag): Promise<readonly AuditLine[]> => {
    const digest = (await registry.findManifest(file.repository, tag))?.digest;
    return digest === undefined ? [] : [{ tag, digest, state: "unmanaged", message: "no registry manifest speaks of it" }];
  });
  const rest = strange.length - mostUnmanaged;
  if (rest <= 0) return lines.flat();
  return [...lines.flat(), { tag: "", digest: "", state: "unmanaged", message: `${rest} more tags that no registry manifest speaks of` }];
}

function joinSome(all: readonly string[]): string {
  const shown = all.slice(0, 5).join("; ");
  return (all.length > 5 ? `${shown}; and ${all.length - 5} more` : shown).slice(0, 1000);
}
