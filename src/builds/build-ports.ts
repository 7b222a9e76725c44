import type { SiteLabels } from "../distgit/image-labels.ts";
import type { Tree } from "../distgit/tree.ts";
import type { PushDestination } from "../engines/engine.ts";
import type { Engines } from "../engines/engine-pool.ts";
import type { ForgePulls, ForgeSources } from "../forge/forge.ts";
import type { ArtifactLimits, ArtifactReader } from "../gating/artifact.ts";
import type { TestRunner } from "../gating/test-runner.ts";
import type { Log } from "../log.ts";
import type { MeasureLayer } from "../registry/measure-layer.ts";
import type { Registry } from "../registry/registry.ts";
import type { Signer } from "../signing/signer.ts";
import type { Transaction } from "../workflow/step.ts";
import type { CandidateAttestations } from "./attach-documents.ts";
import type { BuildRecord, BuildRequested, BuildStore } from "./build-record.ts";
import type { DestinationTags } from "./destination-tags.ts";
import type { Downloads } from "./downloads.ts";
import type { Gate } from "./gate.ts";
import type { LogStore } from "./log-store.ts";
import type { AllowedParent } from "./parent-name.ts";
import type { OpenRegistry } from "./parents.ts";
import type { ReadRpms } from "./rpm-list.ts";
import type { Target } from "./targets.ts";
import type { TestResults } from "./test-results.ts";
import type { Workspaces } from "./workspaces.ts";
import type { RepositorySettings } from "./yum-repositories.ts";

/** What the build flow works with; made in `app.ts`. */
export interface BuildPorts {
  readonly builds: BuildStore;
  readonly destinationTags: DestinationTags;
  readonly logs: LogStore;
  /** By the forge's name in the intent. */
  readonly forge: (name: string) => Pick<ForgeSources, "checkout" | "sourceUrl"> & Pick<ForgePulls, "setStatus" | "listStatuses">;
  readonly engines: Engines;
  readonly candidate: CandidateRegistry;
  readonly openRegistry: OpenRegistry;
  /** Signs with the candidate key. */
  readonly signer: Signer;
  readonly attestations: CandidateAttestations;
  readonly runners: readonly TestRunner[];
  readonly results: Pick<TestResults, "saveArtifacts" | "artifactBytes">;
  readonly readArtifacts: ArtifactReader;
  /** In the transaction that saves a result: has others told of it. Nobody is told without it. */
  readonly tellResult?: (result: number, transaction: Transaction) => Promise<void>;
  /** Resolves after so long; rejects when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly gate: Gate;
  readonly workspaces: Workspaces;
  readonly downloads: Downloads;
  /** The files of a checked-out directory, links unfollowed. */
  readonly readTree: (directory: string) => Promise<Tree>;
  readonly readRpms: ReadRpms;
  /** Of the candidate registry. */
  readonly measureLayer: MeasureLayer;
  /**
   * May the build of a pull request still start? Throws a `denied` or `stale` error when not. Called for requests with `pull`, when their run
   * begins: what was allowed when it was asked for may not be any more. Without it every request may.
   */
  readonly authorize?: (request: BuildRequested) => Promise<void>;
  /** Proposes the build for promotion, or finds the proposal; undefined when there is nothing to promote. May be called again. */
  readonly promote: (build: string, signal: AbortSignal) => Promise<BuildRecord["promotion"]>;
  readonly settings: BuildSettings;
  /** Values that must never be shown. */
  readonly secrets: readonly string[];
  readonly log: Log;
}

export interface CandidateRegistry {
  readonly registry: Registry;
  /** `host[:port]` as the engine reaches it. */
  readonly endpoint: string;
  /** `host[:port]` that signatures name. */
  readonly publicName: string;
  readonly credential?: NonNullable<PushDestination["credential"]>;
}

export interface BuildSettings {
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly allowedParents: readonly AllowedParent[];
  /** What to do about a parent that stands in the place of a build made here, says that it is that build, and has other images. */
  readonly digestMismatch: "fail" | "warn";
  readonly targets: readonly Target[];
  readonly buildMs: number;
  readonly testMs: number;
  /** How often a test that could not be carried out is tried again, and how long flibs waits before it. */
  readonly testTries: { readonly more: number; readonly pauseMs: number };
  /** Of one try; `buildBytes` of all tries of all tests of a build. */
  readonly artifacts: ArtifactLimits & { readonly buildBytes: number };
  /** Plans of tmt are suites; they are not when left out. */
  readonly tmt?: boolean;
  readonly memoryBytes: number;
  readonly processes: number;
  /** Processors; no limit when left out. */
  readonly cpus?: number;
  /** Bytes on the engine's disk, of one build or test; no limit when left out. */
  readonly diskBytes?: number;
  /** Uncompressed bytes of an image; no limit when left out. */
  readonly imageBytes?: number;
  /** Packages that need not be the same on all platforms. */
  readonly mayDiffer: readonly string[];
  readonly contextBytes: number;
  readonly logBytes: number;
  /** Labels that the operators want in every image. */
  readonly labels: SiteLabels;
  /** Decision context that a build has to satisfy before it is promoted. */
  readonly gatingContext: string;
  readonly repositories: RepositorySettings;
  /** Address of the lookaside cache with {repository}, {file}, {hashType}, {hash}; undefined when there is none. */
  readonly sourcesUrl: string | undefined;
  /** Of flibs, in the documents that are kept with a build. */
  readonly version: string;
}
