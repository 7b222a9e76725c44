import { digestOf } from "../../src/domain/digest.ts";
import { type Artifact, parseArtifact } from "../../src/registry/artifact-manifest.ts";
import type { ReferrerRegistry } from "../../src/registry/referrers.ts";
import type { Manifest } from "../../src/registry/registry.ts";

/** What a registry in memory needs for attached artifacts: it keeps its own list of referrers, as registries of OCI 1.1 do. */
export function fakeReferrers(manifests: Map<string, Manifest>, keyOf: (repository: string, digest: string) => string) {
  const artifacts: { readonly repository: string; readonly artifact: Artifact; readonly manifest: Manifest }[] = [];
  return {
    artifacts,
    putReferrer: async (repository, manifest) => {
      if (digestOf(manifest.bytes) !== manifest.digest) throw new Error(`${manifest.digest} has other bytes`);
      const artifact = parseArtifact(manifest);
      const key = keyOf(repository, manifest.digest);
      if (!manifests.has(key)) artifacts.push({ repository, artifact, manifest });
      manifests.set(key, manifest);
      return true;
    },
    listReferrers: async (repository, subject) =>
      artifacts
        .filter((one) => one.repository === repository && one.artifact.subject.digest === subject)
        .map(({ artifact: { artifactType, annotations }, manifest: { mediaType, digest, bytes } }) => {
          return { mediaType, digest, size: bytes.length, artifactType, annotations };
        }),
  } satisfies Pick<ReferrerRegistry, "putReferrer" | "listReferrers"> & { artifacts: unknown };
}
