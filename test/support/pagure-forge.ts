import { join } from "node:path";
import { type PagureForgeOptions, pagureForge } from "../../src/forge/pagure/pagure-forge.ts";
import { silentLog } from "../../src/log.ts";
import type { ForgeExtras, ForgePerson } from "../contract/forge.contract.ts";
import { type Pagure, startPagure } from "../fakes/pagure/pagure.ts";
import { scratchDirectory } from "./scratch-directory.ts";

export const bot = "lisbot";
/** The least that docs/pagure.md names: one token an administrator made, one the bot made itself. */
export const leastAcls = {
  reports: ["commit_flag", "pull_request_comment"],
  promotions: ["commit", "pull_request_create", "pull_request_update", "pull_request_close"],
} as const;

/** Both tokens of the bot, with the least that they need. */
export function makeTokens(pagure: Pagure): PagureForgeOptions["tokens"] {
  const make = (acls: readonly string[]) => ({ secret: pagure.createToken({ user: bot, acls }), expires: undefined });
  return { reports: make(leastAcls.reports), promotions: make(leastAcls.promotions) };
}

/** The Pagure forge on the double, with one empty repository, a person who may write to it, and the bot that may too. */
export async function pagureForgeWorld(more: Partial<PagureForgeOptions> = {}) {
  const scratch = await scratchDirectory("flibs-pagure-");
  const pagure = await startPagure();
  const repository = "containers/cockpit";
  for (const name of ["alice", "bob", "carol", "dave", bot]) pagure.user(name);
  await pagure.createProject(repository, { users: { commit: ["bob", bot] } });
  const tokens = makeTokens(pagure);
  const forge = openForge();
  const bob = pagure.person("bob");
  const person: ForgePerson = {
    commit: (branch, files, from) => bob.push(repository, branch, files, from === undefined ? { orphan: true } : { from }),
    deleteBranch: (branch) => bob.deleteBranch(repository, branch),
    openPull: (head, base, title) => bob.openPull(repository, { head, base, title }),
    comment: async (number, text) => void bob.comment(repository, number, text),
    merge: (number) => bob.merge(repository, number),
    close: async (number) => bob.close(repository, number),
  };
  const accesses = { triage: "ticket", write: "commit", admin: "admin" } as const;
  const extras: ForgeExtras = {
    roles: ["triage", "write", "admin"],
    setRole: (who, role) => pagure.setAccess(repository, who, accesses[role as keyof typeof accesses]),
    async openPullFromFork(head, files) {
      const carol = pagure.person("carol");
      const fork = await carol.fork(repository);
      await carol.push(fork, head, files, { from: "main" });
      return carol.openPull(repository, { head, base: "main", fork });
    },
    retarget: async (number, base) => bob.editPull(repository, number, { base }),
    reopen: async (number) => bob.reopen(repository, number),
  };

  /** Another process of flibs on the same Pagure. */
  function openForge(again: Partial<PagureForgeOptions> = {}) {
    return pagureForge({
      ...{ name: "pagure", url: pagure.url, user: bot, email: `${bot}@example.org`, tokens, push: { kind: "https" }, hookKeys: {} },
      ...{ readHookKeys: true, acceptSha1: false, namespace: "containers", publicUrl: "https://flibs.example.test" },
      ...{ manifests: { repository: "containers/registry-manifests", branch: "main" }, stateDirectory: join(scratch.path, "state") },
      ...{ log: silentLog, delay: async () => {}, ...more, ...again },
    });
  }

  return {
    ...{ forge, person, repository, pagure, bob, tokens, openForge, scratch: scratch.path, ...extras },
    async close() {
      await pagure.close();
      await scratch.remove();
    },
  };
}
