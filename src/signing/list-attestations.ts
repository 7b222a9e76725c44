import type { Digest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import { largestArtifactManifest, parseArtifact } from "../registry/artifact-manifest.ts";
import type { ReferrerDescriptor, Registry } from "../registry/registry.ts";
import { type AttestationKey, isSignedBy } from "./dsse.ts";
import { readImageDigests } from "./image-digests.ts";
import { bundleType, parseBundle, statementType } from "./sigstore-bundle.ts";
import { isAbout, parseStatement } from "./statement.ts";

/** Keys by the name of the registry that they sign for. */
export type NamedKeys = readonly { readonly registry: string; readonly keys: readonly AttestationKey[] }[];

/** One artifact beside an image, judged. */
export interface ListedAttestation {
  readonly subject: Digest;
  /** `index`, or the platform. */
  readonly what: string;
  readonly artifactType: string;
  /** Of the artifact's manifest. */
  readonly digest: Digest;
  /** Bytes of what is attached; undefined when the manifest cannot be read. */
  readonly size: number | undefined;
  /** Of the statement in a bundle; of anything else what its annotation claims. */
  readonly predicateType: string | undefined;
  /** `signed`: by a key of ours, and about this digest. `unsigned`: no signature is there. `bad`: it must not be believed. `foreign`: of a kind that flibs does not judge. */
  readonly verdict: "signed" | "unsigned" | "bad" | "foreign";
  /** One sentence. */
  readonly message: string;
}

export interface ImageAttestations {
  readonly digest: Digest;
  readonly attestations: readonly ListedAttestation[];
  /** Artifacts beyond {@link mostJudged}, which nobody looked at. */
  readonly left: number;
}

const mostJudged = 500;
/** Bills of materials have some megabytes. */
export const largestAttestation = 64 * 1024 * 1024;
const bareTypes = [statementType, "application/spdx+json", "application/vnd.cyclonedx+json"];

/**
 * Everything that is attached to an image and to its platforms, each bundle verified. Whatever is wrong with one of them is its verdict; throws
 * what the registry throws.
 */
export async function listAttestations(
  registry: Registry,
  repository: string,
  reference: string,
  keys: NamedKeys,
): Promise<ImageAttestations> {
  const parts = await readImageDigests(registry, repository, reference);
  const attestations: ListedAttestation[] = [];
  let left = 0;
  for (const { digest, what } of parts) {
    for (const entry of await registry.listReferrers(repository, digest)) {
      if (attestations.length >= mostJudged) left += 1;
      else attestations.push(await judge(registry, repository, { digest, what }, entry, keys));
    }
  }
  return { digest: parts[0]?.digest as Digest, attestations, left };
}

/** What is attached, byte for byte. Throws `registry.manifest-invalid`, `registry.blob-too-large` and what the registry throws. */
export async function readAttestation(
  registry: Registry,
  repository: string,
  digest: Digest,
): Promise<{ blob: Uint8Array; artifactType: string }> {
  const { layer, artifactType } = parseArtifact(await registry.readManifest(repository, digest));
  return { blob: await registry.readBlob(repository, layer.digest, largestAttestation), artifactType };
}

async function judge(
  registry: Registry,
  repository: string,
  { digest: subject, what }: { readonly digest: Digest; readonly what: string },
  entry: ReferrerDescriptor,
  keys: NamedKeys,
): Promise<ListedAttestation> {
  const artifactType = entry.artifactType ?? "";
  const claimed = entry.annotations?.["dev.sigstore.bundle.predicateType"];
  const base = { subject, what, artifactType, digest: entry.digest, size: undefined, predicateType: claimed };
  const isBare = bareTypes.includes(artifactType);
  if (artifactType !== bundleType && !isBare) return { ...base, verdict: "foreign", message: "not of a kind that flibs attaches" };
  if (entry.size > largestArtifactManifest) return { ...base, verdict: "bad", message: `its manifest has ${entry.size} bytes` };
  try {
    const artifact = parseArtifact(await registry.readManifest(repository, entry.digest));
    const found = { ...base, artifactType: artifact.artifactType, size: artifact.layer.size };
    const bad = (message: string) => ({ ...found, verdict: "bad" as const, message });
    if (artifact.subject.digest !== subject) return bad(`it is about ${artifact.subject.digest}`);
    if (artifact.artifactType !== artifactType) return bad(`the list calls it ${artifactType}`);
    if (isBare) return { ...found, verdict: "unsigned", message: "no signature, anybody may have written it" };
    const bundle = parseBundle(await registry.readBlob(repository, artifact.layer.digest, largestAttestation));
    const signer = keys.find((one) => one.keys.some((key) => isSignedBy(bundle, key)));
    if (signer === undefined) return bad("signed by no key of the settings");
    const statement = parseStatement(bundle.payload);
    if (!isAbout(statement, subject)) return bad("its statement is about another image");
    return { ...found, predicateType: statement.predicateType, verdict: "signed", message: `signed by the ${signer.registry} key` };
  } catch (error) {
    if (!isAppError(error) || error.kind === "transient" || error.kind === "denied") throw error;
    return { ...base, verdict: "bad", message: error.message };
  }
}
