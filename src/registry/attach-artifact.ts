import PQueue from "p-queue";
import type { Digest } from "../domain/digest.ts";
import { appError, isAppError } from "../domain/errors.ts";
import { emptyConfig, parseArtifact } from "./artifact-manifest.ts";
import { addReferrer, digestsIn, dropReferrers, fallbackTag, keepTag } from "./referrer-index.ts";
import type { ReferrerRegistry } from "./referrers.ts";
import type { Manifest, ReferrerDescriptor } from "./registry.ts";
import type { Turns } from "./turns.ts";

const mostTries = 5;
/** Entries of others that are looked for when the registry refuses the list; more than that is nobody's honest list. */
const mostLooks = 1000;
const looksAtOnce = 8;

/**
 * Puts an artifact and its blob beside the image that it is about, and sees to it that the list of referrers has it. Safe to repeat: what is there
 * already stays, others' entries of a fallback tag too. Throws `registry.manifest-invalid` when something that is no list stands at that tag,
 * `registry.referrers-contended` when others change it all the time.
 */
export async function attachArtifact(
  registry: ReferrerRegistry,
  turns: Turns,
  repository: string,
  artifact: Manifest,
  blob: Uint8Array,
): Promise<void> {
  const { subject, artifactType, annotations } = parseArtifact(artifact);
  await registry.putBlob(repository, emptyConfig);
  await registry.putBlob(repository, blob);
  if (await registry.putReferrer(repository, artifact)) return;
  const tag = keepTag(artifact.digest);
  if ((await registry.findManifest(repository, tag))?.digest !== artifact.digest) await registry.putManifest(repository, tag, artifact);
  const entry = { mediaType: artifact.mediaType, digest: artifact.digest, size: artifact.bytes.length, artifactType, annotations };
  // Last, so that whatever is on the list is whole and kept.
  const turn = `referrers ${registry.endpoint}/${repository}@${subject.digest}`;
  await turns.take(turn, () => updateFallback(registry, repository, subject.digest, entry));
}

/** Read, add, write, read again: a writer outside flibs takes no turns, and one of two updates at once is lost. Ours is then made again. */
async function updateFallback(registry: ReferrerRegistry, repository: string, subject: Digest, entry: ReferrerDescriptor): Promise<void> {
  const tag = fallbackTag(subject);
  for (let attempt = 0; attempt < mostTries; attempt += 1) {
    const before = await findList(registry, repository, tag);
    const after = addReferrer(before, entry);
    if (after === undefined) return;
    try {
      await putList(registry, repository, tag, after);
    } catch (error) {
      // Read back as something else: somebody wrote in between. The next look tells whether our entry is in it.
      if (!isAppError(error) || error.code !== "registry.digest-mismatch") throw error;
    }
  }
  throw appError("registry.referrers-contended", `${registry.endpoint}/${repository}:${tag} is changed by somebody else all the time`);
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
