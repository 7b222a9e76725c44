import type { Probot } from "probot";
import type { z } from "zod";
import { appError } from "../../domain/errors.ts";
import type { ForgeEvent } from "../event.ts";
import { isBranchName, isRepositoryName } from "../git/names.ts";
import { CheckRunRequestedAction, CheckRunRerequested, CheckSuite, IssueComment, MergeGroup, PullRequest, Push } from "./payloads.ts";

/** Who is listening, and what for. */
export interface EventSink {
  /** The forge's name in the settings. */
  readonly forge: string;
  /** Events of other Apps' check runs are theirs. */
  readonly appId: number;
  hear(event: ForgeEvent): void;
}

/**
 * What flibs is as a Probot app: a handler for each event of app.yml, which turns a payload into the one short union that all forges speak.
 * Nothing is asked of GitHub and nothing is done here. Throws `intake.delivery-malformed` (Probot collects it in an AggregateError).
 */
export function listenTo(app: Probot, sink: EventSink): void {
  const { forge } = sink;

  app.on("push", ({ payload }) => {
    const { ref, after, deleted, ...about } = parse(Push, "push", payload);
    const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
    // A merge queue's branches come and go by the minute; `merge_group` tells of them.
    if (branch === undefined || !isBranchName(branch) || branch.startsWith("gh-readonly-queue/")) return;
    const gone = deleted || /^0+$/.test(after);
    hear(about, (common) => ({ ...common, kind: "branch-pushed", branch, after: gone ? undefined : after }));
  });

  app.on(
    ["pull_request.opened", "pull_request.reopened", "pull_request.synchronize", "pull_request.edited", "pull_request.closed"],
    ({ id, payload }) => {
      const { action, pull_request: pull, changes, ...about } = parse(PullRequest, "pull_request", payload);
      const { number, head, base } = pull;
      // Another title changes nothing; another base branch does.
      if (action === "edited" && changes?.base === undefined) return;
      hear(about, (common) => {
        if (action !== "closed") {
          const kind = action === "opened" || action === "reopened" ? "pull-opened" : "pull-updated";
          const request = action === "edited" || action === "reopened" ? id : undefined;
          return { ...common, kind, number, head: head.sha, request };
        }
        if (!pull.merged || !pull.merge_commit_sha) return { ...common, kind: "pull-closed", number };
        return { ...common, kind: "pull-merged", number, base: base.ref, mergeCommit: pull.merge_commit_sha };
      });
    },
  );

  app.on("issue_comment.created", ({ payload }) => {
    const { issue, comment, ...about } = parse(IssueComment, "issue_comment", payload);
    const fromBot = about.sender.type === "Bot";
    const isOurs = fromBot && comment.performed_via_github_app?.id === sink.appId;
    if (issue.pull_request === undefined || isOurs) return;
    hear(about, (common) => ({
      ...{ ...common, kind: "comment-added", number: issue.number, comment: String(comment.id), text: comment.body, fromBot },
    }));
  });

  app.on("check_run.rerequested", ({ id, payload }) => {
    const { check_run: run, ...about } = parse(CheckRunRerequested, "check_run", payload);
    if (run.app?.id !== sink.appId || isByApp(about)) return;
    hear(about, (common) => ({
      ...{ ...common, kind: "check-rerequested", commit: run.head_sha, name: run.name, key: run.external_id || undefined, request: id },
    }));
  });

  app.on("check_run.requested_action", ({ payload }) => {
    const { check_run: run, requested_action: pressed, ...about } = parse(CheckRunRequestedAction, "check_run", payload);
    if (run.app?.id !== sink.appId || isByApp(about)) return;
    hear(about, (common) => ({
      ...{ ...common, kind: "check-action-requested", commit: run.head_sha, name: run.name, key: run.external_id || undefined },
      action: pressed.identifier,
    }));
  });

  app.on("check_suite.rerequested", ({ id, payload }) => {
    const { check_suite: suite, ...about } = parse(CheckSuite, "check_suite", payload);
    if (suite.app?.id !== sink.appId || isByApp(about)) return;
    hear(about, (common) => ({
      ...{ ...common, kind: "check-rerequested", commit: suite.head_sha, name: undefined, key: undefined, request: id },
    }));
  });

  app.on(["merge_group.checks_requested", "merge_group.destroyed"], ({ payload }) => {
    const { action, merge_group: group, ...about } = parse(MergeGroup, "merge_group", payload);
    hear(about, (common) => {
      if (action === "destroyed") return { ...common, kind: "merge-unqueued", commit: group.head_sha };
      const baseBranch = group.base_ref.replace(/^refs\/heads\//, "");
      return { ...common, kind: "merge-queued", commit: group.head_sha, baseBranch, baseCommit: group.base_sha };
    });
  });

  function hear(about: About, event: (common: Pick<ForgeEvent, "forge" | "repository" | "actor">) => ForgeEvent): void {
    const repository = about.repository?.full_name;
    // `<owner>/.github` is none that flibs can name, nor one that it would build.
    if (repository === undefined || !isRepositoryName(repository)) return;
    sink.hear(event({ forge, repository, actor: about.sender?.login ?? "unknown" }));
  }
}

interface About {
  readonly repository?: { readonly full_name: string } | undefined;
  readonly sender?: { readonly login: string; readonly type?: string | undefined } | undefined;
}

/** Asking for a check again emits the event; an App that answers Apps may answer itself for ever. */
function isByApp({ sender }: About): boolean {
  return sender?.type === "Bot";
}

function parse<S extends z.ZodType>(schema: S, event: string, payload: unknown): z.infer<S> {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw appError("intake.delivery-malformed", `the payload of "${event}" is not what GitHub sends`, { cause: parsed.error });
}
