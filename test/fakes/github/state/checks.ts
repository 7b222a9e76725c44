import { runInPayload, suiteInPayload } from "../views/checks.ts";
import { botOf, nameOf, newId, repositoryOf, timestamp, type World } from "../world.ts";
import type { Annotation, CheckRun, CheckSuite, Conclusion, Repository, RunAction, RunStatus } from "./data.ts";
import { ensureSuite, suiteStatus } from "./suites.ts";

export interface RunChange {
  readonly name?: string;
  readonly external_id?: string;
  readonly details_url?: string;
  readonly status?: RunStatus;
  readonly conclusion?: Conclusion;
  readonly started_at?: string;
  readonly completed_at?: string;
  readonly output?: {
    readonly title?: string;
    readonly summary: string;
    readonly text?: string;
    readonly annotations?: readonly Annotation[];
  };
  readonly actions?: readonly RunAction[];
}

export async function createRun(
  world: World,
  repository: Repository,
  headSha: string,
  appSlug: string,
  change: RunChange,
): Promise<CheckRun> {
  const branch = branchOf(world, repository, headSha);
  const suite = ensureSuite(world, repository.id, headSha, branch, appSlug);
  const run: CheckRun = {
    id: newId(world.data),
    suite: suite.id,
    repository: repository.id,
    appSlug,
    headSha,
    name: change.name ?? "",
    externalId: "",
    // Without one, the page of the App.
    detailsUrl: `${world.url}/apps/${appSlug}`,
    status: "queued",
    conclusion: null,
    startedAt: timestamp(world),
    completedAt: null,
    title: null,
    summary: null,
    text: null,
    annotations: [],
    actions: [],
  };
  world.data.runs.set(run.id, run);
  apply(world, run, change);
  suite.reset = false;
  tell(world, run, "created", botLogin(world, appSlug));
  if (run.status === "completed") await completed(world, run, suite);
  return run;
}

export async function updateRun(world: World, run: CheckRun, change: RunChange): Promise<void> {
  const before = run.status;
  apply(world, run, change);
  const suite = world.data.suites.get(run.suite);
  if (suite && before !== "completed" && run.status === "completed") await completed(world, run, suite);
}

function apply(world: World, run: CheckRun, change: RunChange): void {
  run.name = change.name ?? run.name;
  run.externalId = change.external_id ?? run.externalId;
  run.detailsUrl = change.details_url ?? run.detailsUrl;
  run.startedAt = change.started_at ?? run.startedAt;
  // A conclusion completes a run, whatever status says.
  run.status = change.conclusion === undefined ? (change.status ?? run.status) : "completed";
  run.conclusion = change.conclusion ?? run.conclusion;
  run.completedAt = run.status === "completed" ? (change.completed_at ?? run.completedAt ?? timestamp(world)) : null;
  run.actions = change.actions ?? run.actions;
  const { output } = change;
  if (!output) return;
  run.title = output.title ?? run.title;
  run.summary = output.summary;
  run.text = output.text ?? run.text;
  run.annotations.push(...(output.annotations ?? []));
}

async function completed(world: World, run: CheckRun, suite: CheckSuite): Promise<void> {
  tell(world, run, "completed", botLogin(world, run.appSlug));
  if (suiteStatus(world, suite) === "completed") await tellSuite(world, suite, "completed", botLogin(world, run.appSlug));
}

/** The suite shows as queued again, the run stays as it is: a new run is the App's to make. */
export function rerequestRun(world: World, run: CheckRun, sender: string): void {
  const suite = world.data.suites.get(run.suite);
  if (suite) suite.reset = true;
  tell(world, run, "rerequested", sender);
}

export function requestAction(world: World, run: CheckRun, identifier: string, sender: string): void {
  tell(world, run, "requested_action", sender, { requested_action: { identifier } });
}

export async function tellSuite(
  world: World,
  suite: CheckSuite,
  action: "requested" | "rerequested" | "completed",
  sender: string,
): Promise<void> {
  const repository = repositoryOf(world, suite.repository);
  const head = world.git.readCommit(nameOf(repository), suite.headSha);
  const payload = { action, check_suite: suiteInPayload(world, suite, head) };
  world.announce(`check-suite-${action}`, { repository, sender, payload });
}

function tell(world: World, run: CheckRun, action: string, sender: string, more: Readonly<Record<string, unknown>> = {}): void {
  const repository = repositoryOf(world, run.repository);
  // Re-requests and buttons are told only to the App that made the run.
  if (["rerequested", "requested_action"].includes(action) && run.appSlug !== world.app.slug) return;
  world.announce(`check-run-${action.replace("_", "-")}`, {
    repository,
    sender,
    payload: { action, check_run: runInPayload(world, run), ...more },
  });
}

function botLogin(world: World, slug: string): string {
  const login = botOf({ slug });
  return world.data.accounts.has(login.toLowerCase()) ? login : botOf(world.app);
}

/** null for a commit that no branch of this repository has at its head, as for a fork's. */
function branchOf(world: World, repository: Repository, sha: string): string | null {
  const refs = world.git.listRefs(nameOf(repository), "refs/heads/");
  return refs.find((each) => each.sha === sha)?.ref.slice("refs/heads/".length) ?? null;
}
