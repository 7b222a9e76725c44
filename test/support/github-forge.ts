import { join } from "node:path";
import { openAppTokens } from "../../src/forge/github/app-tokens.ts";
import { type GithubClient, githubClient } from "../../src/forge/github/github-client.ts";
import { type GithubForgeOptions, githubForge } from "../../src/forge/github/github-forge.ts";
import { openLimits } from "../../src/forge/github/limits.ts";
import { openTransport } from "../../src/forge/github/transport.ts";
import { silentLog } from "../../src/log.ts";
import type { ForgeExtras, ForgePerson } from "../contract/forge.contract.ts";
import { type Github, type GithubOptions, startGithub } from "../fakes/github/github.ts";
import { scratchDirectory } from "./scratch-directory.ts";

export const webhookSecret = "the hook's secret";

/** What app.yml asks for. */
export const appPermissions = {
  ...{ metadata: "read", checks: "write", contents: "write", pull_requests: "write", issues: "write", merge_queues: "read" },
} as const;
export const appEvents = ["push", "pull_request", "issue_comment", "check_run", "check_suite", "merge_group"];

/** The GitHub forge on the double, with one empty repository of an organisation and a person who may write to it. */
export async function githubForgeWorld(more: Partial<GithubForgeOptions> & { readonly github?: Partial<GithubOptions> } = {}) {
  const { github: githubOptions, ...options } = more;
  const scratch = await scratchDirectory("flibs-github-");
  const github = await startGithub({
    app: { slug: "flibs", permissions: appPermissions, events: appEvents },
    hookSecret: webhookSecret,
    ...githubOptions,
  });
  const repository = "containers/cockpit";
  github.organisation("containers");
  await github.createRepository(repository, { roles: { bob: "write" } });
  const installation = await github.install("containers");
  const forge = openForge();
  const bob = github.person("bob");
  const person: ForgePerson = {
    commit: (branch, files, from) => bob.push(repository, branch, files, from === undefined ? { orphan: true } : { from }),
    deleteBranch: (branch) => bob.deleteBranch(repository, branch),
    openPull: (head, base, title) => bob.openPull(repository, { head, base, title }),
    comment: async (number, text) => void (await bob.comment(repository, number, text)),
    merge: (number) => bob.merge(repository, number),
    close: (number) => bob.closePull(repository, number),
  };

  const reactions = { eyes: "seen", "+1": "done", confused: "refused" } as const;
  const extras: ForgeExtras = {
    setRole: (who, role) => github.setRole(repository, who, role),
    async openPullFromFork(head, files) {
      const carol = github.person("carol");
      await carol.push(await carol.fork(repository), head, files);
      return carol.openPull(repository, { head, base: "main", title: head, fromFork: true });
    },
    retarget: (number, base) => bob.editPull(repository, number, { base }),
    reopen: (number) => bob.reopenPull(repository, number),
    listReactions: async (_number, comment) =>
      github.reads
        .reactions(Number(comment))
        .flatMap(({ content }) => (content in reactions ? [reactions[content as keyof typeof reactions]] : [])),
  };

  /** Another process of flibs on the same GitHub. */
  function openForge(again: Partial<GithubForgeOptions> = {}) {
    return githubForge({
      ...{ name: "github", appId: github.app.id, privateKey: github.app.privateKey, webhookSecrets: [webhookSecret] },
      ...{ baseUrl: github.url, stateDirectory: join(scratch.path, "state"), namespace: "containers" },
      ...{ manifests: "containers/registry-manifests", log: silentLog, ...options, ...again },
    });
  }

  return {
    ...{ forge, person, repository, github, installation, bob, openForge, scratch: scratch.path, ...extras },
    async close() {
      await github.close();
      await scratch.remove();
    },
  };
}

/** Requests as the adapter makes them, for what a port does not show. */
export function githubClientOn({ apiUrl: api, app: { id: appId, privateKey } }: Pick<Github, "apiUrl" | "app">): GithubClient {
  const limits = openLimits({ now: Date.now });
  const transport = openTransport({ api, limits, log: silentLog });
  const tokens = openAppTokens({ appId, privateKey, transport, limits, now: Date.now });
  return githubClient({ transport, tokens, releases: "" });
}
