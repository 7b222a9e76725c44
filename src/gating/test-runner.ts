import type { Platform } from "../domain/platform.ts";
import type { Limits, LogSink } from "../engines/engine.ts";

/** How one test ended. `error` means that the test itself could not be carried out: the image is not judged by it. */
export type TestOutcome = "pass" | "fail" | "error" | "skip";

/** A test declared in dist-git under `tests/`; which runner takes it is told by `kind`. */
export interface TestSuite {
  /** From the file that declares it, unique in the repository: `smoke`. */
  readonly name: string;
  readonly kind: string;
  /** The file that declares it, for what people are told; plans of older releases do not say. */
  readonly file?: string;
  /** What this kind of runner needs, as it stood in the repository. */
  readonly definition: unknown;
  /** A failing optional test is reported and blocks nothing. */
  readonly required: boolean;
}

export interface TestResult {
  readonly suite: string;
  readonly outcome: TestOutcome;
  readonly cases: readonly TestCase[];
  /** One line for statuses: what failed. */
  readonly message: string;
  readonly durationMs: number;
  /** Files that it left in {@link TestRequest.artifacts}, by their path in there, the one to read first in front. None when left out. */
  readonly artifacts?: readonly string[];
  /** An error that would be the same at the next try (an invalid suite, a cancelled run): it is not tried again. False when left out. */
  readonly final?: boolean;
}

export interface TestCase {
  readonly name: string;
  readonly outcome: TestOutcome;
  readonly message: string;
  readonly durationMs: number;
  /** The artifact to look at when it did not pass, one of {@link TestResult.artifacts}. */
  readonly log?: string;
}

/** A runner of one kind of test. The image is given by digest; nothing else about the build is trusted or needed. */
export interface TestRunner {
  readonly kind: string;
  run(key: string, request: TestRequest, sink: LogSink, signal: AbortSignal): Promise<TestResult>;
}

export interface TestRequest {
  readonly suite: TestSuite;
  /** `registry/repository@sha256:…` of one platform. */
  readonly image: string;
  readonly credential?: { readonly username: string; readonly password: string };
  readonly platform: Platform;
  /** The repository's tree at the frozen commit. */
  readonly tree: string;
  /** An empty directory of this test alone, for files that people may want to see afterwards; what is not named in the result is lost. */
  readonly artifacts: string;
  readonly limits: Limits;
  /** The branch that the suite is of; undefined when it is of none. */
  readonly branch?: string;
}
