import type { GitStore } from "../github/git.ts";
import type { Hooks } from "./hooks.ts";

/** What Pagure keeps, as this double keeps it: in memory, beside real git repositories. */
export interface User {
  readonly name: string;
  readonly fullname: string;
}

export type Access = "admin" | "commit" | "collaborator" | "ticket";

export interface Project {
  readonly id: number;
  /** `containers`; empty for a project without a namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Login of whose fork it is. */
  readonly fork: string | undefined;
  readonly parent: Project | undefined;
  readonly owner: string;
  readonly description: string;
  readonly created: number;
  modified: number;
  readonly users: Record<Access, string[]>;
  readonly groups: Record<Access, string[]>;
  /** Branch patterns of collaborators. */
  readonly collaboratorBranches: Record<string, string>;
  defaultBranch: string;
  hookKey: string;
  hookUrls: string[];
  readonly pulls: Pull[];
  readonly flags: Flag[];
}

export interface Comment {
  readonly id: number;
  text: string;
  readonly user: string;
  readonly notification: boolean;
  readonly created: number;
  readonly inline?: { readonly commit: string; readonly filename: string; readonly line: number };
  edited?: { readonly by: string; readonly at: number };
}

export interface Pull {
  readonly id: number;
  readonly uid: string;
  title: string;
  initialComment: string | null;
  branch: string;
  readonly branchFrom: string;
  readonly from: Project;
  readonly user: string;
  status: "Open" | "Merged" | "Closed";
  start: string;
  stop: string;
  readonly comments: Comment[];
  readonly created: number;
  updated: number;
  closedAt: number | undefined;
  closedBy: string | undefined;
  mergeStatus: "unknown" | "FFORWARD" | "MERGE" | "CONFLICTS" | "NO_CHANGE";
}

export interface Flag {
  readonly commit: string;
  readonly uid: string;
  readonly username: string;
  readonly user: string;
  comment: string;
  status: string;
  url: string;
  percent: string | undefined;
  readonly created: number;
  updated: number;
  /** Full name of the project whose page shows it: the first that it was posted to. */
  readonly project: string;
}

export interface Token {
  readonly id: string;
  readonly user: string;
  readonly acls: readonly string[];
  /** Full name; any project when undefined. */
  readonly project: string | undefined;
  /** Epoch seconds. */
  expires: number;
}

export interface Task {
  readonly id: string;
  ready: boolean;
  successful: boolean;
}

export interface World {
  /** With its trailing slash: what every address begins with. */
  readonly instance: string;
  readonly git: GitStore;
  readonly users: Map<string, User>;
  readonly groups: Map<string, string[]>;
  /** EXTERNAL_COMMITTER: they may commit everywhere and stand on no project's list. */
  readonly externalCommitters: Set<string>;
  readonly projects: Map<string, Project>;
  readonly tokens: Map<string, Token>;
  readonly tasks: Map<string, Task>;
  /** uids that are being written at this moment. */
  readonly writing: Set<string>;
  readonly hooks: Hooks;
  /** Epoch seconds with a fraction. */
  readonly now: () => number;
  nextComment: number;
  /** Unique over the whole instance. */
  flagOf(commit: string, uid: string): Flag | undefined;
  /** Around a merge, statistics of a pull request are not there for a moment. */
  statsAreMissing(): boolean;
}

/** `name`, `ns/name`, `forks/<user>/ns/name`. */
export function fullName({ fork, namespace, name }: Pick<Project, "fork" | "namespace" | "name">): string {
  const plain = namespace === "" ? name : `${namespace}/${name}`;
  return fork === undefined ? plain : `forks/${fork}/${plain}`;
}

/** Part of an address: `fork/`, not `forks/`. */
export function urlPath(project: Project): string {
  return fullName(project).replace(/^forks\//, "fork/");
}

/** Name of the bare repository in the store, which knows names of two parts. */
export function gitName(project: Project): string {
  return `${project.fork === undefined ? "projects" : `forks-${project.fork}`}/${project.namespace}--${project.name}`;
}

export function projectOf(world: World, name: string): Project {
  const found = world.projects.get(name);
  if (found === undefined) throw new Error(`this Pagure has no project ${name}`);
  return found;
}

export function pullOf(project: Project, id: number): Pull {
  const found = project.pulls.find((one) => one.id === id);
  if (found === undefined) throw new Error(`${fullName(project)} has no pull request ${id}`);
  return found;
}

/** An instance-wide counter gives comments their ids. */
export function addComment(world: World, pull: Pull, comment: Pick<Comment, "text" | "user" | "notification" | "inline">): Comment {
  const made: Comment = { ...comment, id: world.nextComment, created: world.now() };
  world.nextComment += 1;
  pull.comments.push(made);
  pull.updated = made.created;
  return made;
}

function isMember(world: World, project: Project, access: Access, user: string): boolean {
  return project.users[access].includes(user) || project.groups[access].some((group) => world.groups.get(group)?.includes(user) === true);
}

export function isAdmin(world: World, project: Project, user: string): boolean {
  return project.owner === user || isMember(world, project, "admin", user);
}

export function mayCommit(world: World, project: Project, user: string, branch: string | undefined): boolean {
  if (isAdmin(world, project, user) || isMember(world, project, "commit", user) || world.externalCommitters.has(user)) return true;
  if (branch === undefined || !isMember(world, project, "collaborator", user)) return false;
  const patterns = (project.collaboratorBranches[user] ?? "").split(",").map((one) => one.trim());
  return patterns.some((one) => one !== "" && new RegExp(`^${one.replaceAll("*", ".*")}$`).test(branch));
}
