import { z } from "zod";
import type { BuildRecord } from "../builds/build-record.ts";
import type { GateAnswer } from "../builds/gate.ts";
import { answerName } from "../builds/gate-words.ts";
import { resultsOf } from "../builds/verdict.ts";
import { digestOf } from "../domain/digest.ts";
import { formatNvr } from "../domain/nvr.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";
import type { Answer } from "../gating/decide.ts";
import type { Waiver } from "../gating/waivers.ts";
import type { Attested } from "../signing/ensure-attested.ts";
import { optionalResults } from "./gates-section.ts";

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
      .array(
        z.strictObject({
          name: z.string(),
          required: z.boolean(),
          outcome: z.enum(["pass", "fail", "error", "skip", "not-run"]),
          platform: z.string().optional().describe("Architecture, where the build has several"),
          waived: z
            .strictObject({
              by: z.string().max(255),
              reason: z.string().max(1000),
              at: z.string().max(40).describe("UTC"),
              until: z.string().max(40).optional().describe("UTC"),
            })
            .optional()
            .describe("Who decided that it need not have passed, and why"),
        }),
      )
      .max(1000)
      .describe("Tests of the build and how they ended before the release"),
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

/** Of a build, and of what the gate said about it, for the record. Pure. */
export function recordedBuild(build: BuildRecord, gate: GateAnswer, url: string | undefined): Pick<PromotionRecord, "build" | "gates"> {
  const { id, nvr, repository } = build;
  const named = { ...(nvr === undefined ? {} : { nvr: formatNvr(nvr) }), ...(url === undefined ? {} : { url }) };
  const required = gate.answers
    .filter(({ testcase, kind }) => testcase !== undefined && kind in outcomes)
    .map((one) => recordedGate(build, one));
  const names = new Set(required.map(({ name }) => name));
  const results = optionalResults(build, names);
  const notRun = (build.plan?.suites ?? []).filter(({ name }) => !names.has(name) && resultsOf(name, results).length === 0);
  const optional: PromotionRecord["gates"] = [
    ...results.map(({ suite, outcome, platform }) => ({ name: suite, required: false, outcome, ...ofSeveral(build, platform) })),
    ...notRun.map(({ name }) => ({ name, required: false, outcome: "not-run" as const })),
  ];
  return { build: { id, repository, commit: build.commit, ...named }, gates: [...required, ...optional].slice(0, 1000) };
}

const outcomes: Partial<Record<Answer["kind"], PromotionRecord["gates"][number]["outcome"]>> = {
  ...{ passed: "pass", missing: "not-run", failed: "fail", errored: "error" },
};

function recordedGate({ plan }: BuildRecord, answer: Answer): PromotionRecord["gates"][number] {
  const { kind, result, architecture, waiver } = answer;
  const platform = architecture ?? result?.architecture ?? undefined;
  const outcome = kind === "missing" && result?.outcome === "INFO" ? "skip" : (outcomes[kind] ?? "not-run");
  return {
    ...{ name: answerName(answer), required: true, outcome },
    ...((plan?.platforms.length ?? 1) === 1 || platform === undefined ? {} : { platform }),
    ...(waiver === undefined ? {} : { waived: recordedWaiver(waiver) }),
  };
}

function ofSeveral({ plan }: BuildRecord, platform: Platform | undefined) {
  return platform === undefined || (plan?.platforms.length ?? 1) === 1 ? {} : { platform: rpmArchitecture(platform) };
}

function recordedWaiver({ username, comment, timestamp, expiresAt }: Waiver) {
  return { by: username.slice(0, 255), reason: comment, at: timestamp, ...(expiresAt === undefined ? {} : { until: expiresAt }) };
}

export function recordedAttestations(attested: readonly Attested[]): PromotionRecord["attestations"] {
  return attested.map(({ subject, predicateType, digest: own }) => ({ subject, predicateType, digest: own }));
}
