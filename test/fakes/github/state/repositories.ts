import { accountOf, nameOf, newId, timestamp, type World } from "../world.ts";
import { ensureAccount } from "./accounts.ts";
import type { Repository, Role } from "./data.ts";

export interface RepositoryOptions {
  readonly private?: boolean;
  readonly defaultBranch?: string;
  readonly roles?: Readonly<Record<string, Role>>;
  readonly parent?: Repository;
}

/** `owner/name`; an owner that is not known becomes an organisation, for a fork a person. Empty but for a fork's branches. */
export async function createRepository(world: World, fullName: string, options: RepositoryOptions = {}): Promise<Repository> {
  const [owner = "", name = ""] = fullName.split("/");
  ensureAccount(world.data, owner, options.parent ? "User" : "Organization");
  const at = timestamp(world);
  const repository: Repository = {
    id: newId(world.data),
    owner: accountOf(world, owner).login,
    name,
    private: options.private ?? false,
    defaultBranch: options.defaultBranch ?? "main",
    parent: options.parent?.id,
    roles: new Map(),
    createdAt: at,
    pushedAt: at,
    nextNumber: 1,
  };
  for (const [login, role] of Object.entries(options.roles ?? {})) setRole(world, repository, login, role);
  await world.git.create(nameOf(repository), options.parent && nameOf(options.parent));
  world.data.repositories.set(repository.id, repository);
  return repository;
}

export function setRole(world: World, repository: Repository, login: string, role: Role | undefined): void {
  ensureAccount(world.data, login);
  if (role) repository.roles.set(login.toLowerCase(), role);
  else repository.roles.delete(login.toLowerCase());
}
