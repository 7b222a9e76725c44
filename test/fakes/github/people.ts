import { ensureFork, type Files, type PushOptions, pushFiles, revertPull } from "./person-git.ts";
import { ensureAccount, mayWrite } from "./state/accounts.ts";
import { moveRef } from "./state/branches.ts";
import { requestAction, rerequestRun, tellSuite } from "./state/checks.ts";
import { addComment, addReaction, deleteComment, editComment } from "./state/comments.ts";
import type { CheckRun, Comment, Pull, ReactionContent, Repository, Review } from "./state/data.ts";
import { type MergeMethod, mergePull } from "./state/merge.ts";
import { closePull, editPull, openPull, type PullEdit, reopenPull } from "./state/pulls.ts";
import { findIssue, findPull, nameOf, newId, repositoryOf, timestamp, type World } from "./world.ts";

export interface OpenPullOptions {
  readonly head: string;
  readonly base?: string;
  readonly title?: string;
  readonly body?: string;
  readonly draft?: boolean;
  /** Of the person's own fork. */
  readonly fromFork?: boolean;
}

/** What somebody does on the web pages or with git. Throws when the person may not. Resolves after the deliveries were attempted. */
export interface Person {
  readonly login: string;
  /** A commit on top of a branch. Returns its id. */
  push(repository: string, branch: string, files: Files, options?: PushOptions): Promise<string>;
  /** The person's fork, made at the first call; returns its full name. */
  fork(repository: string): Promise<string>;
  deleteBranch(repository: string, branch: string): Promise<void>;
  openPull(repository: string, options: OpenPullOptions): Promise<number>;
  editPull(repository: string, number: number, edit: PullEdit): Promise<void>;
  closePull(repository: string, number: number): Promise<void>;
  reopenPull(repository: string, number: number): Promise<void>;
  /** An issue that is no pull request. Returns its number. */
  openIssue(repository: string, title: string, body?: string): Promise<number>;
  review(repository: string, number: number, state: Review["state"], body?: string): Promise<void>;
  /** Returns the id of the comment. */
  comment(repository: string, number: number, body: string): Promise<number>;
  editComment(id: number, body: string): Promise<void>;
  deleteComment(id: number): Promise<void>;
  react(comment: number, content: ReactionContent): Promise<void>;
  /** Returns the commit that the base branch stands at then. */
  merge(repository: string, number: number, method?: MergeMethod): Promise<string>;
  /** The revert button of a merged pull request: a branch and a pull request that take it back. Returns its number. */
  revert(repository: string, number: number): Promise<number>;
  rerunCheck(run: number): Promise<void>;
  rerunSuite(suite: number): Promise<void>;
  pressAction(run: number, identifier: string): Promise<void>;
}

/** Does something alone, then sends what it announced. */
export type Act = <T>(act: () => Promise<T> | T) => Promise<T>;

export function personOn(world: World, act: Act, login: string): Person {
  ensureAccount(world.data, login);
  const pullAt = (repository: string, number: number): Pull => {
    const found = findPull(world, repositoryOf(world, repository), number);
    if (!found) throw new Error(`${repository} has no pull request ${number}`);
    return found;
  };
  const issueAt = (repository: string, number: number) => {
    const found = findIssue(world, repositoryOf(world, repository).id, number);
    if (!found) throw new Error(`${repository} has no issue ${number}`);
    return found;
  };
  const commentAt = (id: number): Comment => {
    const found = world.data.comments.get(id);
    if (!found) throw new Error(`there is no comment ${id}`);
    return found;
  };
  const mustWrite = (repository: Repository) => {
    if (!mayWrite(world, repository, login)) throw new Error(`${login} may not write to ${nameOf(repository)}`);
  };
  /** Authors may close and edit their own. */
  const mustOwn = (pull: Pull) => {
    if (pull.author !== login) mustWrite(repositoryOf(world, pull.repository));
  };
  const runAt = (id: number): CheckRun => {
    const run = world.data.runs.get(id);
    if (!run) throw new Error(`there is no check run ${id}`);
    mustWrite(repositoryOf(world, run.repository));
    return run;
  };

  return {
    login,
    push: (name, branch, files, options) =>
      act(async () => {
        const repository = repositoryOf(world, name);
        mustWrite(repository);
        return pushFiles(world, repository, branch, files, login, options);
      }),
    fork: (name) => act(async () => nameOf(await ensureFork(world, repositoryOf(world, name), login))),
    deleteBranch: (name, branch) =>
      act(async () => {
        const repository = repositoryOf(world, name);
        mustWrite(repository);
        await moveRef(world, repository, `refs/heads/${branch}`, undefined, login);
      }),
    openPull: (name, { head, base, title, body, draft = false, fromFork = false }) =>
      act(async () => {
        const repository = repositoryOf(world, name);
        const from = fromFork ? await ensureFork(world, repository, login) : repository;
        const wanted = { head: from, headRef: head, base: base ?? repository.defaultBranch, title: title ?? head, body: body ?? null };
        return (await openPull(world, repository, login, { ...wanted, draft, maintainerCanModify: fromFork })).number;
      }),
    editPull: (name, number, edit) =>
      act(async () => {
        const pull = pullAt(name, number);
        mustOwn(pull);
        await editPull(world, pull, login, edit);
      }),
    closePull: (name, number) =>
      act(() => {
        const pull = pullAt(name, number);
        mustOwn(pull);
        closePull(world, pull, login);
      }),
    reopenPull: (name, number) =>
      act(async () => {
        const pull = pullAt(name, number);
        mustOwn(pull);
        await reopenPull(world, pull, login);
      }),
    openIssue: (name, title, body) =>
      act(() => {
        const repository = repositoryOf(world, name);
        const at = timestamp(world);
        const issue = { id: newId(world.data), number: repository.nextNumber, repository: repository.id, author: login, title };
        world.data.issues.set(issue.id, { ...issue, body: body ?? null, createdAt: at, updatedAt: at });
        repository.nextNumber += 1;
        return issue.number;
      }),
    review: (name, number, state, body = "") =>
      act(() => {
        const pull = pullAt(name, number);
        pull.reviews.push({ id: newId(world.data), author: login, state, body, commit: pull.headSha, at: timestamp(world) });
      }),
    comment: (name, number, body) => act(() => addComment(world, issueAt(name, number), login, body).id),
    editComment: (id, body) => act(() => editComment(world, commentAt(id), login, body)),
    deleteComment: (id) => act(() => deleteComment(world, commentAt(id), login)),
    react: (id, content) => act(() => void addReaction(world, commentAt(id), login, content)),
    merge: (name, number, method = "merge") =>
      act(async () => {
        const pull = pullAt(name, number);
        mustWrite(repositoryOf(world, pull.repository));
        return mergePull(world, pull, method, login);
      }),
    revert: (name, number) =>
      act(() => {
        mustWrite(repositoryOf(world, name));
        return revertPull(world, pullAt(name, number), login);
      }),
    rerunCheck: (id) => act(() => rerequestRun(world, runAt(id), login)),
    rerunSuite: (id) =>
      act(async () => {
        const suite = world.data.suites.get(id);
        if (!suite) throw new Error(`there is no check suite ${id}`);
        mustWrite(repositoryOf(world, suite.repository));
        suite.reset = true;
        await tellSuite(world, suite, "rerequested", login);
      }),
    pressAction: (id, identifier) =>
      act(() => {
        const run = runAt(id);
        if (!run.actions.some((each) => each.identifier === identifier)) throw new Error(`check run ${id} has no button ${identifier}`);
        requestAction(world, run, identifier, login);
      }),
  };
}
