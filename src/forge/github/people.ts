import type { ForgePulls } from "../forge.ts";
import { isUnknownRepository } from "../git/refs.ts";
import { type Permission, permissions } from "../permission.ts";
import type { GithubWorld } from "./github-world.ts";

/** GitHub's login names, and those of Apps. */
const login = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})(?:\[bot\])?$/;

/** Never remembered beyond an entity tag: a role that was taken away is gone at once. */
export function people({ client }: GithubWorld): Pick<ForgePulls, "findPermission"> {
  return {
    async findPermission(repository, person) {
      if (!login.test(person)) return "none";
      const route = "GET /repos/{owner}/{repo}/collaborators/{username}/permission";
      try {
        const found = await client.find(repository, "people", route, { username: person });
        return found === undefined ? "none" : permissionOf(found.data.role_name, found.data.permission);
      } catch (error) {
        if (isUnknownRepository(error)) return "none";
        throw error;
      }
    },
  };
}

/** Pure. A custom role stands on a standard one, which `permission` names in the words of before there were roles. */
export function permissionOf(role: string | undefined, legacy: string): Permission {
  const standard = (name: string | undefined) => permissions.find((one) => one === name);
  return standard(role) ?? standard(legacy) ?? "none";
}
