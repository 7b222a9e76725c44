import type { Digest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import { largestArtifactManifest, parseArtifact } from "../registry/artifact-manifest.ts";
import type { ReferrerDescriptor } from "../registry/registry.ts";
import { type AttestationKey, isSignedBy } from "../signing/dsse.ts";
import type { AttestationPlace } from "../signing/ensure-attested.ts";
import { predicateTypes } from "../signing/predicate-types.ts";
import { bundleType, parseBundle, statementType } from "../signing/sigstore-bundle.ts";
import { isAbout, parseStatement } from "../signing/statement.ts";
import { keyAnnotation, predicateAnnotation } from "../signing/wanted-attestation.ts";
import { type PromotionRecord, readPromotionRecord, recordKey } from "./promotion-record.ts";

/** Records have a list of attestations and of tags, and no texts of anybody. */
const largestRecord = 4 * 1024 * 1024;
const mostRead = 16;

/** A record, and the statement that it stands in, byte for byte: written again it might be another one. */
export interface FoundRecord {
  readonly record: PromotionRecord;
  readonly statement: string;
}

/** The record of a promotion that is attached already, verified by one of the keys (undefined: a bare statement counts). */
export async function findPromotionRecord(
  place: Pick<AttestationPlace, "registry" | "repository">,
  subject: Digest,
  key: string,
  ways: readonly (AttestationKey | undefined)[],
): Promise<FoundRecord | undefined> {
  const marked = (await place.registry.listReferrers(place.repository, subject)).filter((one) => isMarked(one, key));
  for (const entry of marked.slice(0, mostRead)) {
    const found = await readRecord(place, subject, entry, ways).catch((error: unknown) => {
      if (isAppError(error) && error.kind !== "transient" && error.kind !== "denied") return undefined;
      throw error;
    });
    if (found !== undefined && recordKey(found.record) === key) return found;
  }
  return undefined;
}

function isMarked({ artifactType, annotations, size }: ReferrerDescriptor, key: string): boolean {
  if ((artifactType !== bundleType && artifactType !== statementType) || size > largestArtifactManifest) return false;
  return annotations?.[keyAnnotation] === key && annotations[predicateAnnotation] === predicateTypes.promotion;
}

async function readRecord(
  { registry, repository }: Pick<AttestationPlace, "registry" | "repository">,
  subject: Digest,
  entry: ReferrerDescriptor,
  ways: readonly (AttestationKey | undefined)[],
): Promise<FoundRecord | undefined> {
  const artifact = parseArtifact(await registry.readManifest(repository, entry.digest));
  if (artifact.layer.size > largestRecord || artifact.subject.digest !== subject) return undefined;
  const blob = await registry.readBlob(repository, artifact.layer.digest, largestRecord);
  const payload = artifact.artifactType === bundleType ? verifiedPayload(blob, ways) : ways.includes(undefined) ? blob : undefined;
  if (payload === undefined) return undefined;
  const statement = parseStatement(payload);
  const isOurs = statement.predicateType === predicateTypes.promotion && isAbout(statement, subject);
  const record = isOurs ? readPromotionRecord(statement.predicate) : undefined;
  return record?.digest === subject ? { record, statement: Buffer.from(payload).toString("utf8") } : undefined;
}

function verifiedPayload(blob: Uint8Array, ways: readonly (AttestationKey | undefined)[]): Buffer | undefined {
  const bundle = parseBundle(blob);
  return ways.some((key) => key !== undefined && isSignedBy(bundle, key)) ? bundle.payload : undefined;
}
