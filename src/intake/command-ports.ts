import type { BuildStore } from "../builds/build-record.ts";
import type { WaiverPorts } from "../builds/prepare-waiver.ts";
import type { Forge } from "../forge/forge.ts";
import type { WaiverStore } from "../gating/waivers.ts";
import type { WithdrawalRequest } from "../promotion/propose-withdrawal.ts";
import type { Runs } from "../workflow/run.ts";
import type { ApprovalStore } from "./approvals.ts";
import type { Verbosity } from "./commands/answer.ts";
import type { CommentSettings } from "./commands/parse-comment.ts";

/** What commands in comments work with; put together in `app.ts`. */
export interface CommandPorts {
  readonly forge: Pick<Forge, "name" | "findPull" | "findHead" | "findPermission" | "listComments" | "ensureComment" | "react">;
  readonly approvals: ApprovalStore;
  readonly builds: Pick<BuildStore, "find" | "findByNvr" | "list">;
  readonly runs: Pick<Runs, "start" | "cancel" | "find" | "list">;
  /** Proposes a complete build for promotion; the outcome in one line of Markdown. May be called again. */
  promote(build: string, requestedBy: string): Promise<string>;
  /** Proposes to move an image's floating tags back; likewise. */
  rollback(request: { readonly imageRepository: string; readonly to?: string; readonly requestedBy: string }): Promise<string>;
  /** Proposes that nobody uses a release any more; likewise. */
  withdraw(request: WithdrawalRequest): Promise<string>;
  /** Waivers: who may give one is settled before. */
  readonly waiving: WaiverPorts & { readonly waivers: Pick<WaiverStore, "add"> };
  /** Repository and build that a promotion's text names; undefined when it is none of ours, and when it is not on the branch of that image. */
  readPromotion(body: string, headBranch: string): { readonly imageRepository: string; readonly build: string | undefined } | undefined;
  isBuilt(branch: string): boolean;
  /** Page of a run. */
  pageOf(run: string): string;
  readonly settings: {
    readonly manifests: string;
    readonly comments: CommentSettings;
    readonly replies: Verbosity;
  };
}
