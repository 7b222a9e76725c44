import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { appError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import type { Forge, ForgeProcesses } from "../forge.ts";
import type { ForgeDoctor } from "../forge-doctor.ts";
import { createGit } from "../git/git.ts";
import { openMirrors } from "../git/mirror.ts";
import { isRepositoryName, repositoryPath } from "../git/names.ts";
import { pagureClient, type RequestTold } from "./client.ts";
import { maxBodyLength, pullComments } from "./comments.ts";
import { decodeMessage } from "./decode-message.ts";
import { pagureDoctor } from "./doctor.ts";
import { isAllowedUrl } from "./flag-mapping.ts";
import { flags } from "./flags.ts";
import { readHeardComments } from "./heard-comments.ts";
import { openHookKeys } from "./hook-keys.ts";
import { pagureSources } from "./pagure-sources.ts";
import type { PagureWorld, PushBy } from "./pagure-world.ts";
import { untilKnown, untilThere } from "./patience.ts";
import { people } from "./people.ts";
import { proposeChange } from "./proposal.ts";
import { pagurePulls } from "./pulls.ts";
import { Anything, HookKey } from "./schemas.ts";
import { changesSince } from "./sweep.ts";
import { parseSweepCursor } from "./sweep-cursor.ts";
import { type PagureToken, type TokenUse, watchTokens } from "./token-watch.ts";
import { parseBody, verifyDelivery } from "./verify-delivery.ts";

export interface PagureForgeOptions {
  readonly name: string;
  /** `https://src.fedoraproject.org` */
  readonly url: string;
  /** Login of the bot: whose tokens these are. */
  readonly user: string;
  readonly email: string;
  readonly tokens: Readonly<Record<TokenUse, PagureToken>>;
  readonly push: PushBy;
  /** Hook keys by project; others are asked of Pagure when `readHookKeys` is set. */
  readonly hookKeys: Readonly<Record<string, readonly string[]>>;
  readonly readHookKeys: boolean;
  /** Believe deliveries that are signed with SHA-1 only, as Pagure before 5.13 signs them. */
  readonly acceptSha1: boolean;
  /** Namespace whose projects are built: `container` on src.fedoraproject.org. */
  readonly namespace: string;
  /** The registry-manifest repository, `namespace/name`, and its branch that is released. */
  readonly manifests: { readonly repository: string; readonly branch: string };
  /** What links begin with; stands in for the page of a flag that has none. */
  readonly publicUrl: string;
  /** Absolute; mirrors stand below it, in `mirrors`. They are a cache. */
  readonly stateDirectory: string;
  readonly log: Log;
  /** Largest history of a repository that is fetched, in bytes; 2 GiB when left out. */
  readonly maxMirrorBytes?: number;
  /** Longest fetch; ten minutes when left out. */
  readonly fetchTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  /** The git program, 2.38 or newer; found on the PATH when left out. */
  readonly git?: string;
  readonly now?: () => Date;
  readonly delay?: (ms: number) => Promise<unknown>;
  readonly fetch?: typeof fetch;
  /** Called for each request that was answered or was not; for metrics. */
  readonly onRequest?: (told: RequestTold) => void;
}

/** Branches, and heads of pull requests, which Pagure keeps in the project that they are to be merged into: forks need not be read. The order counts: anybody may write to the second. */
const fetchedRefs = ["refs/heads/*", "refs/pull/*"];

/**
 * A Pagure as a forge: see docs/pagure.md and docs/decisions/0036. Nothing is read or written before a method is called. Throws
 * `config.invalid`.
 */
export function pagureForge(options: PagureForgeOptions): Forge & ForgeProcesses & { readonly doctor: ForgeDoctor } {
  const { name, log, namespace, manifests, user } = options;
  const root = parseRoot(options.url);
  if (!isAllowedUrl(options.publicUrl)) {
    throw appError("config.invalid", `Pagure takes no flag whose address is "${options.publicUrl.slice(0, 200)}"`, {
      hint: "Let web.publicUrl have a host with a dot, localhost or an IPv4 address",
    });
  }
  const now = options.now ?? (() => new Date());
  const delay = options.delay ?? sleep;
  const tokens = watchTokens(options.tokens, log, now);
  const { fetch, onRequest, requestTimeoutMs: timeoutMs } = options;
  const client = pagureClient({ root, tokens, delay, fetch, onRequest, timeoutMs });
  const git = createGit(options.git);
  const directory = join(options.stateDirectory, "mirrors");
  const mirrors = openMirrors({
    ...{ git, directory, server: root, refs: fetchedRefs },
    maxBytes: options.maxMirrorBytes ?? 2 * 2 ** 30,
    timeoutMs: options.fetchTimeoutMs ?? 600_000,
  });
  const world: PagureWorld = {
    ...{ name, root, user, client, tokens, git, log, now, delay, push: options.push, publicUrl: options.publicUrl },
    identity: { name: user, email: options.email },
    holding: (repository, commits) =>
      commits.length === 0
        ? Promise.resolve(repositoryPath(directory, repository))
        : untilKnown(delay, () => mirrors.holding(repository, commits)),
  };
  let there: ReadonlySet<string> = new Set();
  const keys = openHookKeys({
    ...{ given: options.hookKeys, log, now, isThere: (project) => there.has(project) },
    read: options.readHookKeys
      ? async (project) => (await client.readAs("reports", "GET", `${project}/webhook/token`, HookKey)).webhook.token
      : undefined,
  });
  const isWatched = (project: string) =>
    isRepositoryName(project) && (project.startsWith(`${namespace}/`) || project === manifests.repository);
  const statuses = flags(world);
  const roles = people(world, manifests);
  const watched = { namespace, manifests: manifests.repository };
  /** Whoever hears of it looks at it next. One that is not there in spite of all is the sweep's. */
  async function awaitPull(repository: string, number: number): Promise<void> {
    await untilThere(delay, () => client.find(`${repository}/pull-request/${number}`, Anything, { comments: "false" }));
  }

  return {
    name,
    capabilities: { reactions: false, editableComments: false, maxBodyLength, annotations: false, summaries: false, deliveryRecord: false },
    doctor: pagureDoctor(world, {
      ...{ ...watched, branch: manifests.branch, readsHookKeys: options.readHookKeys },
      mayCommit: async (repository, branch) => ["write", "admin"].includes(await roles.findPermission(repository, user, branch)),
    }),
    ...pagureSources(world),
    ...statuses,
    ...pagurePulls(world),
    ...pullComments(world, statuses.setStatus),
    ...roles,
    proposeChange: (change) => proposeChange(world, change),
    verifyDelivery: (delivery) => verifyDelivery(delivery, { instance: `${root}/`, keys, isWatched, acceptSha1: options.acceptSha1, now }),
    async parseDelivery(delivery) {
      const { topic, msg, msg_id: message, timestamp } = parseBody(delivery);
      const events = decodeMessage(topic, msg, { forge: name, user, message, sentAt: timestamp });
      for (const event of events) if (event.kind === "pull-opened") await awaitPull(event.repository, event.number);
      return await readHeardComments(world, events, timestamp);
    },
    async changesSince(cursor) {
      tokens.lookAtExpiry();
      const found = await changesSince(world, watched, cursor);
      there = new Set(parseSweepCursor(found.cursor).keys());
      return found;
    },
    // Pagure keeps no record of what it sent.
    findLostDeliveries: async () => ({ lost: [], cursor: "" }),
    close: () => git.close(),
  };
}

function parseRoot(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw appError("config.invalid", `"${text.slice(0, 200)}" is no address of a Pagure`, { hint: "Write https://<host>" });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
