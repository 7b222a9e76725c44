import { PromotionResult, promoteStep } from "./promote-flow.ts";
import { formatPromoted, formatRolledBack, formatWithdrawn } from "./proposal-words.ts";
import { RollbackResult, rollbackStep } from "./rollback-flow.ts";
import { WithdrawResult, withdrawStep } from "./withdraw-flow.ts";

export interface Outcome {
  readonly result: unknown;
  /** One line of Markdown. */
  readonly says: string;
  /** Is there a pull request now? */
  readonly proposed: boolean;
}

/** What a finished run of one of the three flows that propose left in its journal. */
export function readOutcome(
  flow: "promote" | "rollback" | "withdraw",
  journal: readonly { readonly step: string; readonly result?: unknown }[],
): Outcome {
  const of = (step: string) => journal.find((entry) => entry.step === step)?.result;
  switch (flow) {
    case "promote": {
      const result = PromotionResult.parse(of(promoteStep));
      return { result, says: formatPromoted(result), proposed: "number" in result };
    }
    case "rollback": {
      const result = RollbackResult.parse(of(rollbackStep));
      return { result, says: formatRolledBack(result), proposed: true };
    }
    case "withdraw": {
      const result = WithdrawResult.parse(of(withdrawStep));
      return { result, says: formatWithdrawn(result), proposed: true };
    }
  }
}
