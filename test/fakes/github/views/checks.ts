import type { CommitObject } from "../git.ts";
import type { CheckRun, CheckSuite } from "../state/data.ts";
import { pullsOfSuite, suiteConclusion, suiteStatus } from "../state/suites.ts";
import { repositoryOf, type World } from "../world.ts";
import { appView, nodeId } from "./accounts.ts";
import { pullMinimalView } from "./pulls.ts";
import { apiOf, pageOf, repositoryView } from "./repositories.ts";

export function runView(world: World, run: CheckRun) {
  const suite = world.data.suites.get(run.suite);
  const repository = repositoryOf(world, run.repository);
  const url = `${apiOf(world, repository)}/check-runs/${run.id}`;
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId("CR", run.id),
    head_sha: run.headSha,
    external_id: run.externalId,
    url,
    html_url: `${pageOf(world, repository)}/runs/${run.id}`,
    details_url: run.detailsUrl,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/annotations`,
    },
    check_suite: { id: run.suite },
    app: appView(world, run.appSlug),
    pull_requests: suite ? pullsOfSuite(world, suite).map((pull) => pullMinimalView(world, pull)) : [],
  };
}

/** A run in a payload carries its suite; in the API only the suite's id. */
export function runInPayload(world: World, run: CheckRun) {
  const suite = world.data.suites.get(run.suite);
  if (!suite) throw new Error(`check run ${run.id} has no suite`);
  const { status, conclusion, ...rest } = suiteBase(world, suite);
  return {
    ...runView(world, run),
    check_suite: { ...rest, status, conclusion, repository: repositoryView(world, repositoryOf(world, run.repository)) },
  };
}

function suiteBase(world: World, suite: CheckSuite) {
  return {
    id: suite.id,
    node_id: nodeId("CS", suite.id),
    head_branch: suite.headBranch,
    head_sha: suite.headSha,
    status: suiteStatus(world, suite),
    conclusion: suiteConclusion(world, suite),
    url: `${apiOf(world, repositoryOf(world, suite.repository))}/check-suites/${suite.id}`,
    before: null,
    after: suite.headSha,
    pull_requests: pullsOfSuite(world, suite).map((pull) => pullMinimalView(world, pull)),
    app: appView(world, suite.appSlug),
    created_at: suite.createdAt,
    updated_at: suite.updatedAt,
  };
}

export function suiteInPayload(world: World, suite: CheckSuite, head: CommitObject) {
  const base = suiteBase(world, suite);
  const person = ({ name, email }: { readonly name: string; readonly email: string }) => ({ name, email });
  return {
    ...base,
    latest_check_runs_count: [...world.data.runs.values()].filter((run) => run.suite === suite.id).length,
    check_runs_url: `${base.url}/check-runs`,
    rerequestable: true,
    runs_rerequestable: true,
    head_commit: {
      id: head.sha,
      tree_id: head.tree,
      message: head.message,
      timestamp: head.committer.date,
      author: person(head.author),
      committer: person(head.committer),
    },
  };
}

export function annotationView(world: World, run: CheckRun, index: number) {
  const annotation = run.annotations[index];
  if (!annotation) throw new Error(`check run ${run.id} has no annotation ${index}`);
  const page = pageOf(world, repositoryOf(world, run.repository));
  return {
    path: annotation.path,
    blob_href: `${page}/blob/${run.headSha}/${encodeURI(annotation.path)}`,
    start_line: annotation.start_line,
    end_line: annotation.end_line,
    start_column: annotation.start_column ?? null,
    end_column: annotation.end_column ?? null,
    annotation_level: annotation.annotation_level,
    title: annotation.title ?? null,
    message: annotation.message,
    raw_details: annotation.raw_details ?? null,
  };
}
