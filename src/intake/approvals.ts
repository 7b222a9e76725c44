import type { Transaction } from "../workflow/step.ts";

/** Somebody who may write said `/ok-to-test` of one commit of a stranger's pull request. The next push has another commit, so it needs another. */
export interface Approval {
  /** The forge's name in the settings. */
  readonly forge: string;
  readonly repository: string;
  readonly number: number;
  /** Head commit that was looked at, whole. */
  readonly head: string;
  readonly approvedBy: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface ApprovalStore {
  /** A second approval of one head changes nothing. */
  approve(approval: Omit<Approval, "at">, transaction: Transaction): Promise<void>;
  findApproval(forge: string, repository: string, number: number, head: string): Promise<Approval | undefined>;
}
