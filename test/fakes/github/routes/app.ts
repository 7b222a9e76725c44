import type { Installation, Repository } from "../state/data.ts";
import { createToken, installationOf, installationView, repositoriesOf } from "../state/installations.ts";
import { appView } from "../views/accounts.ts";
import { repositoryView } from "../views/repositories.ts";
import { notFound, Refusal, type World } from "../world.ts";
import { type Call, created, type Handlers, ok, page, repositoryOfCall } from "./call.ts";

interface TokenRequest {
  readonly repositories?: readonly string[];
  readonly repository_ids?: readonly number[];
  readonly permissions?: Readonly<Record<string, string>>;
}

export const appRoutes: Handlers = {
  "apps/get-authenticated": ({ world }) => ok({ ...appView(world), installations_count: world.data.installations.size }),

  "apps/list-installations": (call) =>
    page(
      call,
      [...call.world.data.installations.values()].map((each) => installationView(call.world, each)),
    ),

  "apps/get-installation": ({ world, params }) => ok(installationView(world, installationById(world, params.installation_id))),

  "apps/get-repo-installation": (call) => {
    const found = installationOf(call.world, repositoryOfCall(call));
    if (!found) throw notFound();
    return ok(installationView(call.world, found));
  },

  "apps/create-installation-access-token": (call) => {
    const { world, params } = call;
    const installation = installationById(world, params.installation_id);
    if (installation.suspendedAt !== null) throw new Refusal(403, "This installation has been suspended");
    const wanted = (call.body ?? {}) as TokenRequest;
    const repositories = chosen(world, installation, wanted);
    const permissions = granted(installation, wanted.permissions);
    const token = createToken(
      world,
      installation,
      repositories?.map((each) => each.id),
      permissions,
    );
    return created({
      token: token.token,
      expires_at: token.expiresAt,
      permissions,
      repository_selection: repositories ? "selected" : installation.selection,
      ...(repositories ? { repositories: repositories.map((each) => repositoryView(world, each)) } : {}),
    });
  },

  "apps/list-repos-accessible-to-installation": (call) => {
    const repositories = reached(call);
    return page(call, repositories, (some) => ({
      total_count: repositories.length,
      repository_selection: call.caller.kind === "installation" ? call.caller.installation.selection : "all",
      repositories: some.map((each) => repositoryView(call.world, each)),
    }));
  },
};

function installationById(world: World, id: string | undefined): Installation {
  const found = world.data.installations.get(Number(id));
  if (!found) throw notFound();
  return found;
}

/** Repositories that the token of a call reaches. */
export function reached({ world, caller }: Call): readonly Repository[] {
  if (caller.kind !== "installation") return [];
  const { installation, token } = caller;
  return repositoriesOf(world, installation).filter((each) => token.repositories === undefined || token.repositories.includes(each.id));
}

function chosen(world: World, installation: Installation, wanted: TokenRequest): readonly Repository[] | undefined {
  if (!wanted.repositories && !wanted.repository_ids) return undefined;
  const all = repositoriesOf(world, installation);
  const byName = wanted.repositories?.map((name) => all.find((each) => each.name.toLowerCase() === name.toLowerCase())) ?? [];
  const byId = wanted.repository_ids?.map((id) => all.find((each) => each.id === id)) ?? [];
  const found = [...byName, ...byId];
  if (found.some((each) => each === undefined)) {
    throw new Refusal(422, "There is at least one repository that does not exist or is not accessible to the parent installation.");
  }
  return found.filter((each) => each !== undefined);
}

/** Never more than the installation was granted; metadata is always there. */
function granted(installation: Installation, wanted: TokenRequest["permissions"]): Readonly<Record<string, string>> {
  if (!wanted) return installation.permissions;
  for (const [name, level] of Object.entries(wanted)) {
    const has = installation.permissions[name];
    if (!has || (level === "write" && has === "read"))
      throw new Refusal(422, "The permissions requested are not granted to this installation.");
  }
  return { metadata: "read", ...wanted };
}
