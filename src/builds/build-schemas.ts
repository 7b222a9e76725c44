import { z } from "zod";
import type { Finding as DomainFinding } from "../distgit/finding.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Platform as DomainPlatform } from "../domain/platform.ts";
import { GatingPolicy } from "../gating/policy.ts";
import type { BuildPlan, BuildRequested, BuiltImage, PushedParts } from "./build-record.ts";
import { LookedContents, PlannedContents } from "./contents.ts";
import { Digest } from "./digest-schema.ts";

/** Schemas of what the build flow's steps record; a newer release reads an older journal through them. */
export const Platform = z.templateLiteral([z.string(), "/", z.string()]) as unknown as z.ZodType<DomainPlatform>;
const Texts = z.record(z.string(), z.string());
const Parent = z.object({
  written: z.string(),
  pinned: z.string(),
  digest: Digest,
  stage: z.int().exactOptional(),
  platforms: z.record(Platform, Digest).exactOptional(),
  nvr: z.string().exactOptional(),
  build: z.string().exactOptional(),
});
const Target = z.object({ name: z.string(), destinationTag: z.string() });
const Suite = z.object({
  name: z.string(),
  kind: z.string(),
  file: z.string().exactOptional(),
  definition: z.unknown(),
  required: z.boolean(),
});
const Nvr = z.object({ name: z.string(), version: z.string(), release: z.string() });
const count = z.number().optional();

export const BuildRequest: z.ZodType<BuildRequested> = z.object({
  forge: z.string(),
  repository: z.string(),
  branch: z.string(),
  commit: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, "not a commit id"),
  scratch: z.boolean(),
  requestedBy: z.string(),
  pull: z.int().exactOptional(),
  stranger: z.object({ base: z.string() }).exactOptional(),
  architectures: z.array(z.string()).exactOptional(),
  isolated: z.boolean().exactOptional(),
  release: z.string().exactOptional(),
  yumRepositories: z.array(z.string()).exactOptional(),
  parentBuild: z.string().exactOptional(),
  target: z.string().exactOptional(),
  userdata: z.record(z.string(), z.unknown()).exactOptional(),
});

/** What lint and the registries told, before an NVR is taken. */
export const Facts = z.object({
  createdAt: z.string(),
  identity: z.object({ component: z.string(), name: z.string(), version: z.string(), release: z.string().exactOptional(), labels: Texts }),
  container: z.object({
    only: z.array(z.string()).exactOptional(),
    not: z.array(z.string()),
    tags: z.array(z.string()).exactOptional(),
    additionalTags: z.array(z.string()).exactOptional(),
  }),
  platforms: z.array(Platform),
  parents: z.array(Parent),
  target: Target.exactOptional(),
  suites: z.array(Suite),
  gating: z.array(GatingPolicy).exactOptional(),
  contents: LookedContents.exactOptional(),
});
export type Facts = z.infer<typeof Facts>;

const Finding: z.ZodType<DomainFinding> = z.object({
  file: z.string(),
  line: z.number().exactOptional(),
  severity: z.enum(["error", "warning"]),
  code: z.custom<ErrorCode>((value) => typeof value === "string"),
  message: z.string(),
  fix: z.string(),
});
const Findings: z.ZodType<readonly DomainFinding[]> = z.array(Finding);

/** Journals of releases that did not keep findings have null here. */
export const Linted = z.union([Findings, z.null().transform((): readonly DomainFinding[] => [])]);

/** What the registries told, or why it can't be built from what they told. */
export const Looked = z.union([z.object({ refused: Findings }), Facts.extend({ findings: Findings.exactOptional() })]);
export type Looked = z.infer<typeof Looked>;

export const Plan: z.ZodType<BuildPlan> = z.object({
  nvr: Nvr.exactOptional(),
  imageRepository: z.string(),
  platforms: z.array(Platform),
  parents: z.array(Parent),
  target: Target.exactOptional(),
  labels: Texts,
  uniqueTag: z.string(),
  primaryTag: z.string().exactOptional(),
  floatingTags: z.array(z.string()),
  contents: PlannedContents.exactOptional(),
  suites: z.array(Suite),
  gating: z.array(GatingPolicy).exactOptional(),
});

/** Undefined members are not in JSON, so they come back as undefined. */
const Rpm = z
  .object({
    name: z.string(),
    epoch: count,
    version: z.string(),
    release: z.string(),
    arch: z.string().optional(),
    license: z.string().optional(),
    sourceRpm: z.string().optional(),
    sizeBytes: count,
    sigmd5: z.string().optional(),
    vendor: z.string().exactOptional(),
    keyId: z.string().exactOptional(),
  })
  .transform((rpm) => ({
    ...rpm,
    epoch: rpm.epoch,
    arch: rpm.arch,
    license: rpm.license,
    sourceRpm: rpm.sourceRpm,
    sizeBytes: rpm.sizeBytes,
    sigmd5: rpm.sigmd5,
  }));

export const Image: z.ZodType<BuiltImage> = z.object({
  platform: Platform,
  imageId: Digest,
  sizeBytes: z.number(),
  diffIds: z.array(Digest),
  config: z.object({
    user: z.string(),
    entrypoint: z.array(z.string()),
    cmd: z.array(z.string()),
    env: z.array(z.string()),
    workingDir: z.string(),
    exposedPorts: z.array(z.string()),
    volumes: z.array(z.string()),
    stopSignal: z.string(),
    labels: Texts,
  }),
  rpms: z.array(Rpm),
  rpmProblem: z.string().exactOptional(),
  distribution: z.object({ id: z.string(), version: z.string().exactOptional() }).exactOptional(),
});

const Layer = z.object({
  digest: Digest,
  mediaType: z.string(),
  compressedBytes: z.number(),
  diffId: Digest,
  sizeBytes: z.number().exactOptional(),
});
export const Parts: z.ZodType<PushedParts> = z.object({
  mediaType: z.string(),
  layers: z.array(Layer),
  imageConfig: z.record(z.string(), z.unknown()),
  base: z.object({ written: z.string(), imageId: Digest }).exactOptional(),
});

export const Pushed = z.object({ mediaType: z.string(), digest: Digest, size: z.number() });

export const Attached = z.object({ attached: z.number(), failed: z.string().exactOptional() });

const outcome = z.enum(["pass", "fail", "error", "skip"]);
const Timed = z.object({ outcome, message: z.string(), durationMs: z.number() });
const some = z.int().exactOptional();
const LeftOut = z.object({ pass: some, fail: some, error: some, skip: some });
/** Results of older releases have neither times, nor artifacts, nor a bound. */
export const Result = Timed.extend({
  suite: z.string(),
  cases: z.array(Timed.extend({ name: z.string(), log: z.string().exactOptional() })),
  artifacts: z.array(z.string()).exactOptional(),
  final: z.boolean().exactOptional(),
  leftOut: LeftOut.exactOptional(),
  startedAt: z.string().exactOptional(),
  finishedAt: z.string().exactOptional(),
  /** It was an error, and another try follows. */
  again: z.boolean().exactOptional(),
});

export const VerdictShape = z.object({
  passed: z.boolean(),
  blocking: z.array(z.object({ suite: z.string(), outcome, message: z.string() })),
});

export const Promotion = z.object({ repository: z.string(), number: z.number() }).nullable();
