import type { BuildRequested } from "../builds/build-record.ts";
import type { PullHead } from "../builds/pull-ports.ts";
import { pullBuildSubject } from "../builds/pull-subject.ts";
import type { TestsRequested } from "../builds/test-flow.ts";
import type { RunRequest } from "../workflow/run.ts";
import type { Intent } from "./decide.ts";

/** What a push does to builds of earlier commits of its branch. */
export type NewerPush = "replace" | "replace-waiting" | "queue";

const whenPushed = { replace: "supersede", "replace-waiting": "supersede-waiting", queue: "queue" } as const;

/**
 * Intents as runs. Keys are made of names and commits, so a delivery, its duplicate and the sweep that found the same thing give one run;
 * where neither changed, as for another base branch, by the forge's id.
 */
export function requestsOf(intent: Intent, newerPush: NewerPush = "replace"): readonly RunRequest[] {
  switch (intent.kind) {
    case "ignored":
      return [];
    case "build":
      return [
        {
          ...requestBuild(intent.request, `build ${intent.request.repository} ${intent.request.branch} ${intent.request.commit}`),
          whenBusy: whenPushed[newerPush],
        },
      ];
    case "pull": {
      const { forge, repository, number, head, state, request } = intent;
      const key = askedAgain(`pull ${repository} #${number} ${state} ${head}`, request);
      return [requestPullLook({ forge, repository, number, head: head ?? "" }, key)];
    }
    case "check-promotion": {
      const { repository, number, head, request } = intent;
      return [
        {
          flow: "check-promotion",
          subject: `check ${repository} #${number}`,
          intent: { repository, number, head },
          key: askedAgain(`check ${repository} #${number} ${head}`, request),
          whenBusy: "supersede",
        },
      ];
    }
    case "check-queued": {
      const { repository, commit, baseBranch, baseCommit } = intent;
      const subject = `check ${repository} ${commit}`;
      return [
        {
          flow: "check-promotion",
          subject,
          intent: { repository, head: commit, base: baseCommit, baseBranch },
          key: subject,
          whenBusy: "queue",
        },
      ];
    }
    case "drop-queued": {
      const subject = `drop ${intent.repository} ${intent.commit}`;
      return [{ flow: "drop", subject, intent: { repository: intent.repository, commit: intent.commit }, key: subject, whenBusy: "queue" }];
    }
    case "release":
      return [requestScan(intent.repository, `scan ${intent.repository} ${intent.commit}`, false)];
    case "commands": {
      const subject = `commands ${intent.intent.repository} #${intent.intent.number} ${intent.intent.comment}`;
      return [{ flow: "command", subject, intent: intent.intent, key: subject, whenBusy: "queue" }];
    }
    case "check-request": {
      const { what, repository, commit, request } = intent.intent;
      const subject = `${what} ${repository} ${commit} ${request}`;
      return [{ flow: "check-request", subject, intent: intent.intent, key: subject, whenBusy: "queue" }];
    }
  }
}

/** What ended at this head before is asked for once more: by names and commits alone it would be the same run. */
function askedAgain(key: string, request: string | undefined): string {
  return request === undefined ? key : `${key} ${request}`;
}

/** A newer commit of a branch supersedes the build of an older one for the same target; scratch and isolated builds stand in nobody's way. */
export function requestBuild(request: BuildRequested, key: string): RunRequest {
  const beside = request.scratch ? ` scratch ${request.commit}` : request.isolated ? ` isolated ${request.release}` : "";
  const target = request.target === undefined ? "" : ` for ${request.target}`;
  const subject = `build ${request.repository} ${request.branch}${beside}${target}`;
  return { flow: "build", subject, intent: request, key, whenBusy: "supersede" };
}

/**
 * A scratch build of a pull request: a newer one takes the place of the older, whatever commit it is of. Throws when the request is not for one;
 * the key is the caller's, since the same commit may be asked for again.
 */
export function requestPullBuild(request: BuildRequested, key: string): RunRequest {
  if (request.pull === undefined || !request.scratch) throw new Error("only a scratch build of a pull request is asked for like this");
  return { flow: "build", subject: pullBuildSubject(request.repository, request.pull), intent: request, key, whenBusy: "supersede" };
}

/** A look at a pull request of a container repository at one head; a newer look makes an older one needless. */
export function requestPullLook(intent: PullHead, key: string): RunRequest {
  return { flow: "pull", subject: `pull ${intent.repository} #${intent.number}`, intent, key, whenBusy: "supersede" };
}

/** Suites of a build again; who asks for others while some run waits for these. */
export function requestTests(intent: TestsRequested, key: string): RunRequest {
  return { flow: "test", subject: `test ${intent.build}`, intent, key, whenBusy: "queue" };
}

/** The gate of a build once more, since a waiver was given or taken back. */
export function requestGate(build: string, requestedBy: string, key: string): RunRequest {
  return { flow: "gate", subject: `gate ${build}`, intent: { build, requestedBy }, key, whenBusy: "queue" };
}

/** Compare the registry manifests with production; `full` looks at files that did not change since, too. */
export function requestScan(repository: string, key: string, full: boolean): RunRequest {
  return { flow: "release-scan", subject: `scan ${repository}`, intent: { repository, full }, key, whenBusy: "queue" };
}
