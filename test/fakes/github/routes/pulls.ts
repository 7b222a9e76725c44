import { associationOf } from "../state/accounts.ts";
import type { Pull } from "../state/data.ts";
import { closePull, editPull, isTestStale, openPull, reopenPull, testMerge } from "../state/pulls.ts";
import { nodeId, userView } from "../views/accounts.ts";
import { diffView } from "../views/commits.ts";
import { labelView, pullSimpleView, pullView } from "../views/pulls.ts";
import { findRepository, invalid, nameOf, notFound, repositoryOf } from "../world.ts";
import { actorOf, type Call, created, type Handlers, ok, page, pullOfCall, repositoryOfCall, sorted } from "./call.ts";

interface PullRequestBody {
  readonly title?: string;
  readonly head: string;
  readonly head_repo?: string;
  readonly base: string;
  readonly body?: string;
  readonly draft?: boolean;
  readonly maintainer_can_modify?: boolean;
}

interface PullPatch {
  readonly title?: string;
  readonly body?: string;
  readonly state?: "open" | "closed";
  readonly base?: string;
  readonly maintainer_can_modify?: boolean;
}

export const pullRoutes: Handlers = {
  "pulls/list": (call) => {
    const { world, query } = call;
    const repository = repositoryOfCall(call);
    const state = query.get("state") ?? "open";
    const head = query.get("head");
    const found = [...world.data.pulls.values()]
      .filter((pull) => pull.repository === repository.id && (state === "all" || pull.state === state))
      // Without an owner GitHub does not filter by head at all.
      .filter((pull) => !head?.includes(":") || labelOf(call, pull) === head.toLowerCase())
      .filter((pull) => !query.has("base") || pull.baseRef === query.get("base"));
    const sort = query.get("sort") ?? "created";
    const direction = (query.get("direction") ?? (sort === "created" ? "desc" : "asc")) as "asc" | "desc";
    const items = sorted(found, (pull) => (sort === "updated" ? pull.updatedAt : pull.createdAt), direction);
    return page(call, items, (some) => some.map((pull) => pullSimpleView(world, pull)));
  },

  "pulls/create": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const wanted = call.body as PullRequestBody;
    if (wanted.title === undefined || wanted.title === "") throw invalid("PullRequest", "title", "", "missing_field");
    const [owner, ref] = wanted.head.includes(":") ? wanted.head.split(":", 2) : [repository.owner, wanted.head];
    const head = findRepository(world, wanted.head_repo ?? `${owner}/${repository.name}`);
    if (!head) throw invalid("PullRequest", "head", "", "invalid");
    const pull = await openPull(world, repository, actorOf(call), {
      head,
      headRef: ref ?? "",
      base: wanted.base,
      title: wanted.title,
      body: wanted.body ?? null,
      draft: wanted.draft ?? false,
      maintainerCanModify: wanted.maintainer_can_modify ?? false,
    });
    return created(pullView(world, pull));
  },

  "pulls/get": async (call) => {
    const pull = pullOfCall(call);
    // GitHub starts the test merge when somebody looks, and says null meanwhile.
    const stale = await isTestStale(call.world, pull);
    if (stale) pull.mergeable = null;
    const body = pullView(call.world, pull);
    if (stale) await testMerge(call.world, pull);
    return ok(body);
  },

  "pulls/update": async (call) => {
    const { world } = call;
    const pull = pullOfCall(call);
    const { state, maintainer_can_modify: modify, ...edit } = (call.body ?? {}) as PullPatch;
    await editPull(world, pull, actorOf(call), edit);
    pull.maintainerCanModify = modify ?? pull.maintainerCanModify;
    if (state === "closed" && pull.state === "open") closePull(world, pull, actorOf(call));
    if (state === "open" && pull.state === "closed") await reopenPull(world, pull, actorOf(call));
    return ok(pullView(world, pull));
  },

  "pulls/list-files": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const pull = pullOfCall(call);
    const from = world.git.mergeBase(nameOf(repository), pull.baseSha, pull.headSha) ?? pull.baseSha;
    const files = await world.git.diff(nameOf(repository), from, pull.headSha);
    return page(call, files.slice(0, 3000), (some) => some.map((file) => diffView(world, repository, file, pull.headSha)));
  },

  "pulls/list-reviews": (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const pull = pullOfCall(call);
    const { url, html_url: html } = pullSimpleView(world, pull);
    return page(call, pull.reviews, (some) =>
      some.map((review) => ({
        id: review.id,
        node_id: nodeId("PRR", review.id),
        user: userView(world, review.author),
        body: review.body,
        state: review.state,
        html_url: `${html}#pullrequestreview-${review.id}`,
        pull_request_url: url,
        author_association: associationOf(world, repository, review.author),
        _links: { html: { href: `${html}#pullrequestreview-${review.id}` }, pull_request: { href: url } },
        submitted_at: review.at,
        commit_id: review.commit,
      })),
    );
  },

  /** The merged one that brought a commit into the default branch; for other commits open and merged ones that contain it. */
  "repos/list-pull-requests-associated-with-commit": (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const name = nameOf(repository);
    const sha = call.params.commit_sha ?? "";
    const commit = world.git.resolve(name, sha);
    if (!commit) throw notFound();
    const candidates = [...world.data.pulls.values()].filter((pull) => pull.repository === repository.id);
    const found: Pull[] = [];
    for (const pull of candidates) if (brought(call, pull, commit)) found.push(pull);
    const tip = world.git.resolve(name, `refs/heads/${repository.defaultBranch}`) ?? "";
    const onDefault = world.git.isAncestor(name, commit, tip);
    return page(call, onDefault ? found.filter((pull) => pull.mergedAt !== null) : found, (some) =>
      some.map((pull) => pullSimpleView(world, pull)),
    );
  },

  "issues/add-labels": (call) => {
    const { world } = call;
    const pull = pullOfCall(call);
    const { labels = [] } = (call.body ?? {}) as { readonly labels?: readonly (string | { readonly name: string })[] };
    for (const label of labels.map((each) => (typeof each === "string" ? each : each.name))) {
      if (!pull.labels.includes(label)) pull.labels.push(label);
    }
    return ok(pull.labels.map((label) => labelView(world, repositoryOfCall(call), label)));
  },
};

function labelOf({ world }: Call, pull: Pull): string {
  return `${repositoryOf(world, pull.headRepository).owner}:${pull.headRef}`.toLowerCase();
}

function brought({ world }: Call, pull: Pull, commit: string): boolean {
  if (pull.mergedAt !== null && pull.mergeCommit === commit) return true;
  if (pull.state === "closed" && pull.mergedAt === null) return false;
  const name = nameOf(repositoryOf(world, pull.repository));
  return world.git.between(name, [pull.baseSha], pull.headSha).includes(commit);
}
