import type { Limits } from "../engine.ts";

/** Holds the RUN lines of BuildKit's builds to limits, which BuildKit itself cannot. */
export interface HeldLimits {
  /** Before a build: the limits stand. Throws `engine.limits-unavailable`. */
  prepare(limits: Limits): Promise<HeldBuild>;
}

/** One build; others may run beside it. */
export interface HeldBuild {
  /**
   * Beside the build: that its RUN lines are really where the limits are. `unheld` is called once, with an `engine.limits-unavailable`, when one has
   * been at work for a while and is somewhere else.
   */
  watch(isRunning: () => boolean, unheld: (error: unknown) => void): Watch;
}

export interface Watch extends Disposable {
  /** A RUN line may have begun or ended. */
  look(): Promise<void>;
}
