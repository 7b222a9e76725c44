import type { Account } from "../state/data.ts";
import { accountOf, type World } from "../world.ts";

/** Opaque on GitHub; nothing may read it. */
export const nodeId = (kind: string, id: number | string) => `${kind}_${Buffer.from(String(id)).toString("base64url")}`;

export function userView(world: World, login: string) {
  return accountView(world, accountOf(world, login));
}

export function accountView(world: World, account: Account) {
  const api = `${world.apiUrl}/users/${encodeURIComponent(account.login)}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId("U", account.id),
    avatar_url: `${world.url}/avatars/u/${account.id}`,
    gravatar_id: "",
    url: api,
    html_url: `${world.url}/${encodeURIComponent(account.login)}`,
    followers_url: `${api}/followers`,
    following_url: `${api}/following{/other_user}`,
    gists_url: `${api}/gists{/gist_id}`,
    starred_url: `${api}/starred{/owner}{/repo}`,
    subscriptions_url: `${api}/subscriptions`,
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type: account.type,
    user_view_type: "public",
    site_admin: false,
  };
}

export function organisationView(world: World, account: Account) {
  const api = `${world.apiUrl}/orgs/${account.login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId("O", account.id),
    url: api,
    repos_url: `${api}/repos`,
    events_url: `${api}/events`,
    hooks_url: `${api}/hooks`,
    issues_url: `${api}/issues`,
    members_url: `${api}/members{/member}`,
    public_members_url: `${api}/public_members{/member}`,
    avatar_url: `${world.url}/avatars/o/${account.id}`,
    description: null,
  };
}

export function appView(world: World, slug: string = world.app.slug) {
  const own = slug === world.app.slug;
  return {
    id: own ? world.app.id : 15368,
    slug,
    client_id: own ? world.app.clientId : "Iv1.0000000000000000",
    node_id: nodeId("A", slug),
    owner: userView(world, world.app.owner),
    name: slug,
    description: null,
    external_url: `${world.url}/apps/${slug}`,
    html_url: `${world.url}/apps/${slug}`,
    created_at: world.app.createdAt,
    updated_at: world.app.createdAt,
    permissions: world.app.permissions,
    events: world.app.events,
  };
}
