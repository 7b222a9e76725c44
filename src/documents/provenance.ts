import type { PinnedParent } from "../builds/build-record.ts";
import { type Digest, digestHex, digestOf } from "../domain/digest.ts";
import { platformArchitecture } from "../domain/platform.ts";
import type { BuildDocument } from "./document.ts";
import { type FinishedBuild, pushedImages } from "./finished-build.ts";
import { toSeconds } from "./image-contents.ts";
import { imagePurl } from "./package-url.ts";

/** What `externalParameters` and `resolvedDependencies` hold: docs/records.md, "Provenance". A changed meaning gets a new number. */
export const buildType = "tag:flibs,2026:container-build/v1";

/**
 * SLSA provenance 1.0 (slsa.dev/spec/v1.0/provenance) in an in-toto statement v1 (github.com/in-toto/attestation, spec/v1): what was built, of
 * what, because of which request. Subjects are the manifest list and each image below it. `documents` are those made before; they are named
 * by their digests.
 */
export function provenanceStatement({ build, described, publicName, maker }: FinishedBuild, documents: readonly BuildDocument[]) {
  const repository = `${publicName}/${build.plan?.imageRepository}`;
  const page = `${maker.url}/builds/${build.id}`;
  const images = pushedImages(build);
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      { name: imagePurl(repository, described.index.digest), digest: sha256(described.index.digest) },
      ...images.map(({ digest, platform }) => ({
        name: imagePurl(repository, digest, platformArchitecture(platform)),
        digest: sha256(digest),
      })),
    ],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: externalParameters(build, described.source),
        internalParameters: {
          platforms: images.map(({ platform }) => platform),
          ...(build.plan === undefined ? {} : { labels: build.plan.labels, uniqueTag: build.plan.uniqueTag }),
        },
        resolvedDependencies: [
          { uri: `git+${described.source}`, digest: { gitCommit: build.commit } },
          // Tests and container.yaml of a stranger's pull request come from the base branch.
          ...(build.stranger === undefined ? [] : [{ uri: `git+${described.source}`, digest: { gitCommit: build.stranger.base } }]),
          ...(build.plan?.parents ?? []).map(parentDependency),
          ...(build.yumRepositories ?? []).map((uri) => ({ uri, name: "yum repository" })),
        ],
      },
      runDetails: {
        builder: { id: maker.url, version: { [maker.name]: maker.version } },
        metadata: { invocationId: page, startedOn: toSeconds(build.createdAt), finishedOn: toSeconds(described.finishedAt) },
        byproducts: documents.map(({ name, mediaType, text }) => ({
          name,
          uri: `${page}/documents/${name}`,
          mediaType,
          digest: sha256(digestOf(text)),
        })),
      },
    },
  };
}

/** Everything that a person could choose; a member that is left out was not asked for. */
function externalParameters(build: FinishedBuild["build"], source: string) {
  const { pull, architectures, isolated, release, yumRepositories, parentBuild, target } = build;
  const asked = { pull, architectures, isolated, release, yumRepositories, parentBuild, target };
  return {
    source: { uri: `git+${source}@refs/heads/${build.branch}`, commit: build.commit },
    scratch: build.scratch,
    ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
  };
}

function parentDependency({ written, pinned, digest }: PinnedParent) {
  return { uri: imagePurl(pinned.slice(0, pinned.indexOf("@")), digest), name: written, digest: sha256(digest) };
}

function sha256(digest: Digest) {
  return { sha256: digestHex(digest) };
}
