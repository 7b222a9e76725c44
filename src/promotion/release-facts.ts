import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import type { ForgeSources } from "../forge/forge.ts";
import type { Registry } from "../registry/registry.ts";
import { hasWholeImage } from "./audit-tree.ts";
import { checkRelease, type ReleaseReader } from "./check-release.ts";
import { type FoundImage, findImage, type ImageChild } from "./image-children.ts";
import { keysAt, type ParsedImageFile, parseImageFile } from "./image-file.ts";
import { mapConcurrently } from "./map-concurrently.ts";
import type { ReleaseFacts } from "./plan-release.ts";
import { type ImageFile, imagePath, type Policy, type Route } from "./registry-manifest.ts";
import type { ReleaseStore } from "./release-store.ts";

const atOnce = 8;
const mostHistory = 200;

export interface FactReader extends ReleaseReader {
  readonly forge: Pick<ForgeSources, "findFile" | "fileHistory">;
  /** Remembers which drift an owner accepted; left out where nobody can have. */
  readonly releases?: Pick<ReleaseStore, "listAcceptedDrift">;
}

/**
 * Has this release been checked before? Asked only of one that production has as the file says. That it stands there is no proof: whoever may push to
 * production, and has no key, could have it signed by a file that says the same.
 */
export type WasChecked = (tag: string, digest: Digest) => boolean | Promise<boolean>;

/** For a look at what main says already, which nobody signs by. */
export const whateverStands: WasChecked = () => true;

/**
 * What {@link planRelease} must know about one image file. Reads only. `refusals` holds everything `checkRelease` said about releases that
 * production does not have yet, or that were not checked before. `deep` asks for every blob that should be there, too.
 */
export async function readReleaseFacts(
  ports: FactReader,
  commit: string,
  parsed: ParsedImageFile,
  policy: Policy,
  route: Route,
  { wasChecked, deep = false }: { readonly wasChecked: WasChecked; readonly deep?: boolean },
): Promise<ReleaseFacts & { readonly refusals: ReadonlyMap<string, Awaited<ReturnType<typeof checkRelease>>> }> {
  const file = parsed.value;
  const [source, destination] = [ports.registries.named(route.from), ports.registries.named(route.to)];
  const live = await readLive(destination, file);
  const digests = (isWanted: (tag: string) => boolean) =>
    new Set(Object.entries(file.releases).flatMap(([tag, release]) => (isWanted(tag) ? [release.digest as Digest] : [])));
  const wanted = digests((tag) => !file.withdrawn?.[tag]);
  const here = await findImages(
    destination,
    file.repository,
    digests((tag) => !file.withdrawn?.[tag] || live.has(tag)),
  );
  const standing = [...wanted].filter((digest) => here.get(digest)?.whole);
  const undamaged = deep ? await filterWhole(destination, file.repository, standing) : standing;
  const atDestination = new Set(undamaged);
  const there = await findImages(source, file.repository, new Set([...wanted].filter((digest) => !atDestination.has(digest))));
  const atSource = new Set(there.keys());
  const children = new Map<Digest, readonly ImageChild[]>();
  // An image that is not whole here has all its children named by its index, be it here or there.
  if (ports.settings.registries[route.to]?.childTags)
    for (const [digest, found] of [...there, ...here]) children.set(digest, found.children);
  const refusals = await readRefusals(ports, parsed, policy, route, { live, wasChecked });
  const refused = new Map([...refusals].map(([tag, list]) => [tag, list.map((one) => `${one.message} (${one.check})`).join("; ")]));
  const accepted = await readAccepted(ports, route.to, file, live);
  return { live, atDestination, atSource, children, accepted, refused, refusals, former: await readFormer(ports, commit, file, live) };
}

async function readLive(registry: Registry, file: ImageFile): Promise<ReadonlyMap<string, Digest>> {
  const tags = new Set([...(await registry.listTags(file.repository)), ...Object.keys(file.releases), ...Object.keys(file.floating ?? {})]);
  const found = await mapConcurrently(
    [...tags],
    atOnce,
    async (tag) => [tag, (await registry.findManifest(file.repository, tag))?.digest] as const,
  );
  return new Map(found.flatMap(([tag, digest]) => (digest === undefined ? [] : [[tag, digest] as const])));
}

