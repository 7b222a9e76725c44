// A Pagure 5.13 on loopback: real HTTP, real git, and the shapes, statuses and traps of test/fixtures/pagure. See README.md.
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createGitStore } from "../github/git.ts";
import { createHooks, type Hooks } from "./hooks.ts";
import { commitFiles, type Files, type Person, personOn } from "./person.ts";
import { createFaults, createPagureServer, type Faults, type Seen } from "./server.ts";
import { type Access, type Flag, gitName, type Project, type Pull, projectOf, pullOf, type World } from "./state.ts";

export interface PagureOptions {
  /** What addresses begin with, with a slash at the end; where the double listens when left out. */
  readonly instance?: string;
  readonly clock?: () => Date;
  readonly port?: number;
}

export interface NewProject {
  readonly owner?: string;
  readonly users?: Partial<Record<Access, readonly string[]>>;
  readonly groups?: Partial<Record<Access, readonly string[]>>;
  /** Of collaborators: `f*, epel*`. */
  readonly collaboratorBranches?: Readonly<Record<string, string>>;
  readonly defaultBranch?: string;
  readonly hookKey?: string;
  readonly hookUrls?: readonly string[];
  readonly description?: string;
  /** First commit of the default branch; none when left out. */
  readonly files?: Files;
}

export interface NewToken {
  readonly user: string;
  readonly acls: readonly string[];
  /** Full name, for a project's token. */
  readonly project?: string;
  readonly expires?: Date;
}

export interface Pagure {
  /** Where it listens: no slash at the end. */
  readonly url: string;
  readonly hooks: Hooks;
  readonly faults: Faults;
  /** Requests of the API and what they were answered with. */
  readonly seen: readonly Seen[];
  user(name: string, fullname?: string): void;
  group(name: string, members: readonly string[]): void;
  externalCommitter(name: string): void;
  createProject(name: string, options?: NewProject): Promise<void>;
  /** Replaces what a person had there. */
  setAccess(project: string, user: string, access: Access | undefined): void;
  setHookUrls(project: string, urls: readonly string[]): void;
  /** As a project's admin does in the web interface. */
  regenerateHookKey(project: string): string;
  /** The "test hook" button. */
  testHook(project: string): void;
  createToken(token: NewToken): string;
  expireToken(id: string): void;
  person(name: string): Person;
  /** The next statistics of a pull request that are asked for are not there. */
  loseStats(times: number): void;
  head(project: string, branch: string): Promise<string | undefined>;
  file(project: string, ref: string, path: string): Promise<string | undefined>;
  /** Directory of the bare repository. */
  gitPath(project: string): string;
  flags(project: string, commit: string): readonly Flag[];
  pulls(project: string): readonly Pull[];
  pull(project: string, number: number): Pull;
  close(): Promise<void>;
}

export async function startPagure(options: PagureOptions = {}): Promise<Pagure> {
  const clock = options.clock ?? (() => new Date());
  const now = () => clock().getTime() / 1000;
  const git = await createGitStore();
  const seen: Seen[] = [];
  const faults = createFaults();
  let lostStats = 0;
  const server = createPagureServer(() => world, faults, seen);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const instance = options.instance ?? `${url}/`;
  const world: World = {
    ...{ instance, git, users: new Map(), groups: new Map(), externalCommitters: new Set(), projects: new Map(), tokens: new Map() },
    ...{ tasks: new Map(), writing: new Set(), hooks: createHooks(instance, now), now, nextComment: 1 },
    flagOf: (commit, uid) => {
      for (const { flags } of world.projects.values()) {
        const found = flags.find((one) => one.commit === commit && one.uid === uid);
        if (found) return found;
      }
      return undefined;
    },
    statsAreMissing: () => lostStats-- > 0,
  };

  return {
    ...{ url, hooks: world.hooks, faults, seen },
    user: (name, fullname = name) => void world.users.set(name, { name, fullname }),
    group: (name, members) => void world.groups.set(name, [...members]),
    externalCommitter: (name) => void world.externalCommitters.add(name),
    async createProject(name, more = {}) {
      const [project = "", namespace = ""] = name.split("/").reverse();
      const lists = (of: NewProject["users"] = {}) => ({
        ...{ admin: [...(of.admin ?? [])], commit: [...(of.commit ?? [])] },
        ...{ collaborator: [...(of.collaborator ?? [])], ticket: [...(of.ticket ?? [])] },
      });
      const made: Project = {
        ...{ id: world.projects.size + 1, namespace, name: project, fork: undefined, parent: undefined, owner: more.owner ?? "alice" },
        ...{
          description: more.description ?? project,
          created: now(),
          modified: now(),
          users: lists(more.users),
          groups: lists(more.groups),
        },
        ...{ collaboratorBranches: { ...more.collaboratorBranches }, defaultBranch: more.defaultBranch ?? "main" },
        ...{ hookKey: more.hookKey ?? newKey(), hookUrls: [...(more.hookUrls ?? [])], pulls: [], flags: [] },
      };
      await git.create(gitName(made));
      await git.run(gitName(made), ["config", "uploadpack.allowAnySHA1InWant", "false"]);
      await git.run(gitName(made), ["config", "http.receivepack", "true"]);
      await git.run(gitName(made), ["symbolic-ref", "HEAD", `refs/heads/${made.defaultBranch}`]);
      world.projects.set(name, made);
      if (more.files) {
        const commit = await commitFiles(world, made, made.owner, undefined, more.files, "First commit");
        git.setRef(gitName(made), `refs/heads/${made.defaultBranch}`, commit);
      }
    },
    setAccess(name, user, access) {
      const { users } = projectOf(world, name);
      for (const list of Object.values(users)) if (list.includes(user)) list.splice(list.indexOf(user), 1);
      if (access !== undefined) users[access].push(user);
    },
    setHookUrls(name, urls) {
      projectOf(world, name).hookUrls = [...urls];
    },
    regenerateHookKey(name) {
      const key = newKey();
      projectOf(world, name).hookKey = key;
      return key;
    },
    testHook: (name) => world.hooks.emit(projectOf(world, name), "Test.notification", { content: "Test message" }),
    createToken({ user, acls, project, expires }) {
      const id = newKey() + newKey().slice(0, 24);
      const at = (expires?.getTime() ?? clock().getTime() + 365 * 86_400_000) / 1000;
      world.tokens.set(id, { id, user, acls, project, expires: at });
      return id;
    },
    expireToken(id) {
      const token = world.tokens.get(id);
      if (token) token.expires = 0;
    },
    person: (name) => personOn(world, name),
    loseStats(times) {
      lostStats = times;
    },
    head: async (name, branch) => git.findRef(gitName(projectOf(world, name)), `refs/heads/${branch}`),
    async file(name, ref, path) {
      const at = gitName(projectOf(world, name));
      const commit = git.resolve(at, ref);
      const entry = commit && git.findEntry(at, commit, path);
      return entry ? git.readBlob(at, entry.sha).toString() : undefined;
    },
    gitPath: (name) => git.path(gitName(projectOf(world, name))),
    flags: (name, commit) => projectOf(world, name).flags.filter((one) => one.commit === commit),
    pulls: (name) => projectOf(world, name).pulls,
    pull: (name, number) => pullOf(projectOf(world, name), number),
    async close() {
      await world.hooks.settled();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await git.close();
    },
  };
}

/** Forty characters of `A-Z0-9`. */
function newKey(): string {
  return [...randomBytes(40)].map((byte) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[byte % 36]).join("");
}
