import { attestedDocuments, attestedImage, attestedNames } from "../documents/attested-documents.ts";
import type { Digest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import type { AttestationKey } from "../signing/dsse.ts";
import { type AttestationPlace, ensureAttested } from "../signing/ensure-attested.ts";
import type { BuildPorts } from "./build-ports.ts";

/** Where the candidates' attestations go, and the keys that sign them. */
export type CandidateAttestations = Omit<AttestationPlace, "repository"> & { readonly keys: readonly AttestationKey[] };

/**
 * Attaches what the build's documents say to the candidate and each of its platforms; gives how many artifacts there are, and why not when the
 * registry wants none. That is told and no reason to have no candidate: the documents are kept, and a release attaches them again.
 */
export async function attachDocuments(
  ports: BuildPorts,
  id: string,
  index: Digest,
  signal: AbortSignal,
): Promise<{ attached: number; failed?: string }> {
  const { builds, candidate, attestations } = ports;
  const build = await builds.find(id);
  if (build?.plan === undefined) throw new Error(`build ${id} has no record or no plan when it is attested`);
  const repository = build.plan.imageRepository;
  try {
    const found = await Promise.all(attestedNames(build.plan.platforms).map((name) => builds.findDocument(id, name)));
    const documents = found.filter((one) => one !== undefined);
    const image = attestedImage(await attestations.registry.readManifest(repository, index));
    const wanted = attestedDocuments(build, documents, image, candidate.publicName);
    const attached = await ensureAttested({ ...attestations, repository }, attestations.keys, wanted, signal);
    return { attached: attached.length };
  } catch (error) {
    if (signal.aborted || !isAppError(error) || error.kind === "transient" || error.kind === "stale") throw error;
    ports.log.warn({ build: id, repository, error: error.message }, "nothing could be attached to a candidate");
    return { attached: 0, failed: error.message };
  }
}
