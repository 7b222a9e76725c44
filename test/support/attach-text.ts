import { digestOf } from "../../src/domain/digest.ts";
import { formatArtifact } from "../../src/registry/artifact-manifest.ts";
import { ensureListed, storeArtifact } from "../../src/registry/attach-artifact.ts";
import type { ReferrerRegistry } from "../../src/registry/referrers.ts";
import type { ManifestDescriptor } from "../../src/registry/registry.ts";
import { type Turns, turnsOfOneProcess } from "../../src/registry/turns.ts";

/** Attaches a few words to an image; gives the artifact's descriptor. */
export async function attachText(
  registry: ReferrerRegistry,
  repository: string,
  subject: ManifestDescriptor,
  text: string,
  artifactType: string,
  turns: Turns = turnsOfOneProcess(),
): Promise<ManifestDescriptor> {
  const blob = Buffer.from(text);
  const layer = { mediaType: artifactType, digest: digestOf(blob), size: blob.length };
  const artifact = formatArtifact({ artifactType, subject, layer, annotations: { length: String(blob.length) } });
  const isListed = await storeArtifact(registry, repository, artifact, blob);
  if (!isListed) await ensureListed(registry, turns, repository, [artifact], new AbortController().signal);
  return { mediaType: artifact.mediaType, digest: artifact.digest, size: artifact.bytes.length };
}
