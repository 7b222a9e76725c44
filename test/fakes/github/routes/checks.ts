import { createRun, type RunChange, rerequestRun, updateRun } from "../state/checks.ts";
import type { CheckRun } from "../state/data.ts";
import { latestRuns } from "../state/suites.ts";
import { annotationView, runView } from "../views/checks.ts";
import { nameOf, notFound, Refusal } from "../world.ts";
import { actorOf, type Call, commitOfCall, created, type Handlers, ok, page, repositoryOfCall } from "./call.ts";

export const checkRoutes: Handlers = {
  "checks/create": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const { head_sha: wanted, ...change } = call.body as RunChange & { readonly head_sha: string };
    const known = /^[0-9a-f]{40}$/.test(wanted) && world.git.resolve(nameOf(repository), wanted) !== undefined;
    if (!known) throw new Refusal(422, `No commit found for SHA: ${wanted}`);
    return created(runView(world, await createRun(world, repository, wanted, world.app.slug, change)));
  },

  "checks/get": (call) => ok(runView(call.world, runOfCall(call))),

  "checks/update": async (call) => {
    const run = ownRun(call);
    await updateRun(call.world, run, call.body as RunChange);
    return ok(runView(call.world, run));
  },

  "checks/list-annotations": (call) => {
    const run = runOfCall(call);
    return page(
      call,
      run.annotations.map((_, i) => annotationView(call.world, run, i)),
    );
  },

  "checks/list-for-ref": (call) => {
    const { world, query } = call;
    const repository = repositoryOfCall(call);
    const sha = commitOfCall(call, call.params.ref ?? "");
    const all = [...world.data.runs.values()].filter((run) => run.repository === repository.id && run.headSha === sha);
    const seen = query.get("filter") === "all" ? all : latestRuns(all);
    const appId = query.get("app_id");
    const found = seen
      .filter((run) => !query.has("check_name") || run.name === query.get("check_name"))
      .filter((run) => !query.has("status") || run.status === query.get("status"))
      .filter((run) => appId === null || runView(world, run).app.id === Number(appId))
      .sort((a, b) => b.id - a.id);
    return page(call, found, (some) => ({ total_count: found.length, check_runs: some.map((run) => runView(world, run)) }));
  },

  "checks/rerequest-run": (call) => {
    rerequestRun(call.world, ownRun(call), actorOf(call));
    return created({});
  },
};

function runOfCall(call: Call): CheckRun {
  const run = call.world.data.runs.get(Number(call.params.check_run_id));
  if (!run || run.repository !== repositoryOfCall(call).id) throw notFound();
  return run;
}

/** Only the App that made a run changes it. */
function ownRun(call: Call): CheckRun {
  const run = runOfCall(call);
  if (run.appSlug !== call.world.app.slug) throw new Refusal(403, "Invalid app_id");
  return run;
}
