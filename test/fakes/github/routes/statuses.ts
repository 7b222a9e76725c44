import type { Status } from "../state/data.ts";
import { nodeId, userView } from "../views/accounts.ts";
import { apiOf, repositoryView } from "../views/repositories.ts";
import { nameOf, newId, Refusal, timestamp, type World } from "../world.ts";
import { actorOf, type Call, commitOfCall, created, type Handlers, page, repositoryOfCall } from "./call.ts";

interface StatusRequest {
  readonly state: Status["state"];
  readonly target_url?: string | null;
  readonly description?: string | null;
  readonly context?: string;
}

export const statusRoutes: Handlers = {
  "repos/create-commit-status": (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const sha = call.params.sha ?? "";
    if (!world.git.resolve(nameOf(repository), sha)) throw new Refusal(422, `No commit found for SHA: ${sha}`);
    const wanted = call.body as StatusRequest;
    const context = wanted.context ?? "default";
    if (of(call, sha).filter((each) => same(each.context, context)).length >= 1000) {
      throw new Refusal(422, "Validation Failed", ["This SHA and context has reached the maximum number of statuses."]);
    }
    const status: Status = {
      id: newId(world.data),
      repository: repository.id,
      sha,
      context,
      state: wanted.state,
      description: wanted.description ?? null,
      targetUrl: wanted.target_url ?? null,
      author: actorOf(call),
      at: timestamp(world),
    };
    world.data.statuses.push(status);
    return created({ ...statusView(world, status, apiOf(world, repository)), creator: userView(world, status.author) });
  },

  "repos/get-combined-status-for-ref": (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const sha = commitOfCall(call, call.params.ref ?? "");
    // Contexts are compared without regard to case; the newest of each counts.
    const latest = new Map(of(call, sha).map((each) => [each.context.toLowerCase(), each]));
    const statuses = [...latest.values()];
    const api = apiOf(world, repository);
    return page(call, statuses, (some) => ({
      state: combined(statuses),
      statuses: some.map((each) => statusView(world, each, api)),
      sha,
      total_count: statuses.length,
      repository: repositoryView(world, repository),
      commit_url: `${api}/commits/${sha}`,
      url: `${api}/commits/${sha}/status`,
    }));
  },
};

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

function of(call: Call, sha: string): readonly Status[] {
  const { id } = repositoryOfCall(call);
  return call.world.data.statuses.filter((each) => each.repository === id && each.sha === sha);
}

function combined(statuses: readonly Status[]): string {
  if (statuses.some(({ state }) => state === "error" || state === "failure")) return "failure";
  return statuses.length === 0 || statuses.some(({ state }) => state === "pending") ? "pending" : "success";
}

function statusView(world: World, status: Status, api: string) {
  return {
    url: `${api}/statuses/${status.sha}`,
    avatar_url: userView(world, status.author).avatar_url,
    id: status.id,
    node_id: nodeId("SC", status.id),
    state: status.state,
    description: status.description,
    target_url: status.targetUrl,
    context: status.context,
    created_at: status.at,
    updated_at: status.at,
  };
}
