import type { BuildRequested } from "../builds/build-record.ts";
import { appError } from "../domain/errors.ts";
import type { Forge, Pull } from "../forge/forge.ts";
import { permits } from "../forge/permission.ts";
import type { Approval, ApprovalStore } from "./approvals.ts";

/**
 * Whose pull request it is decides what it may do here. A stranger's is built only after somebody who may write approved exactly its head, and then
 * with the base branch's container.yaml and tests.
 */
export type Trust =
  | { readonly kind: "trusted" }
  | { readonly kind: "stranger" /** Head of the base branch now. */; readonly base: string; readonly approval: Approval | undefined };

export interface RightsPolicy {
  /** Is this branch of a container repository built? */
  isBuilt(branch: string): boolean;
  /** The registry-manifest repository. */
  readonly manifests: string;
}

export interface TrustPorts extends RightsPolicy {
  readonly forge: Pick<Forge, "name" | "findPull" | "findPermission">;
  readonly approvals: Pick<ApprovalStore, "findApproval">;
}

/**
 * The branch whose rights decide about a pull request into it; undefined = the one that is used there. Whoever opens a pull request chooses its base,
 * so a right on some branch that nothing is made of says nothing; of the registry manifests one branch alone is released.
 */
export function branchOfRights({ isBuilt, manifests }: RightsPolicy, repository: string, base: string): string | undefined {
  return repository !== manifests && isBuilt(base) ? base : undefined;
}

/**
 * Asks for the author's role anew each time; what the forge says of the author's association is never used, since it is no permission. With a
 * fork of a trusted author nobody else can push there but whom the author lets.
 */
export async function judgeTrust(ports: TrustPorts, pull: Pull): Promise<Trust> {
  const { forge, approvals } = ports;
  const branch = branchOfRights(ports, pull.repository, pull.baseBranch);
  if (permits(await forge.findPermission(pull.repository, pull.author, branch), "write")) return { kind: "trusted" };
  const approval = await approvals.findApproval(forge.name, pull.repository, pull.number, pull.head);
  return { kind: "stranger", base: pull.baseHead, approval };
}

/**
 * Asked again when a build that a pull request wants begins: minutes may have passed in the queue, and with them a push, a merge or a role.
 * Throws `builds.pull-moved` (stale), `intake.not-approved` and `intake.not-allowed` (denied).
 */
export async function authorizeBuild(ports: TrustPorts, request: BuildRequested): Promise<void> {
  const { repository, pull: number } = request;
  if (number === undefined) return;
  const pull = await ports.forge.findPull(repository, number);
  if (pull === undefined) throw appError("builds.pull-moved", `${repository} has no pull request #${number} any more`);
  if (pull.state !== "open") throw appError("builds.pull-moved", `#${number} of ${repository} is ${pull.state}`);
  if (pull.head !== request.commit) {
    throw appError("builds.pull-moved", `superseded by commit ${pull.head.slice(0, 12)} of #${number} of ${repository}`);
  }
  const trust = await judgeTrust(ports, pull);
  if (trust.kind === "trusted") {
    if (request.requestedBy !== pull.author) await demandWrite(ports, request);
    return;
  }
  if (trust.approval === undefined || request.stranger === undefined) {
    throw appError(
      "intake.not-approved",
      `nobody who may write to ${repository} has approved commit ${pull.head.slice(0, 12)} of #${number}`,
      {
        hint: `Somebody who may write comments /ok-to-test ${pull.head}`,
      },
    );
  }
  if (request.requestedBy !== pull.author) await demandWrite(ports, request);
}

async function demandWrite(ports: TrustPorts, { repository, branch, requestedBy }: BuildRequested): Promise<void> {
  const asked = branchOfRights(ports, repository, branch);
  if (permits(await ports.forge.findPermission(repository, requestedBy, asked), "write")) return;
  throw appError("intake.not-allowed", `${requestedBy} may not write to ${repository} any more`, {
    hint: `Somebody who may write to ${repository} asks for the build`,
  });
}
