import type { Judgement, NoPolicy } from "./decide.ts";
import type { DecisionSubject } from "./policy.ts";

/** A Greenwave somewhere else that decides by the site's policies. */
export interface Greenwave {
  /**
   * What it says now. Throws `gating.greenwave-unavailable` (transient) when it cannot be asked, and `gating.greenwave-answer` when it refuses the
   * question or answers what is no decision.
   */
  ask(
    question: { readonly decisionContext: string; readonly productVersion: string; readonly subjects: readonly DecisionSubject[] },
    signal?: AbortSignal,
  ): Promise<Judgement | NoPolicy>;
}
