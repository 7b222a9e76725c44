import { legacyPermission, roleOf } from "../state/accounts.ts";
import { accountView } from "../views/accounts.ts";
import { fullRepositoryView } from "../views/repositories.ts";
import { notFound } from "../world.ts";
import { type Handlers, ok, repositoryOfCall } from "./call.ts";

export const repositoryRoutes: Handlers = {
  "repos/get": (call) => ok(fullRepositoryView(call.world, repositoryOfCall(call))),

  "repos/get-collaborator-permission-level": (call) => {
    const { world, params } = call;
    const repository = repositoryOfCall(call);
    const account = world.data.accounts.get(params.username?.toLowerCase() ?? "");
    if (!account) throw notFound();
    const role = roleOf(world, repository, account.login);
    const permission = role === undefined ? "none" : legacyPermission[role];
    const permissions = {
      pull: role !== undefined,
      triage: role !== undefined && role !== "read",
      push: permission === "write" || permission === "admin",
      maintain: role === "maintain" || role === "admin",
      admin: role === "admin",
    };
    const user = { ...accountView(world, account), permissions, role_name: role ?? "" };
    return ok({ permission, role_name: role ?? "", user });
  },

  "teams/get-membership-for-user-in-org": ({ world, params }) => {
    const { org = "", team_slug: slug, username = "" } = params;
    const team = world.data.teams.find((each) => each.organisation.toLowerCase() === org.toLowerCase() && each.slug === slug);
    const role = team?.members.get(username.toLowerCase());
    if (!role) throw notFound();
    return ok({ url: `${world.apiUrl}/orgs/${org}/teams/${slug}/memberships/${username}`, role, state: "active" });
  },
};
