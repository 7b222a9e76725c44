import type { GitStore } from "./git.ts";
import type { Account, Data, Issue, Pull, Repository } from "./state/data.ts";

/** The App as its manifest (app.yml) and GitHub's registration describe it. */
export interface App {
  readonly id: number;
  readonly slug: string;
  readonly clientId: string;
  readonly owner: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly events: readonly string[];
  readonly createdAt: string;
}

/** What routes and world actions share. */
export interface World {
  readonly data: Data;
  readonly git: GitStore;
  readonly app: App;
  /** Web address without a slash at its end; pages, clones. */
  readonly url: string;
  readonly apiUrl: string;
  readonly now: () => Date;
  /** Announces a change to the installation that covers the repository, when the App is subscribed. `key` as in `operations.ts`. */
  readonly announce: (key: string, about: About) => void;
}

export interface About {
  readonly repository?: Repository;
  /** Set instead of a repository for events of an installation. */
  readonly installation?: number;
  readonly sender: string;
  /** What the payload has beside repository, organisation, installation and sender. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/** An answer that is no success. Thrown by routes and rules. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly unknown[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, message: string, errors?: readonly unknown[], headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.errors = errors;
    this.headers = headers;
  }
}

export const notFound = () => new Refusal(404, "Not Found");

export function invalid(resource: string, field: string, message: string, code = "custom"): Refusal {
  return new Refusal(422, "Validation Failed", [{ resource, field, code, message }]);
}

/** Seconds resolution, as GitHub writes times. */
export function timestamp(world: Pick<World, "now">): string {
  return world
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, "Z");
}

export function newId(data: Data): number {
  data.nextId += 1;
  return data.nextId;
}

export function accountOf(world: World, login: string): Account {
  const found = world.data.accounts.get(login.toLowerCase());
  if (!found) throw new Error(`nobody is called ${login}`);
  return found;
}

export function findRepository(world: World, fullName: string): Repository | undefined {
  const wanted = fullName.toLowerCase();
  for (const repository of world.data.repositories.values()) if (nameOf(repository).toLowerCase() === wanted) return repository;
  return undefined;
}

export function repositoryOf(world: World, name: string | number): Repository {
  const found = typeof name === "number" ? world.data.repositories.get(name) : findRepository(world, name);
  if (!found) throw new Error(`there is no repository ${name}`);
  return found;
}

export const nameOf = (repository: Repository) => `${repository.owner}/${repository.name}`;

export function findPull(world: World, repository: Repository, number: number): Pull | undefined {
  for (const pull of world.data.pulls.values()) if (pull.repository === repository.id && pull.number === number) return pull;
  return undefined;
}

/** A pull request is an issue as well. */
export function findIssue(world: World, repository: number, number: number): Pull | Issue | undefined {
  const all = [...world.data.pulls.values(), ...world.data.issues.values()];
  return all.find((each) => each.repository === repository && each.number === number);
}

export const botOf = (app: Pick<App, "slug">) => `${app.slug}[bot]`;
