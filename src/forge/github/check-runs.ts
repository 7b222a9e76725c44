import { appError } from "../../domain/errors.ts";
import { cutBytes } from "../cut-text.ts";
import { type CommitStatus, type ForgePulls, isStatusOver } from "../forge.ts";
import { checkCommit } from "../git/names.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { annotationKey, annotationsPerRequest, type RunAnnotation, runAnnotations } from "./annotations.ts";
import {
  type Conclusion,
  commitStatusOf,
  type ReadRun,
  type RunContent,
  type RunStatus,
  runContentOf,
  shows,
} from "./check-run-mapping.ts";
import type { GithubWorld } from "./github-world.ts";
import { statusOf } from "./request-errors.ts";
import type { Parameters } from "./transport.ts";

type Routes = { POST: "POST /repos/{owner}/{repo}/check-runs"; PATCH: "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}" };
type Body<M extends keyof Routes> = Omit<Parameters<Routes[M]>, "owner" | "repo">;

/** What creating and changing have in common; the description ties status and conclusion together, the mapping's table does so here. */
interface RunBody {
  readonly status?: RunStatus;
  readonly conclusion?: Conclusion;
  readonly completed_at?: string;
  readonly external_id?: string;
  readonly details_url?: string;
  readonly output?: { readonly title: string; readonly summary: string; readonly annotations?: readonly RunAnnotation[] };
  readonly actions?: readonly { readonly identifier: string; readonly label: string; readonly description: string }[];
}

/** Statuses are check runs. Theirs is to be looked for before it is made: an answer may have been lost, and a delivery may come twice. */
export function checkRuns({ client, identity, now }: GithubWorld): Pick<ForgePulls, "setStatus" | "listStatuses"> {
  const inTurn = oneAtATime();

  async function list(repository: string, commit: string, filter: "latest" | "all", name?: string): Promise<readonly ReadRun[]> {
    const { id } = await identity();
    const found: ReadRun[] = [];
    const parameters = { ref: commit, filter, app_id: id, ...(name === undefined ? {} : { check_name: name }) };
    try {
      for await (const data of client.pages(repository, "statuses", "GET /repos/{owner}/{repo}/commits/{ref}/check-runs", parameters)) {
        found.push(...data.check_runs.filter((run) => run.app?.id === id));
      }
    } catch (error) {
      throw asUnknownCommit(error, repository, commit);
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async function set(repository: string, commit: string, status: CommitStatus): Promise<void> {
    const content = runContentOf(status);
    const last = (await list(repository, commit, "all", status.name)).findLast((run) => run.name === status.name);
    // A completed run does not go back, and is the word of the run of flibs that completed it.
    const goesOn =
      last !== undefined && (last.status !== "completed" || (isStatusOver(status.state) && last.external_id === content.externalId));
    const there = goesOn ? await readAnnotations(repository, last) : new Set<string>();
    const lacking = runAnnotations(status.annotations ?? []).filter((one) => !there.has(annotationKey(one)));
    if (goesOn && lacking.length === 0 && shows(last, content)) return;
    await write(repository, commit, status, content, goesOn ? last : undefined, lacking);
  }

  async function readAnnotations(repository: string, run: ReadRun): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    if (run.output.annotations_count === 0) return keys;
    const route = "GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations";
    for await (const data of client.pages(repository, "statuses", route, { check_run_id: Number(run.id) })) {
      for (const one of data) keys.add(annotationKey(one));
    }
    return keys;
  }

  /** All but the last fifty annotations come before the state does: who sees the state sees them all. */
  async function write(
    repository: string,
    commit: string,
    status: CommitStatus,
    content: RunContent,
    run: ReadRun | undefined,
    annotations: readonly RunAnnotation[],
  ): Promise<void> {
    let id = run?.id;
    const rest = [...annotations];
    const { title, summary } = content;
    while (rest.length > annotationsPerRequest) {
      const output = { title, summary, annotations: rest.splice(0, annotationsPerRequest) };
      if (id === undefined) id = await create(repository, commit, status.name, { ...marks(content), status: "in_progress", output });
      else await update(repository, id, { output });
    }
    const body: RunBody = {
      ...marks(content),
      status: content.status,
      ...(content.conclusion === undefined ? {} : { conclusion: content.conclusion, completed_at: timestamp(now()) }),
      // Said each time: a button that is left out would stay.
      actions: isStatusOver(status.state) ? [] : actionsOf(status),
      output: { title, summary, ...(rest.length === 0 ? {} : { annotations: rest }) },
    };
    if (id === undefined) await create(repository, commit, status.name, body);
    else await update(repository, id, body);
  }

  async function create(repository: string, commit: string, name: string, body: RunBody): Promise<number | bigint> {
    const all = { name, head_sha: commit, started_at: timestamp(now()), ...body };
    try {
      return (await client.request(repository, "statuses", "POST /repos/{owner}/{repo}/check-runs", all as Body<"POST">)).data.id;
    } catch (error) {
      throw asUnknownCommit(error, repository, commit);
    }
  }

  async function update(repository: string, run: number | bigint, body: RunBody): Promise<void> {
    const all = { check_run_id: Number(run), ...body };
    await client.request(repository, "statuses", "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", all as Body<"PATCH">);
  }

  return {
    setStatus: (repository, commit, status) =>
      inTurn(`${repository} ${checkCommit(commit)} ${status.name}`, () => set(repository, commit, status)),
    async listStatuses(repository, commit) {
      const byName = new Map<string, ReadRun>();
      for (const run of await list(repository, checkCommit(commit), "latest")) byName.set(run.name, run);
      return [...byName.values()].map(commitStatusOf);
    },
  };
}

function marks({ externalId, detailsUrl }: RunContent): Pick<RunBody, "external_id" | "details_url"> {
  return { ...(externalId === "" ? {} : { external_id: externalId }), ...(detailsUrl === undefined ? {} : { details_url: detailsUrl }) };
}

function actionsOf({ actions = [] }: CommitStatus): NonNullable<RunBody["actions"]> {
  return actions.slice(0, 3).map(({ identifier, label, description }) => ({
    identifier: cutBytes(identifier, 20),
    label: cutBytes(label, 20),
    description: cutBytes(description, 40),
  }));
}

/** `YYYY-MM-DDTHH:MM:SSZ`, without fractions of seconds. */
function timestamp(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

/** GitHub answers 422 "No commit found for SHA", or 404 for a listing. */
function asUnknownCommit(error: unknown, repository: string, commit: string): unknown {
  const status = statusOf(error);
  const isCommit = status === 404 || (status === 422 && error instanceof Error && /no commit found/i.test(error.message));
  return isCommit ? appError("forge.commit-unknown", `${repository} has no commit ${commit}`, { cause: error }) : error;
}
