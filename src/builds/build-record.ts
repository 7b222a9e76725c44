import type { Finding } from "../distgit/finding.ts";
import type { BuildDocument } from "../documents/document.ts";
import type { Digest } from "../domain/digest.ts";
import type { ErrorReport } from "../domain/errors.ts";
import type { Nvr } from "../domain/nvr.ts";
import type { Platform } from "../domain/platform.ts";
import type { ImageConfig } from "../engines/engine.ts";
import type { BoundedResult } from "../gating/bound-result.ts";
import type { GatingPolicy } from "../gating/policy.ts";
import type { ResultData } from "../gating/resultsdb-data.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { Transaction } from "../workflow/step.ts";
import type { PlannedContents } from "./contents.ts";
import type { ChooseRelease } from "./next-release.ts";

/** What was asked for; the intent of the build flow. */
export interface BuildRequested {
  readonly forge: string;
  /** `containers/cockpit` */
  readonly repository: string;
  readonly branch: string;
  /** Frozen: everything of the build is read from this commit. */
  readonly commit: string;
  /** Stops after the tests, takes no NVR, writes only the unique tag. */
  readonly scratch: boolean;
  readonly requestedBy: string;
  /** Pull request that asked for it, when there is one. */
  readonly pull?: number;
  /**
   * The pull request is of somebody who may not write here: container.yaml and tests are read from `base`, a commit of the base branch, and the
   * image is neither signed nor pushed to where anything else reads.
   */
  readonly stranger?: { readonly base: string };
  /** Only these, as container.yaml writes them (`x86_64` or `amd64`); only of scratch and isolated builds. All of the repository's when left out. */
  readonly architectures?: readonly string[];
  /**
   * A build beside the line of releases, for a fix to an older one: it needs a `release` of its own and moves no floating tag. Never together
   * with scratch. False when left out.
   */
  readonly isolated?: boolean;
  /** R of the NVR; wins over the label. Counted up by flibs when neither is given. Of a scratch build only the label's value. */
  readonly release?: string;
  /** Addresses of `.repo` files, put into every stage while it is built; never of strangers' pull requests. */
  readonly yumRepositories?: readonly string[];
  /** NVR of the build whose image takes the place of the last stage's base image; never of strangers' pull requests. */
  readonly parentBuild?: string;
  /** Name of the target; that of the branch when left out. */
  readonly target?: string;
  /** Whatever the person wants to have kept with the build; Koji's `custom_user_metadata`. */
  readonly userdata?: Readonly<Record<string, unknown>>;
}

/** The part of a request that the store keeps as one value: what a person may ask for beside the commit. */
export type BuildOptions = Pick<BuildRequested, "isolated" | "release" | "yumRepositories" | "parentBuild" | "target" | "userdata">;

/** Koji's build states, in words. */
export type BuildState = "building" | "complete" | "failed" | "cancelled";

/** One FROM, resolved: written name, mirror it was read from, digest it was pinned to. Of older releases only these three are known. */
export interface PinnedParent {
  /** As it stands in the Dockerfile. */
  readonly written: string;
  /** `registry/repository@sha256:…` the engine pulls. */
  readonly pinned: string;
  readonly digest: Digest;
  /** Only the FROM of the stage with this index is meant; every FROM with that name when left out. */
  readonly stage?: number;
  /** When the image is a manifest list: digest of the image of each platform that it has. */
  readonly platforms?: Readonly<Record<Platform, Digest>>;
  /** `name-version-release`, of the build that was made here or as the labels tell. */
  readonly nvr?: string;
  /** Id of the build, when the image was built here. */
  readonly build?: string;
}

/** A build's target, as the settings had it when the build was planned. */
export interface PlannedTarget {
  readonly name: string;
  readonly destinationTag: string;
}

/** Everything decided before the engine is asked; plain JSON, shown on the page and by `--dry-run`. */
export interface BuildPlan {
  /** Undefined for scratch builds. */
  readonly nvr?: Nvr;
  /** Repository in the candidate registry: the `name` label, of a stranger's pull request below `untrusted/`. */
  readonly imageRepository: string;
  readonly platforms: readonly Platform[];
  readonly parents: readonly PinnedParent[];
  /** Where the build is tagged into when it is complete; undefined when none is for its branch. */
  readonly target?: PlannedTarget;
  /** Added in one LABEL line at the end, the same for all platforms but `architecture`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly uniqueTag: string;
  /** `{version}-{release}`; undefined for scratch builds. */
  readonly primaryTag?: string;
  /** In the order in which they are written; `latest` last. */
  readonly floatingTags: readonly string[];
  /** What goes into the image beside the repository's files; plans of older releases have none. */
  readonly contents?: PlannedContents;
  readonly suites: readonly TestSuite[];
  /** Policies of gating.yaml at the commit; undefined when it has none. */
  readonly gating?: readonly GatingPolicy[];
}

