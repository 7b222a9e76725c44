import { appError } from "../../domain/errors.ts";
import type { ForgeDoctor } from "../forge-doctor.ts";
import { readBranches } from "./pagure-sources.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { tryPush } from "./push.ts";
import { statusOf } from "./request-errors.ts";
import { HookKey, Whoami } from "./schemas.ts";
import { listRepositories, type Watched } from "./sweep.ts";
import type { TokenUse } from "./token-watch.ts";

export interface PagureDoctorOptions extends Watched {
  /** Branch of the registry-manifest repository that is released. */
  readonly branch: string;
  /** Are hook keys asked of Pagure? */
  readonly readsHookKeys: boolean;
  readonly mayCommit: (repository: string, branch: string) => Promise<boolean>;
}

/** {@link ForgeDoctor} of a Pagure. It only reads: what a token may do is found out by writes that lack everything, which change nothing. */
export function pagureDoctor(world: PagureWorld, options: PagureDoctorOptions): ForgeDoctor {
  const { client, tokens, user, root } = world;
  const { namespace, manifests, branch } = options;

  async function demandToken(use: TokenUse): Promise<string> {
    const days = tokens.daysLeft(use);
    if (days !== undefined && days <= 0) {
      throw appError("forge.token-refused", `the token for ${use} has expired by the settings`, { hint: "Make a new one: docs/pagure.md" });
    }
    const { username } = await readOwner(use);
    if (username !== user) {
      throw appError("forge.token-refused", `the token for ${use} is ${username}'s, the settings say ${user}`, {
        hint: "Let forge.user be whose tokens these are: what that user says is not obeyed",
      });
    }
    return days === undefined ? "expiry not told" : `expires in ${days} ${days === 1 ? "day" : "days"}`;
  }

  async function readOwner(use: TokenUse) {
    try {
      return await client.readAs(use, "POST", "-/whoami", Whoami);
    } catch (cause) {
      if (statusOf(cause) !== 401) throw cause;
      throw appError("forge.token-refused", `Pagure knows no such token for ${use}`, {
        hint: "It is expired or revoked, or its file holds something else: docs/pagure.md",
        cause,
      });
    }
  }

  /** 401 tells before anything else is looked at that the token lacks the ACL. */
  async function demandAcl(use: TokenUse, acl: string, path: string): Promise<void> {
    if ((await client.probe(use, `${manifests}/${path}`)) !== 401) return;
    throw appError("forge.token-refused", `the token for ${use} may not ${acl}`, {
      hint: `Make a token that has ${acl} for ${manifests} and ${namespace}/*: docs/pagure.md`,
    });
  }

  return {
    async lookAtIdentity() {
      const [reports, promotions] = [await demandToken("reports"), await demandToken("promotions")];
      return `${user} on ${root}; token for reports ${reports}, for promotions ${promotions}`;
    },

    async lookAtGrants() {
      const head = (await readBranches(world, manifests))?.get(branch);
      if (head === undefined) throw appError("config.invalid", `${manifests} has no branch ${branch}`, { hint: "Make it: docs/pagure.md" });
      await demandAcl("reports", "commit_flag", `c/${head}/flag`);
      await demandAcl("reports", "pull_request_comment", "pull-request/0/comment");
      await demandAcl("promotions", "pull_request_create", "pull-request/new");
      await demandAcl("promotions", "pull_request_update", "pull-request/0");
      if (!(await options.mayCommit(manifests, branch))) {
        throw appError("forge.denied", `${user} may not commit to ${manifests}`, {
          hint: `An admin of ${manifests} gives ${user} commit access: promotions are branches there`,
        });
      }
      await tryPush(world, manifests, head);
      return "flags, comments, pull requests, and pushes to the registry manifests";
    },

    async lookAtRepositories() {
      const all = await listRepositories(world, options);
      const count = all.filter((name) => name.startsWith(`${namespace}/`)).length;
      if (count > 0) return `${count} ${count === 1 ? "project" : "projects"} in ${namespace}, and ${manifests}`;
      throw appError("config.invalid", `${root} has no project in the namespace ${namespace}`, {
        hint: "Let containers.namespace be the namespace there: container on src.fedoraproject.org",
      });
    },

    /** Pagure remembers nothing of what it sent, and shows the list of hooks to admins only. */
    async lookAtDeliveries({ hookUrl }) {
      if (!options.readsHookKeys) return `hook keys stand in the settings; each project's Web-hooks must name ${hookUrl}`;
      const lacking: string[] = [];
      for (const name of await listRepositories(world, options)) {
        try {
          await client.readAs("reports", "GET", `${name}/webhook/token`, HookKey);
        } catch (error) {
          if (statusOf(error) === undefined) throw error;
          lacking.push(name);
        }
      }
      if (lacking.length === 0) return `hook keys can be read; each project's Web-hooks must name ${hookUrl}`;
      const shown = lacking.slice(0, 5).join(", ");
      throw appError("forge.hook-failing", `${user} may not read the hook key of ${lacking.length} projects: ${shown}`, {
        hint: `Their admins give ${user} ticket access, or forge.hookKeys names the keys; until then the sweeps find what happens`,
      });
    },
  };
}
