import { z } from "zod";
import type { BuildRecord } from "../builds/build-record.ts";
import { worstResult } from "../builds/verdict.ts";
import { digestOf } from "../domain/digest.ts";
import { formatNvr } from "../domain/nvr.ts";
import type { Attested } from "../signing/ensure-attested.ts";

const digest = z.templateLiteral(["sha256:", z.string().regex(/^[0-9a-f]{64}$/)]).describe("sha256 digest");
const commit = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "is not a commit id");

/** Predicate of `tag:flibs,2026:promotion/v1`: why a digest stands in a production registry. docs/attestations.md explains it. */
export const PromotionRecord = z
  .strictObject({
    digest: digest.describe("What was promoted: the manifest list, and through it every platform"),
    source: z
      .strictObject({
        registry: z.string().describe("Name in the settings"),
        reference: z.string().describe("host/repository@digest that it was copied from"),
      })
      .describe("Where it came from"),
    destination: z
      .strictObject({
        registry: z.string().describe("Name in the settings"),
        references: z.array(z.string()).max(1000).describe("Every host/repository:tag that the digest has by this release"),
      })
      .describe("Where it went"),
    manifests: z
      .strictObject({
        repository: z.string().describe("The registry-manifest repository"),
        file: z.string().describe("Image file that wanted it"),
        commit: commit.describe("Merge commit, or the commit that was pushed past pull requests"),
        pull: z
          .strictObject({ number: z.int().positive(), author: z.string().max(255) })
          .optional()
          .describe("Pull request that was merged"),
      })
      .describe("Who wanted it, in git"),
    build: z
      .strictObject({
        id: z.string(),
        nvr: z.string().optional(),
        repository: z.string().describe("dist-git repository"),
        commit: commit.describe("Commit that was built"),
        url: z.string().optional().describe("Page of the build"),
      })
      .optional()
      .describe("The build that made it, when flibs has its record"),
    gates: z
      .array(z.strictObject({ name: z.string(), required: z.boolean(), outcome: z.enum(["pass", "fail", "error", "skip", "not-run"]) }))
      .max(1000)
      .describe("Test suites of the build and how they ended before the release"),
    attestations: z
      .array(z.strictObject({ subject: digest, predicateType: z.string(), digest }))
      .max(10_000)
      .describe("Artifacts that were promoted with it, by the digest of their manifests"),
    promotedAt: z.iso.datetime().describe("UTC"),
  })
  .describe("Promotion record of flibs, version 1");
export type PromotionRecord = z.infer<typeof PromotionRecord>;

/** There is one record for each of these. */
export function recordKey(record: Pick<PromotionRecord, "digest" | "destination" | "manifests">): string {
  return digestOf(JSON.stringify([record.digest, record.destination.registry, record.manifests.commit]));
}

/** Undefined for what is no record of this version. */
export function readPromotionRecord(predicate: unknown): PromotionRecord | undefined {
  return PromotionRecord.safeParse(predicate).data;
}

/** Of a build, for the record. Pure. */
export function recordedBuild(build: BuildRecord, url: string | undefined): Pick<PromotionRecord, "build" | "gates"> {
  const { id, nvr, repository } = build;
  const named = { ...(nvr === undefined ? {} : { nvr: formatNvr(nvr) }), ...(url === undefined ? {} : { url }) };
  const suites = new Map((build.plan?.suites ?? []).map((suite) => [suite.name, suite.required]));
  const names = new Set([...suites.keys(), ...build.tests.map((test) => test.suite)]);
  const gates = [...names].map((name) => {
    const outcome = worstResult(build, name)?.outcome ?? ("not-run" as const);
    return { name, required: suites.get(name) ?? false, outcome };
  });
  return { build: { id, repository, commit: build.commit, ...named }, gates };
}

export function recordedAttestations(attested: readonly Attested[]): PromotionRecord["attestations"] {
  return attested.map(({ subject, predicateType, digest: own }) => ({ subject, predicateType, digest: own }));
}