/** An installed RPM as the image's own database tells it. */
export interface InstalledRpm {
  readonly name: string;
  readonly epoch: number | undefined;
  readonly version: string;
  readonly release: string;
  readonly arch: string | undefined;
  readonly license: string | undefined;
  readonly sourceRpm: string | undefined;
  readonly sizeBytes: number | undefined;
  /** Hex. */
  readonly sigmd5: string | undefined;
  /** Who distributes it, as `Fedora Project`. */
  readonly vendor?: string;
  /** Key that the package says it is signed with: 16 hex digits, not verified. Absent for an unsigned package and in older records. */
  readonly keyId?: string;
}

/** The part of an image's os-release that names packages' origin. */
export interface Distribution {
  /** `fedora`, `rhel` */
  readonly id: string;
  /** `42` */
  readonly version?: string;
}

/** A layer as the candidate registry has it. */
export interface ImageLayer {
  /** Of the bytes in the registry. */
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes in the registry. */
  readonly compressedBytes: number;
  /** Of the unpacked layer. */
  readonly diffId: Digest;
  /** Bytes unpacked; absent for a layer that cannot be unpacked here. */
  readonly sizeBytes?: number;
}

/** What the registry has of an image, beyond the manifest's digest. */
export interface PushedParts {
  readonly mediaType: string;
  /** Base layer first. */
  readonly layers: readonly ImageLayer[];
  /** The image's configuration as it is in the registry, whose digest is the image's id. */
  readonly imageConfig: Readonly<Record<string, unknown>>;
  /** Absent for an image made FROM scratch, and when the parent could not be read any more. */
  readonly base?: BaseImage;
}

/** The parent whose layers an image begins with. */
export interface BaseImage {
  /** As it stands in the Dockerfile. */
  readonly written: string;
  /** Digest of its configuration, for the same platform. */
  readonly imageId: Digest;
}

/** What was found in the built image of one platform. */
export interface BuiltImage {
  readonly platform: Platform;
  readonly imageId: Digest;
  readonly sizeBytes: number;
  readonly diffIds: readonly Digest[];
  readonly config: ImageConfig;
  readonly rpms: readonly InstalledRpm[];
  /** Why the RPM list is not complete; absent when it is, and in older records. */
  readonly rpmProblem?: string;
  /** Absent when the image has no os-release. */
  readonly distribution?: Distribution;
  /** Absent in lists of builds, and in records of releases that did not keep it. */
  readonly parts?: PushedParts;
  /** Digest of the image manifest in the candidate registry, once pushed. */
  readonly digest?: Digest;
  /** Bytes of that manifest. */
  readonly manifestSize?: number;
}

/**
 * How a suite ended on one platform. Where several tries are kept, this is one of them; {@link BuildRecord.tests} has the last one of each suite and
 * platform. What older releases did not keep is absent.
 */
export interface SuiteResult extends BoundedResult {
  /** Number that the database gave it: the id in addresses and in the API of results. */
  readonly id?: number;
  readonly platform?: Platform;
  /** Of the image of that platform, which was tested. */
  readonly digest?: Digest;
  /** Kind of the runner. */
  readonly kind?: string;
  /** The run that carried it out and has its log, when that was not the build's own. */
  readonly run?: string;
  /** Counted from one in its run: an error is tried again. */
  readonly attempt?: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Against this digest it has passed and failed. */
  readonly flaky?: boolean;
}

