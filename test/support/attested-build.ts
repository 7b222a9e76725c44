import type { BuildPlan, BuildRecord } from "../../src/builds/build-record.ts";
import { resultName } from "../../src/builds/verdict.ts";
import type { BuildDocument } from "../../src/documents/document.ts";
import { provenanceName, sbomNames } from "../../src/documents/document-names.ts";
import type { Digest } from "../../src/domain/digest.ts";
import type { Platform } from "../../src/domain/platform.ts";
import { predicateTypes } from "../../src/signing/predicate-types.ts";
import { formatStatement } from "../../src/signing/statement.ts";

/**
 * A build's record with the digests of its platforms' images, and the documents that are attached. Small ones: what they say is the documents' own
 * tests' matter.
 */
export function documentedBuild(
  build: BuildRecord,
  children: readonly Digest[],
): { build: BuildRecord; documents: readonly BuildDocument[] } {
  const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64"];
  const images = children.flatMap((digest, i) => {
    const [image] = build.images;
    return image === undefined ? [] : [{ ...image, platform: platforms[i] ?? ("linux/s390x" as const), digest }];
  });
  const arches = ["x86_64", "aarch64"].slice(0, children.length);
  const boms = arches.flatMap((arch) => [
    {
      name: sbomNames.spdx(arch),
      mediaType: "application/spdx+json",
      text: `{\n  "spdxVersion": "SPDX-2.3",\n  "name": "${build.id} ${arch}"\n}\n`,
    },
    {
      name: sbomNames.cyclonedx(arch),
      mediaType: "application/vnd.cyclonedx+json; version=1.6",
      text: `{"bomFormat": "CycloneDX", "of": "${build.id} ${arch}"}\n`,
    },
  ]);
  const digest = build.digest as Digest;
  const statement = JSON.parse(formatStatement("pkg:oci/app", digest, predicateTypes.provenance, { of: build.id }));
  for (const child of children) statement.subject.push({ name: "child", digest: { sha256: child.slice("sha256:".length) } });
  const provenance = { name: provenanceName, mediaType: "application/vnd.in-toto+json", text: `${JSON.stringify(statement)}\n` };
  const plan = build.plan && { ...build.plan, platforms: platforms.slice(0, children.length) };
  const tests = build.tests.flatMap((one) =>
    (plan?.platforms ?? []).map((platform) => ({ ...one, suite: resultName(plan as BuildPlan, one.suite, platform) })),
  );
  return { build: { ...build, images, tests, ...(plan === undefined ? {} : { plan }) }, documents: [...boms, provenance] };
}
