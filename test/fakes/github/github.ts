// A GitHub on loopback: real HTTP, real git, GitHub's published description as its contract. See README.md.
import { generateKeyPairSync } from "node:crypto";
import type { AddressInfo } from "node:net";
import { loadContract } from "./contract.ts";
import { createExclusive } from "./exclusive.ts";
import { createFaults, type Faults } from "./faults.ts";
import { createGitStore, webFlow } from "./git.ts";
import { createHooks, type Hooks } from "./hooks.ts";
import { createLimits, type LimitOptions, type Limits } from "./limits.ts";
import { type Act, type Person, personOn } from "./people.ts";
import { type Files, pushFiles } from "./person-git.ts";
import { enqueue, leaveQueue } from "./queue.ts";
import { type Reads, readsOf } from "./reads.ts";
import { allRoutes } from "./routes/all.ts";
import { createApiServer } from "./server.ts";
import { ensureAccount } from "./state/accounts.ts";
import { createRun, type RunChange } from "./state/checks.ts";
import { type CheckRun, emptyData, type Installation, type MergeGroup, type Permissions, type Role } from "./state/data.ts";
import { changeRepositories, install, tellInstallation } from "./state/installations.ts";
import { createRepository, setRole } from "./state/repositories.ts";
import { createUsage, type Usage } from "./usage.ts";
import { botOf, findPull, repositoryOf, timestamp, type World } from "./world.ts";

export interface GithubOptions {
  /** What the App's manifest (app.yml) asks for. */
  readonly app: { readonly slug: string; readonly permissions: Permissions; readonly events: readonly string[] };
  readonly clock?: () => Date;
  /** Where deliveries go; may be set later (`hooks.url`). */
  readonly hookUrl?: string;
  readonly hookSecret?: string;
  readonly hookTimeoutMs?: number;
  readonly limits?: LimitOptions;
  /** 0 = any free one. */
  readonly port?: number;
}

export interface NewRepository {
  readonly private?: boolean;
  readonly defaultBranch?: string;
  readonly roles?: Readonly<Record<string, Role>>;
  /** First commit of the default branch. */
  readonly files?: Files;
}

export interface InstallRequest {
  /** Full names; all of the account's when left out. */
  readonly repositories?: readonly string[];
  /** What was granted, when it is less than the App asks for. */
  readonly permissions?: Permissions;
  readonly events?: readonly string[];
}

