import { createHash, randomBytes } from "node:crypto";
import { accountView, nodeId, userView } from "../views/accounts.ts";
import { accountOf, botOf, nameOf, newId, timestamp, type World } from "../world.ts";
import { ensureAccount } from "./accounts.ts";
import type { Installation, Permissions, Repository, Token } from "./data.ts";

export function covers(installation: Installation, repository: Repository): boolean {
  if (repository.owner.toLowerCase() !== installation.account.toLowerCase()) return false;
  return installation.selection === "all" || installation.repositories.has(repository.id);
}

export function installationOf(world: World, repository: Repository): Installation | undefined {
  return [...world.data.installations.values()].find((each) => covers(each, repository));
}

export function repositoriesOf(world: World, installation: Installation): readonly Repository[] {
  return [...world.data.repositories.values()].filter((repository) => covers(installation, repository));
}

/** One hour, as GitHub's; stateless format of 2026: `ghs_<App id>_<JWT>`, so longer than the forty characters of old. */
export function createToken(
  world: World,
  installation: Installation,
  repositories: readonly number[] | undefined,
  permissions: Permissions,
): Token {
  const expires = world.now().getTime() + 3_600_000;
  const claims = { iss: world.app.id, sub: installation.id, exp: Math.floor(expires / 1000), jti: randomBytes(12).toString("hex") };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const body = `${part({ alg: "ES256", typ: "JWT" })}.${part(claims)}`;
  const token = `ghs_${world.app.id}_${body}.${createHash("sha256").update(body).digest("base64url")}`;
  const expiresAt = new Date(expires).toISOString().replace(/\.\d+Z$/, "Z");
  const made = { token, installation: installation.id, repositories, permissions, expiresAt };
  world.data.tokens.set(token, made);
  return made;
}

export interface InstallOptions {
  /** Names without owner; `all` when left out. */
  readonly repositories?: readonly Repository[];
  readonly permissions?: Permissions;
  readonly events?: readonly string[];
  readonly sender?: string;
}

/** What the account has granted may lag behind what the App asks for: pass `permissions`. */
export function install(world: World, account: string, options: InstallOptions = {}): Installation {
  const installation: Installation = {
    id: newId(world.data),
    // Somebody unknown becomes an organisation.
    account: ensureAccount(world.data, account, "Organization").login,
    selection: options.repositories ? "selected" : "all",
    repositories: new Set(options.repositories?.map((repository) => repository.id)),
    permissions: { metadata: "read", ...(options.permissions ?? world.app.permissions) },
    events: options.events ?? world.app.events,
    suspendedAt: null,
    createdAt: timestamp(world),
  };
  world.data.installations.set(installation.id, installation);
  tellInstallation(world, installation, "created", options.sender ?? account);
  return installation;
}

export function tellInstallation(world: World, installation: Installation, action: string, sender: string): void {
  const requester = action === "created" ? {} : { requester: null };
  const payload = {
    action,
    installation: installationView(world, installation),
    repositories: shortList(repositoriesOf(world, installation)),
    ...requester,
  };
  world.announce(`installation-${action.replaceAll("_", "-")}`, { installation: installation.id, sender, payload });
}

export function changeRepositories(
  world: World,
  installation: Installation,
  added: readonly Repository[],
  removed: readonly Repository[],
  sender: string,
): void {
  installation.selection = "selected";
  for (const repository of added) installation.repositories.add(repository.id);
  for (const repository of removed) installation.repositories.delete(repository.id);
  const action = added.length > 0 ? "added" : "removed";
  const payload = {
    action,
    installation: installationView(world, installation),
    repository_selection: installation.selection,
    repositories_added: shortList(added),
    repositories_removed: shortList(removed),
    requester: null,
  };
  world.announce(`installation-repositories-${action}`, { installation: installation.id, sender, payload });
}

const shortList = (repositories: readonly Repository[]) =>
  repositories.map((repository) => ({
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name: repository.name,
    full_name: nameOf(repository),
    private: repository.private,
  }));

export function installationView(world: World, installation: Installation) {
  const account = accountOf(world, installation.account);
  const api = `${world.apiUrl}/app/installations/${installation.id}`;
  return {
    id: installation.id,
    client_id: world.app.clientId,
    account: accountView(world, account),
    repository_selection: installation.selection,
    access_tokens_url: `${api}/access_tokens`,
    repositories_url: `${world.apiUrl}/installation/repositories`,
    html_url: `${world.url}/organizations/${account.login}/settings/installations/${installation.id}`,
    app_id: world.app.id,
    app_slug: world.app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: installation.permissions,
    events: installation.events,
    created_at: installation.createdAt,
    updated_at: installation.createdAt,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedAt === null ? null : userView(world, botOf(world.app)),
    suspended_at: installation.suspendedAt,
  };
}
