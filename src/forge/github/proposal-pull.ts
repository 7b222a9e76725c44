import type { ProposalOutcome, ProposedChange } from "../forge.ts";
import type { GithubWorld } from "./github-world.ts";
import { reasonOf, statusOf } from "./request-errors.ts";
import type { Answer } from "./transport.ts";

type OpenPull = Answer<"GET /repos/{owner}/{repo}/pulls">["data"][number];

/** The open pull request of a branch of this repository; the oldest, should there be several (to several bases). */
export async function findOpenPull({ client }: GithubWorld, repository: string, branch: string): Promise<OpenPull | undefined> {
  const owner = repository.split("/")[0] ?? "";
  const parameters = { state: "open", head: `${owner}:${branch}`, sort: "created", direction: "asc" } as const;
  for await (const page of client.pages(repository, "proposals", "GET /repos/{owner}/{repo}/pulls", parameters)) {
    // `head` is owner and branch: another repository of the same owner may have such a branch, too.
    const found = page.find((one) => one.head.ref === branch && one.head.repo?.full_name.toLowerCase() === repository.toLowerCase());
    if (found) return found;
  }
  return undefined;
}

/** Opens it, or brings title and body up to date where they differ. Undefined when somebody opened one meanwhile: look again. */
export async function ensurePull(
  world: GithubWorld,
  change: ProposedChange,
  head: string,
  moved: boolean,
): Promise<ProposalOutcome | undefined> {
  const { repository, branch, baseBranch: base, title, body } = change;
  const { client } = world;
  // Asked for again: a merge or a person's click lies between the first look and the branch's move.
  const open = await findOpenPull(world, repository, branch);
  if (open === undefined) {
    try {
      const made = await client.request(repository, "proposals", "POST /repos/{owner}/{repo}/pulls", { title, body, head: branch, base });
      return { outcome: "opened", number: made.data.number, head };
    } catch (error) {
      if (statusOf(error) === 422 && /already exists|no commits between/i.test(reasonOf(error))) return undefined;
      throw error;
    }
  }
  const { number } = open;
  const differs = {
    ...(open.title === title ? {} : { title }),
    ...(sameText(open.body ?? "", body) ? {} : { body }),
    ...(open.base.ref === base ? {} : { base }),
  };
  if (Object.keys(differs).length === 0) return { outcome: moved ? "updated" : "unchanged", number, head };
  await client.request(repository, "proposals", "PATCH /repos/{owner}/{repo}/pulls/{pull_number}", { pull_number: number, ...differs });
  return { outcome: "updated", number, head };
}

/** A browser turns line feeds into carriage returns when a person saves the body unchanged. */
function sameText(a: string, b: string): boolean {
  return a.replaceAll("\r\n", "\n") === b.replaceAll("\r\n", "\n");
}
