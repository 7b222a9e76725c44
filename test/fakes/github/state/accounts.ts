import { accountOf, newId, type World } from "../world.ts";
import type { Account, Data, Repository, Role } from "./data.ts";

export function ensureAccount(data: Data, login: string, type: Account["type"] = "User"): Account {
  const key = login.toLowerCase();
  const account = data.accounts.get(key) ?? { id: newId(data), login, type };
  data.accounts.set(key, account);
  return account;
}

/** Undefined for somebody without any. The owner of a repository is its admin; anybody reads a public one. */
export function roleOf(world: World, repository: Repository, login: string): Role | undefined {
  if (repository.owner.toLowerCase() === login.toLowerCase()) return "admin";
  return (
    repository.roles.get(login.toLowerCase()) ?? (repository.private || !world.data.accounts.has(login.toLowerCase()) ? undefined : "read")
  );
}

/** The legacy words that `permission` has for the five roles (documentation of the collaborators API). */
export const legacyPermission: Readonly<Record<Role, "read" | "write" | "admin">> = {
  read: "read",
  triage: "read",
  write: "write",
  maintain: "write",
  admin: "admin",
};

export function mayWrite(world: World, repository: Repository, login: string): boolean {
  const role = roleOf(world, repository, login);
  return role !== undefined && legacyPermission[role] !== "read";
}

/** No permission: MEMBER and COLLABORATOR say nothing about write access. */
export function associationOf(world: World, repository: Repository, login: string): string {
  if (repository.owner.toLowerCase() === login.toLowerCase()) return "OWNER";
  if (repository.roles.has(login.toLowerCase())) {
    return accountOf(world, repository.owner).type === "Organization" ? "MEMBER" : "COLLABORATOR";
  }
  const known = [...world.data.pulls.values()].some((pull) => pull.repository === repository.id && pull.author === login && pull.mergedAt);
  return known ? "CONTRIBUTOR" : "NONE";
}