/** Those of which every manifest can be read and every blob is there. */
async function filterWhole(registry: Registry, repository: string, digests: readonly Digest[]): Promise<readonly Digest[]> {
  const kept = await mapConcurrently(digests, atOnce, async (digest) =>
    (await hasWholeImage(registry, repository, digest)) ? [digest] : [],
  );
  return kept.flat();
}

/** Those that are there. What the registry has under a digest and is no image counts as absent: the checks say why. */
async function findImages(registry: Registry, repository: string, digests: ReadonlySet<Digest>): Promise<ReadonlyMap<Digest, FoundImage>> {
  const found = await mapConcurrently([...digests], atOnce, async (digest) => {
    try {
      const image = await findImage(registry, repository, digest);
      return image ? [[digest, image] as const] : [];
    } catch (error) {
      if (errorKind(error) === "transient") throw error;
      return [[digest, { whole: false, children: [] }] as const];
    }
  });
  return new Map(found.flat());
}

async function readRefusals(
  ports: FactReader,
  parsed: ParsedImageFile,
  policy: Policy,
  route: Route,
  { live, wasChecked }: { readonly live: ReadonlyMap<string, Digest>; readonly wasChecked: WasChecked },
) {
  const { repository, releases, withdrawn } = parsed.value;
  const order = keysAt(parsed, ["releases"]);
  const refusals = await mapConcurrently(order, atOnce, async (tag) => {
    const release = releases[tag];
    if (!release || withdrawn?.[tag]) return [tag, []] as const;
    const digest = release.digest as Digest;
    if (live.get(tag) === digest && (await wasChecked(tag, digest))) return [tag, []] as const;
    const previous = releases[order[order.indexOf(tag) - 1] ?? ""]?.digest as Digest | undefined;
    return [tag, await checkRelease(ports, { repository, tag, release, previous, policy, route })] as const;
  });
  return new Map(refusals.filter(([, list]) => list.length > 0));
}

/** RL7: what owners allowed; the store is read only when a floating tag stands elsewhere. */
async function readAccepted({ releases }: FactReader, registry: string, file: ImageFile, live: ReadonlyMap<string, Digest>) {
  const accepted = new Map<string, Map<Digest, string>>();
  const moving = Object.entries(file.floating ?? {}).some(
    ([tag, release]) => live.has(tag) && live.get(tag) !== file.releases[release]?.digest,
  );
  if (!moving || releases === undefined) return accepted;
  for (const { tag, digest, by } of await releases.listAcceptedDrift(registry, file.repository)) {
    accepted.set(tag, (accepted.get(tag) ?? new Map()).set(digest, by));
  }
  return accepted;
}

/** RL6: what floating tags were in former commits; git is read only when a tag stands elsewhere. */
async function readFormer(ports: FactReader, commit: string, file: ImageFile, live: ReadonlyMap<string, Digest>) {
  const moving = Object.entries(file.floating ?? {}).filter(([tag, release]) => {
    const found = live.get(tag);
    return found !== undefined && found !== file.releases[release]?.digest;
  });
  const former = new Map<string, Set<Digest>>();
  if (moving.length === 0) return former;
  const { repository } = ports.settings;
  const path = imagePath(file.repository);
  for (const old of await ports.forge.fileHistory(repository, commit, path, mostHistory)) {
    const bytes = await ports.forge.findFile(repository, old, path);
    const parsed = bytes && parseImageFile(path, bytes);
    if (!parsed?.ok) continue;
    for (const [tag, release] of Object.entries(parsed.value.floating ?? {})) {
      const digest = parsed.value.releases[release]?.digest as Digest | undefined;
      if (digest) former.set(tag, (former.get(tag) ?? new Set()).add(digest));
    }
    if (moving.every(([tag]) => former.get(tag)?.has(live.get(tag) as Digest))) break;
  }
  return former;
}
