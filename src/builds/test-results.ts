import type { Artifact } from "../gating/artifact.ts";
import type { SuiteResult } from "./build-record.ts";

/** One try of a suite on a platform. */
export interface TestTry {
  readonly build: string;
  readonly run: string;
  readonly suite: string;
  readonly platform: string;
  /** Counted from one. */
  readonly attempt: number;
}

/** A result in the history of a build. */
export type PastResult = SuiteResult & {
  readonly id: number;
  readonly run: string;
  /** It counts. */
  readonly latest: boolean;
};

export interface ListedArtifact {
  /** Of the result that names it. */
  readonly result: number;
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
}

/** Results of tests beyond what a build's record has: their history, and what the tests left. */
export interface TestResults {
  /** Replaces what a former beginning of the same try has left: all of it or, after a crash, nothing. */
  saveArtifacts(of: TestTry, artifacts: readonly Artifact[]): Promise<void>;
  /** Of what all tries of the build's tests but this one have left and is still kept. */
  artifactBytes(of: TestTry): Promise<number>;
  /** What was ever saved of a build, newest first; of a build that was tested without end the newest 500. */
  listHistory(build: string): Promise<readonly PastResult[]>;
  /** Those of all results of a build that are still kept. */
  listArtifacts(build: string): Promise<readonly ListedArtifact[]>;
  /** Undefined when the result has none of that name, or it is no longer kept. */
  findArtifact(build: string, result: number, name: string): Promise<Artifact | undefined>;
  /** Removes artifacts that were saved before then; results stay. Returns how many. */
  pruneArtifacts(before: Date): Promise<number>;
}
