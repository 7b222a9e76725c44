import type { Digest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import { severalAtOnce } from "../domain/several-at-once.ts";
import { largestArtifactManifest, parseArtifact } from "../registry/artifact-manifest.ts";
import { ensureListed, storeArtifact, takingBlobsOnce } from "../registry/attach-artifact.ts";
import type { ReferrerRegistry } from "../registry/referrers.ts";
import type { Manifest, ReferrerDescriptor } from "../registry/registry.ts";
import type { Turns } from "../registry/turns.ts";
import { type AttestationKey, hintOf, isSignedBy, signingKeys, signStatement } from "./dsse.ts";
import { bundleType, formatBundle, parseBundle } from "./sigstore-bundle.ts";
import { artifactOf, keyAnnotation, predicateAnnotation, type WantedAttestation } from "./wanted-attestation.ts";

/** A repository that things are attached in. */
export interface AttestationPlace {
  readonly registry: ReferrerRegistry;
  readonly turns: Turns;
  readonly repository: string;
}

/** One artifact that is there and says what was wanted. */
export interface Attested {
  readonly subject: Digest;
  readonly predicateType: string;
  /** Of the artifact's manifest. */
  readonly digest: Digest;
  /** False when it was there before. */
  readonly added: boolean;
}

/** An artifact with its blob. */
export interface FoundArtifact {
  readonly artifact: Manifest;
  readonly blob: Uint8Array;
}

/** Entries with our mark that are read for one statement: more are somebody's who wants us to read for ever. */
const mostRead = 16;
/** Each is a dozen requests that wait for each other, and has a document of some megabytes in memory. */
const attestedAtOnce = 4;
/** A bundle is base64 and a few names around its statement. */
const bundleFrame = 4096;

/**
 * Sees to it that each statement is attached, signed by each key of the stage that signs, or as a bare document where it has none. Looks first,
 * so it may be repeated.
 */
export async function ensureAttested(
  place: AttestationPlace,
  keys: readonly AttestationKey[],
  wanted: readonly WantedAttestation[],
  signal: AbortSignal,
): Promise<readonly Attested[]> {
  const signing = signingKeys(keys);
  const ways: readonly (AttestationKey | undefined)[] = signing.length === 0 ? [undefined] : signing;
  const list = listingsOf(place);
  const registry = takingBlobsOnce(place.registry);
  const unlisted: Manifest[] = [];
  const listAll = () => ensureListed(place.registry, place.turns, place.repository, unlisted, signal);
  const ensureOne = async (one: WantedAttestation, key: AttestationKey | undefined) => {
    signal.throwIfAborted();
    const found = await findAttested(place, one, key, await list(one.subject.digest));
    const { artifact, blob } = found ?? artifactOf(one, key && formatBundle(await signStatement(key, one.statement, signal)));
    const isListed = found === undefined && (await storeArtifact(registry, place.repository, artifact, blob));
    if (!isListed) unlisted.push(artifact);
    return { subject: one.subject.digest, predicateType: one.predicateType, digest: artifact.digest, added: found === undefined };
  };
  const pieces = wanted.flatMap((one) => ways.map((key) => () => ensureOne(one, key)));
  const all = await severalAtOnce(attestedAtOnce, pieces).catch(async (error: unknown) => {
    // What is there already is found the next time, and not made and kept once more.
    await listAll().catch(() => {});
    throw error;
  });
  await listAll();
  return all;
}

/** Lists of referrers, each asked for once. */
export function listingsOf({ registry, repository }: Pick<AttestationPlace, "registry" | "repository">) {
  const asked = new Map<Digest, Promise<readonly ReferrerDescriptor[]>>();
  return (subject: Digest): Promise<readonly ReferrerDescriptor[]> => {
    const known = asked.get(subject) ?? registry.listReferrers(repository, subject);
    asked.set(subject, known);
    return known;
  };
}

/**
 * The artifact among some referrers that says exactly what is wanted, about that subject, verified by the key, or without a key the bare document.
 * Everything in the registry may be anybody's: what differs by a byte is not it.
 */
export async function findAttested(
  place: Pick<AttestationPlace, "registry" | "repository">,
  wanted: WantedAttestation,
  key: AttestationKey | undefined,
  referrers: readonly ReferrerDescriptor[],
): Promise<FoundArtifact | undefined> {
  const type = key === undefined ? wanted.unsigned.mediaType : bundleType;
  for (const entry of referrers.filter((one) => isMarked(one, wanted, type)).slice(0, mostRead)) {
    const found = await readCandidate(place, wanted, key, entry).catch((error: unknown) => {
      // Not there, not readable, too large, other bytes than promised: not ours.
      if (isAppError(error) && error.kind !== "transient" && error.kind !== "denied") return undefined;
      throw error;
    });
    if (found !== undefined) return found;
  }
  return undefined;
}

function isMarked({ artifactType, annotations, size }: ReferrerDescriptor, wanted: WantedAttestation, type: string): boolean {
  if (artifactType !== type || size > largestArtifactManifest) return false;
  return annotations?.[keyAnnotation] === wanted.key && annotations[predicateAnnotation] === wanted.predicateType;
}

async function readCandidate(
  { registry, repository }: Pick<AttestationPlace, "registry" | "repository">,
  wanted: WantedAttestation,
  key: AttestationKey | undefined,
  entry: ReferrerDescriptor,
): Promise<FoundArtifact | undefined> {
  const artifact = await registry.readManifest(repository, entry.digest);
  const { layer } = parseArtifact(artifact);
  const most = Math.ceil((Buffer.byteLength(wanted.statement) * 4) / 3) + Buffer.byteLength(wanted.unsigned.text) + bundleFrame;
  if (layer.size > most) return undefined;
  const blob = await registry.readBlob(repository, layer.digest, most);
  // The same bytes as we would write: nobody's annotations, layers or subjects come along.
  if (artifactOf(wanted, key && blob).artifact.digest !== artifact.digest) return undefined;
  if (key === undefined) return { artifact, blob };
  const bundle = parseBundle(blob);
  // Nor comes anything along inside the bundle, around what was signed.
  if (!formatBundle({ ...bundle, hint: hintOf(key) }).equals(blob)) return undefined;
  const isSame = bundle.payload.equals(Buffer.from(wanted.statement));
  return isSame && isSignedBy(bundle, key) ? { artifact, blob } : undefined;
}
