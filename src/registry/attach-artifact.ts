import PQueue from "p-queue";
import { type Digest, digestOf } from "../domain/digest.ts";
import { appError, isAppError } from "../domain/errors.ts";
import { severalAtOnce } from "../domain/several-at-once.ts";
import { emptyConfig, parseArtifact } from "./artifact-manifest.ts";
import { addReferrer, digestsIn, dropReferrers, fallbackTag, keepTag } from "./referrer-index.ts";
import type { ReferrerRegistry } from "./referrers.ts";
import type { Manifest, ReferrerDescriptor } from "./registry.ts";
import type { Turns } from "./turns.ts";

const mostTries = 5;
const subjectsAtOnce = 4;
/** Entries of others that are looked for when the registry refuses the list; more than that is nobody's honest list. */
const mostLooks = 1000;
const looksAtOnce = 8;

/**
 * Puts an artifact and its blob beside the image that it is about. Tells whether the registry keeps the list of referrers itself, which has it then; else it
 * is for {@link ensureListed} to see to that. Safe to repeat: what is there already stays. Throws `registry.manifest-invalid` for what is no artifact.
 */
export async function storeArtifact(
  registry: ReferrerRegistry,
  repository: string,
  artifact: Manifest,
  blob: Uint8Array,
): Promise<boolean> {
  parseArtifact(artifact);
  const put = async () => {
    await registry.putBlob(repository, emptyConfig);
    await registry.putBlob(repository, blob);
    return await registry.putReferrer(repository, artifact);
  };
  // Refused, it is tried once more: whoever else puts one of the blobs in the same moment makes it unknown for an instant (`takingBlobsOnce`).
  const isListed = await put().catch(async (error: unknown) => {
    if (!isAppError(error) || error.code !== "registry.refused") throw error;
    return await put();
  });
  if (isListed) return true;
  const tag = keepTag(artifact.digest);
  if ((await registry.findManifest(repository, tag))?.digest !== artifact.digest) await registry.putManifest(repository, tag, artifact);
  return false;
}

/**
 * The same registry, which takes each blob once, however many artifacts name it at a time. docker-registry writes the link of a blob that comes again
 * anew, and not at once: a manifest that names the blob in that instant is refused, its blob being unknown.
 */
export function takingBlobsOnce(registry: ReferrerRegistry): ReferrerRegistry {
  const taken = new Map<string, Promise<Digest>>();
  return {
    ...registry,
    putBlob(repository, bytes) {
      const key = `${repository}@${digestOf(bytes)}`;
      const put = taken.get(key) ?? registry.putBlob(repository, bytes);
      taken.set(key, put);
      return put;
    },
  };
}

/**
 * Sees to it that the lists of referrers have artifacts that are stored, all of one image with one change; others' entries of a fallback tag stay. Looks
 * again afterwards: a process that was killed may have had a list on its way to the registry, from before these entries, which arrives last and takes
 * them away. Throws `registry.manifest-invalid` when something that is no list stands at that tag, `registry.referrers-contended` when
 * others change it all the time.
 */
export async function ensureListed(
  registry: ReferrerRegistry,
  turns: Turns,
  repository: string,
  artifacts: readonly Manifest[],
  signal: AbortSignal,
): Promise<void> {
  const entries = new Map<Digest, ReferrerDescriptor[]>();
  for (const artifact of artifacts) {
    const { subject, artifactType, annotations } = parseArtifact(artifact);
    const entry = { mediaType: artifact.mediaType, digest: artifact.digest, size: artifact.bytes.length, artifactType, annotations };
    entries.set(subject.digest, [...(entries.get(subject.digest) ?? []), entry]);
  }
  const subjects = [...entries].map(
    ([subject, wanted]) =>
      () =>
        ensureEntries(registry, turns, repository, subject, wanted, signal),
  );
  await severalAtOnce(subjectsAtOnce, subjects);
}

async function ensureEntries(
  registry: ReferrerRegistry,
  turns: Turns,
  repository: string,
  subject: Digest,
  wanted: readonly ReferrerDescriptor[],
  signal: AbortSignal,
): Promise<void> {
  for (let change = 0; change < mostTries; change += 1) {
    signal.throwIfAborted();
    const listed = new Set((await registry.listReferrers(repository, subject)).map(({ digest }) => digest));
    const lacking = wanted.filter(({ digest }) => !listed.has(digest));
    if (lacking.length === 0) return;
    const turn = `referrers ${registry.endpoint}/${repository}@${subject}`;
    // Where the tag has them, it is the registry's own list that has not: nothing more can be done about that.
    if (!(await turns.take(turn, () => addToFallback(registry, repository, subject, lacking)))) return;
  }
  throw contended(registry, repository, subject);
}

/** False when all were there. A writer outside flibs takes no turns, and one of two updates at once is lost: the next look tells. */
async function addToFallback(
  registry: ReferrerRegistry,
  repository: string,
  subject: Digest,
  entries: readonly ReferrerDescriptor[],
): Promise<boolean> {
  const tag = fallbackTag(subject);
  const before = await findList(registry, repository, tag);
  let after = before;
  for (const entry of entries) after = addReferrer(after, entry) ?? after;
  if (after === undefined || after === before) return false;
  try {
    await putList(registry, repository, tag, after);
  } catch (error) {
    // Read back as something else: somebody wrote in between.
    if (!isAppError(error) || error.code !== "registry.digest-mismatch") throw error;
  }
  return true;
}

function contended({ endpoint }: ReferrerRegistry, repository: string, subject: Digest): Error {
  return appError(
    "registry.referrers-contended",
    `${endpoint}/${repository}:${fallbackTag(subject)} is changed by somebody else all the time`,
  );
}

async function putList(registry: ReferrerRegistry, repository: string, tag: string, list: Manifest): Promise<void> {
  try {
    await registry.putManifest(repository, tag, list);
  } catch (error) {
    if (!isAppError(error) || error.code !== "registry.refused") throw error;
    const gone = await findGone(registry, repository, list);
    if (gone.size === 0) throw error;
    await registry.putManifest(repository, tag, dropReferrers(list, gone));
  }
}

async function findList(registry: ReferrerRegistry, repository: string, tag: string): Promise<Manifest | undefined> {
  const found = await registry.findManifest(repository, tag);
  return found && (await registry.readManifest(repository, tag));
}

/** Registries refuse a list with an entry that is not there any more; such an entry leads nowhere and is left out. */
async function findGone(registry: ReferrerRegistry, repository: string, list: Manifest): Promise<ReadonlySet<Digest>> {
  const digests = digestsIn(list);
  const gone = new Set<Digest>();
  if (digests.length > mostLooks) return gone;
  const queue = new PQueue({ concurrency: looksAtOnce });
  await queue.addAll(
    digests.map((digest) => async () => {
      if ((await registry.findManifest(repository, digest)) === undefined) gone.add(digest);
    }),
  );
  return gone;
}
