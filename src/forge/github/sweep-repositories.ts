import { isRepositoryName } from "../git/names.ts";
import { hasNext } from "./github-client.ts";
import type { GithubWorld } from "./github-world.ts";
import { scopes } from "./scopes.ts";

export interface InstalledRepository {
  readonly name: string;
  readonly installation: number;
}

/** Repositories of the namespace, and the registry-manifest repository, as far as the App is installed there. Archived ones do not change. */
export async function listRepositories(
  { client }: Pick<GithubWorld, "client">,
  { namespace, manifests }: { readonly namespace: string; readonly manifests: string },
): Promise<readonly InstalledRepository[]> {
  const owners = new Set([namespace, manifests.split("/")[0] ?? ""].map((owner) => owner.toLowerCase()));
  const found: InstalledRepository[] = [];
  for (let page = 1, more = true; more; page++) {
    const answer = await client.asApp("GET /app/installations", { per_page: 100, page });
    more = hasNext(answer);
    for (const { id, account, suspended_at: suspended } of answer.data) {
      const login = account !== null && "login" in account ? account.login : "";
      if (owners.has(login.toLowerCase()) && !suspended) found.push(...(await repositoriesOf(client, Number(id))));
    }
  }
  return found.filter(({ name }) => isRepositoryName(name) && (name.startsWith(`${namespace}/`) || name === manifests));
}

async function repositoriesOf(client: GithubWorld["client"], installation: number): Promise<readonly InstalledRepository[]> {
  const found: InstalledRepository[] = [];
  for (let page = 1, more = true; more; page++) {
    const answer = await client.asInstallation(installation, scopes.listing, "GET /installation/repositories", { per_page: 100, page });
    more = hasNext(answer);
    for (const one of answer.data.repositories) if (!one.archived && !one.disabled) found.push({ name: one.full_name, installation });
  }
  return found;
}