/** A build as it is remembered for good. */
export interface BuildRecord extends BuildRequested {
  readonly id: string;
  readonly state: BuildState;
  readonly nvr?: Nvr;
  readonly plan?: BuildPlan;
  readonly images: readonly BuiltImage[];
  /** Digest of the manifest list; what tags point to and promotions name. */
  readonly digest?: Digest;
  /** Everything lint had to say, warnings too; undefined while it has not looked yet, and in lists. */
  readonly findings?: readonly Finding[];
  /** What counts: the last result of each suite and platform, in the plan's order. */
  readonly tests: readonly SuiteResult[];
  readonly error?: ErrorReport;
  /** Pull request in the registry-manifest repository. */
  readonly promotion?: { readonly repository: string; readonly number: number };
  readonly createdAt: string;
  readonly finishedAt?: string;
}

export interface BuildFilter {
  readonly repository?: string;
  readonly state?: BuildState;
  readonly imageRepository?: string;
  readonly limit: number;
}

/** Repositories that two names belong to; one that is missing is nobody's. */
export interface NameOwners {
  readonly component?: string;
  readonly image?: string;
}

/**
 * Builds in the database. A build's id is its run's id. Writes take the transaction of the step that they belong to.
 * NVRs are unique among builds in state building or complete, also under a race: `reserveNvr` settles it.
 */
export interface BuildStore {
  create(id: string, request: BuildRequested, transaction: Transaction): Promise<void>;
  /**
   * Takes `name-version-release`, where `choose` makes the release out of those that are taken: of building and complete builds with that
   * version and that name or image repository, newest build first. Two builds that ask at once are asked one after the other, and one that asks
   * again gets what it has. Throws what `choose` throws, and `store.nvr-taken` when that is taken.
   */
  reserveNvr(
    id: string,
    wanted: { readonly name: string; readonly version: string; readonly imageRepository: string },
    choose: ChooseRelease,
    transaction: Transaction,
  ): Promise<Nvr>;
  /**
   * Those of some tags of an image repository that never move since another build has them: as its unique tag, whatever became of it, or as the
   * `version-release` of a building or complete one.
   */
  findHeldTags(id: string, imageRepository: string, tags: readonly string[], transaction: Transaction): Promise<readonly string[]>;
  /**
   * The repositories that the names belong to: whose builds, no scratch ones, first took the component (N of the NVR) and the image repository.
   * They may be two; nobody's is left out. Two builds that ask at once are asked one after the other.
   */
  findOwners(component: string, imageRepository: string, transaction: Transaction): Promise<NameOwners>;
  /** Replaces what lint found before. */
  saveFindings(id: string, findings: readonly Finding[], transaction: Transaction): Promise<void>;
  savePlan(id: string, plan: BuildPlan, transaction: Transaction): Promise<void>;
  /** Replaces the image of the same platform. */
  saveImage(id: string, image: BuiltImage, transaction: Transaction): Promise<void>;
  /**
   * Adds a result, which from now on is what counts for its suite and platform; those before it stay in the history. `data` is what it is found
   * by in the API of results, which does not have it when that is left out or empty. Returns its id.
   */
  saveTest(id: string, result: SuiteResult, transaction: Transaction, data?: ResultData): Promise<number>;
  /** Replaces documents of the same names. */
  saveDocuments(id: string, documents: readonly BuildDocument[]): Promise<void>;
  complete(id: string, digest: Digest, transaction: Transaction): Promise<void>;
  savePromotion(id: string, promotion: NonNullable<BuildRecord["promotion"]>, transaction: Transaction): Promise<void>;
  /** Ends a build and frees its NVR. A complete build stays complete. */
  fail(id: string, state: "failed" | "cancelled", error: ErrorReport, transaction: Transaction): Promise<void>;
  find(id: string): Promise<BuildRecord | undefined>;
  findByNvr(nvr: Nvr): Promise<BuildRecord | undefined>;
  /** Newest complete build whose manifest list has this digest. */
  findByDigest(digest: Digest): Promise<BuildRecord | undefined>;
  /** Id of the newest complete build that stands in the line of a branch ({@link followsBranch}). */
  findNewest(line: { readonly repository: string; readonly branch: string }): Promise<string | undefined>;
  /** In the order in which they were saved; none of builds of older releases. `bytes` is the length of the text in UTF-8. */
  listDocuments(id: string): Promise<readonly (Omit<BuildDocument, "text"> & { readonly bytes: number })[]>;
  findDocument(id: string, name: string): Promise<BuildDocument | undefined>;
  /** Newest first; without RPM lists, parts of images, findings and cases of tests, which only `find` reads. */
  list(filter: BuildFilter): Promise<readonly BuildRecord[]>;
}