export interface Github {
  /** Web pages and clones: `${url}/<owner>/<name>.git`. The API answers here as well. */
  readonly url: string;
  /** The API as an enterprise server has it: `${url}/api/v3`. */
  readonly apiUrl: string;
  readonly app: { readonly id: number; readonly slug: string; readonly bot: string; readonly privateKey: string };
  readonly hooks: Hooks;
  readonly faults: Faults;
  readonly limits: Limits;
  readonly usage: Usage;
  readonly reads: Reads;
  /** Everything that GitHub would not have let pass, and everything that it would not have said. A test expects none. */
  readonly violations: string[];
  person(login: string): Person;
  organisation(login: string): void;
  createRepository(fullName: string, options?: NewRepository): Promise<string>;
  setRole(repository: string, login: string, role: Role | undefined): void;
  team(organisation: string, slug: string, members: Readonly<Record<string, "member" | "maintainer">>): void;
  install(account: string, options?: InstallRequest): Promise<Installation>;
  uninstall(installation: Installation): Promise<void>;
  suspend(installation: Installation, suspended: boolean): Promise<void>;
  addToInstallation(installation: Installation, repositories: readonly string[]): Promise<void>;
  removeFromInstallation(installation: Installation, repositories: readonly string[]): Promise<void>;
  /** The account grants what the App asks for since its manifest changed. */
  acceptPermissions(installation: Installation, permissions: Permissions, events: readonly string[]): Promise<void>;
  /** As after the App's settings were saved. */
  ping(): Promise<void>;
  enqueue(repository: string, number: number, login: string): Promise<MergeGroup>;
  leaveQueue(group: MergeGroup, reason: "merged" | "invalidated" | "dequeued"): Promise<void>;
  /** A check run of another App, which ours may read and not touch. */
  foreignRun(repository: string, sha: string, change: RunChange & { readonly name: string }): Promise<CheckRun>;
  /** Once all that was asked for is carried out; see `ApiServer`. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** One pair for all doubles of a process: making one takes longer than anything else at the start. */
let keys: ReturnType<typeof generateKeyPairSync> | undefined;

export async function startGithub(options: GithubOptions): Promise<Github> {
  const now = options.clock ?? (() => new Date());
  const violations: string[] = [];
  const violation = (what: string) => void violations.push(what);
  keys ??= generateKeyPairSync("rsa", { modulusLength: 2048 });
  const privateKey = keys.privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  const contract = loadContract();
  const data = emptyData();
  const git = await createGitStore();
  const usage = createUsage();
  const limits = createLimits(now, options.limits);
  const faults = createFaults(data);
  const exclusive = createExclusive();
  const appId = 123_456;
  const hooks = createHooks({
    hookId: 424_242,
    appId,
    now,
    url: options.hookUrl,
    secret: options.hookSecret ?? "the hook's secret",
    answerTimeoutMs: options.hookTimeoutMs ?? 10_000,
    check: contract.checkDelivery,
    violation,
    seen: (event) => void usage.events.add(event),
  });
  let world: World | undefined;
  const theWorld = (): World => {
    if (!world) throw new Error("GitHub is not up yet");
    return world;
  };
  const { publicKey } = keys;
  const parts = { world: theWorld, contract, handlers: allRoutes(hooks), publicKey, limits, faults, usage, hooks, exclusive, violation };
  const { server, idle } = createApiServer(parts);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const app = { id: appId, clientId: "Iv23liDOUBLE00000000", owner: "app-owner", createdAt: timestamp({ now }), ...options.app };
  world = { data, git, app, url, apiUrl: `${url}/api/v3`, now, announce: (key, about) => hooks.announce(theWorld(), key, about) };
  ensureAccount(data, app.owner, "Organization");
  ensureAccount(data, botOf(app), "Bot");
  ensureAccount(data, webFlow);
  const act: Act = async (change) => {
    const result = await exclusive(change);
    await hooks.flush();
    return result;
  };
  return {
    url,
    apiUrl: world.apiUrl,
    app: { id: appId, slug: app.slug, bot: botOf(app), privateKey },
    hooks,
    faults,
    limits,
    usage,
    reads: readsOf(world),
    violations,
    ...worldActions(world, act),
    idle,
    async close() {
      hooks.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await hooks.settled();
      await git.close();
    },
  };
}

type Actions = Omit<Github, "url" | "apiUrl" | "app" | "hooks" | "faults" | "limits" | "usage" | "reads" | "violations" | "idle" | "close">;

function worldActions(world: World, act: Act): Actions {
  const { data } = world;
  const named = (names: readonly string[]) => names.map((name) => repositoryOf(world, name));
  return {
    person: (login) => personOn(world, act, login),
    organisation: (login) => void ensureAccount(data, login, "Organization"),
    createRepository: (fullName, { files, ...options } = {}) =>
      act(async () => {
        const repository = await createRepository(world, fullName, options);
        if (files) await pushFiles(world, repository, repository.defaultBranch, files, repository.owner, { message: "First commit" });
        return fullName;
      }),
    setRole: (repository, login, role) => setRole(world, repositoryOf(world, repository), login, role),
    team(organisation, slug, members) {
      for (const login of Object.keys(members)) ensureAccount(data, login);
      const byLogin = Object.entries(members).map(([login, role]) => [login.toLowerCase(), role] as const);
      data.teams.push({ organisation, slug, members: new Map(byLogin) });
    },
    install: (account, { repositories, ...options } = {}) =>
      act(() => install(world, account, { ...options, ...(repositories ? { repositories: named(repositories) } : {}) })),
    uninstall: (installation) =>
      act(() => {
        tellInstallation(world, installation, "deleted", installation.account);
        data.installations.delete(installation.id);
        for (const token of data.tokens.values()) if (token.installation === installation.id) data.tokens.delete(token.token);
      }),
    suspend: (installation, suspended) =>
      act(() => {
        installation.suspendedAt = suspended ? timestamp(world) : null;
        tellInstallation(world, installation, suspended ? "suspend" : "unsuspend", installation.account);
      }),
    addToInstallation: (installation, names) => act(() => changeRepositories(world, installation, named(names), [], installation.account)),
    removeFromInstallation: (installation, names) =>
      act(() => changeRepositories(world, installation, [], named(names), installation.account)),
    acceptPermissions: (installation, permissions, events) =>
      act(() => {
        installation.permissions = { metadata: "read", ...permissions };
        installation.events = events;
        tellInstallation(world, installation, "new_permissions_accepted", installation.account);
      }),
    ping: () =>
      act(() => {
        const at = timestamp(world);
        const config = { content_type: "json", insecure_ssl: "0", secret: "********", url: `${world.url}/hook` };
        const events = [...world.app.events];
        const hook = {
          type: "App",
          id: 424_242,
          name: "web",
          active: true,
          events,
          config,
          created_at: at,
          updated_at: at,
          app_id: world.app.id,
        };
        world.announce("ping", { sender: world.app.owner, payload: { zen: "Design for failure.", hook_id: hook.id, hook } });
      }),
    enqueue: (repository, number, login) =>
      act(() => {
        const pull = findPull(world, repositoryOf(world, repository), number);
        if (!pull) throw new Error(`${repository} has no pull request ${number}`);
        return enqueue(world, pull, login);
      }),
    leaveQueue: (group, reason) => act(() => leaveQueue(world, group, reason, repositoryOf(world, group.repository).owner)),
    foreignRun: (repository, sha, change) =>
      act(() => {
        ensureAccount(data, botOf({ slug: "other-app" }), "Bot");
        return createRun(world, repositoryOf(world, repository), sha, "other-app", change);
      }),
  };
}
