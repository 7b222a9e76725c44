import type { Nvr } from "../../domain/nvr.ts";
import type { Verb } from "../../domain/verbs.ts";

/** Everything that a comment on a pull request can ask for. There is nothing here whose value could reach a shell or an environment. */
export type Command =
  /**
   * The head of an open pull request, always scratch; of a merged one the head of its branch. All architectures when none is named. `isolated` is
   * the release of an isolated build.
   */
  | {
      readonly verb: "build";
      readonly scratch: boolean;
      readonly isolated?: string;
      readonly release?: string;
      readonly architectures?: readonly string[];
    }
  /** Tests of the newest build once more; one suite, or all. */
  | { readonly verb: "test"; readonly suite?: string }
  | { readonly verb: "cancel" }
  /** As it was written, in lower case: 7 to 64 hexadecimal digits, of which only a whole id approves anything. */
  | { readonly verb: "ok-to-test"; readonly sha?: string }
  /** A build that is named, or the newest complete one of the branch. */
  | { readonly verb: "promote"; readonly nvr?: Nvr }
  /** The image and tag that are named, or the pull request's image and the release before the one that is out. */
  | { readonly verb: "rollback"; readonly image?: string; readonly tag?: string }
  /** A release that nobody may use any more; `to` is where floating tags that point to it go. */
  | {
      readonly verb: "withdraw";
      readonly image: string;
      readonly release: string;
      readonly reason: string;
      readonly to?: string;
      readonly removeTag?: boolean;
    }
  /** A required test that need not pass for one build: the one that is named, or that the pull request is about. `for` is `7d`, `until` a day. */
  | {
      readonly verb: "waive";
      readonly test: string;
      readonly reason: string;
      readonly nvr?: Nvr;
      readonly for?: string;
      readonly until?: string;
    }
  | { readonly verb: "unwaive"; readonly test: string; readonly reason?: string; readonly nvr?: Nvr }
  | { readonly verb: "help"; readonly about?: Verb };
