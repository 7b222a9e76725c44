import type { ForgePulls } from "../forge.ts";
import { isBranchName, isRepositoryName } from "../git/names.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { Branches, Group, HasCommit, Project } from "./schemas.ts";

/** Logins of Pagure and of the account systems behind it. */
const login = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;
const groupName = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$/;

/**
 * Never remembered: a right that was taken away is gone at once. `hascommit` knows groups, patterns of branches and those who may commit
 * everywhere and stand on no list, so it alone decides about writing; lists only tell who is more than that, or less.
 */
export function people(
  { client }: PagureWorld,
  manifests: { readonly repository: string; readonly branch: string },
): Pick<ForgePulls, "findPermission"> {
  async function isIn(person: string, users: readonly string[], groups: readonly string[]): Promise<boolean> {
    if (users.includes(person)) return true;
    for (const group of groups) {
      if (!groupName.test(group)) continue;
      const found = await client.find(`group/${group}`, Group);
      if (found?.members.includes(person)) return true;
    }
    return false;
  }

  /** Where nobody says which branch is meant. */
  async function usualBranch(repository: string): Promise<string | undefined> {
    if (repository === manifests.repository) return manifests.branch;
    const found = await client.find(`${repository}/git/branches`, Branches, { with_commits: "true" });
    return Object.keys(found?.default ?? {})[0];
  }

  return {
    async findPermission(repository, person, branch) {
      if (!login.test(person) || !isRepositoryName(repository)) return "none";
      const project = await client.find(repository, Project);
      if (project === undefined) return "none";
      const { access_users: users, access_groups: groups } = project;
      const asked = branch ?? (await usualBranch(repository)) ?? "main";
      const query = { user: person, branch: isBranchName(asked) ? asked : "main" };
      const writes = (await client.find(`${repository}/hascommit`, HasCommit, query))?.hascommit === true;
      if (writes) return (await isIn(person, [...users.owner, ...users.admin], groups.admin)) ? "admin" : "write";
      const mayTriage = await isIn(person, [...users.ticket, ...users.collaborator], [...groups.ticket, ...groups.collaborator]);
      return mayTriage ? "triage" : "none";
    },
  };
}
