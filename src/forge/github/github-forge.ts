import { join } from "node:path";
import type { Log } from "../../log.ts";
import type { Forge, ForgeProcesses } from "../forge.ts";
import type { ForgeDoctor } from "../forge-doctor.ts";
import { createGit } from "../git/git.ts";
import { openMirrors } from "../git/mirror.ts";
import { githubAddresses } from "./addresses.ts";
import { appIdentity } from "./app-identity.ts";
import { parseAppKey } from "./app-key.ts";
import { openAppTokens } from "./app-tokens.ts";
import { checkRuns } from "./check-runs.ts";
import { maxBodyLength } from "./comment-marker.ts";
import { pullComments } from "./comments.ts";
import { githubDoctor } from "./doctor.ts";
import { githubClient } from "./github-client.ts";
import { githubSources } from "./github-sources.ts";
import type { GithubWorld } from "./github-world.ts";
import { openLimits } from "./limits.ts";
import { findLostDeliveries } from "./lost-deliveries.ts";
import { deliveryParser } from "./parse-delivery.ts";
import { people } from "./people.ts";
import { proposeChange } from "./proposal.ts";
import { githubPulls } from "./pulls.ts";
import { changesSince } from "./sweep.ts";
import { openTransport, type RequestTold } from "./transport.ts";
import { verifyDelivery } from "./verify-delivery.ts";

export interface GithubForgeOptions {
  /** In events and delivery ids. */
  readonly name: string;
  readonly appId: number;
  /** The App's key as it was downloaded, with `\n` for line feeds, or in base64. */
  readonly privateKey: string;
  /** Secrets that a delivery may be signed with; two while one is being replaced. */
  readonly webhookSecrets: readonly string[];
  /** Of an Enterprise Server, with or without `/api/v3`; github.com when left out. */
  readonly baseUrl?: string;
  /** Absolute; mirrors stand below it, in `mirrors`. They are a cache. */
  readonly stateDirectory: string;
  /** Owner whose repositories the sweep looks at, for example `containers`. */
  readonly namespace: string;
  /** The registry-manifest repository, `owner/name`: looked at as well, and what is kept of GitHub's limits is for it. */
  readonly manifests: string;
  readonly log: Log;
  /** Largest history of a repository that is fetched, in bytes; 2 GiB when left out. */
  readonly maxMirrorBytes?: number;
  /** Longest fetch; ten minutes when left out. */
  readonly fetchTimeoutMs?: number;
  /** Longest request; half a minute when left out. */
  readonly requestTimeoutMs?: number;
  /** The git program, 2.38 or newer; found on the PATH when left out. */
  readonly git?: string;
  readonly now?: () => Date;
  /** How waiting for a limit is done, which is never longer than ten seconds. */
  readonly delay?: (ms: number) => Promise<unknown>;
  readonly fetch?: typeof fetch;
  /** Called for each request that was answered or was not; for metrics. */
  readonly onRequest?: (told: RequestTold) => void;
}

/**
 * A GitHub App as a forge: see docs/github.md. Nothing is read or written before a method is called; only the private key is looked at. Throws
 * `forge.app-key-invalid` and `config.invalid`.
 */
export function githubForge(options: GithubForgeOptions): Forge & ForgeProcesses & { readonly doctor: ForgeDoctor } {
  const { name, appId, log, namespace, manifests } = options;
  const privateKey = parseAppKey(options.privateKey, appId);
  const addresses = githubAddresses(options.baseUrl);
  const now = options.now ?? (() => new Date());
  const nowMs = () => now().getTime();
  const limits = openLimits({ now: nowMs, ...(options.delay && { delay: options.delay }) });
  const transport = openTransport({
    ...{ api: addresses.api, limits, log, fetch: options.fetch, onRequest: options.onRequest },
    timeoutMs: options.requestTimeoutMs ?? 30_000,
  });
  const tokens = openAppTokens({ appId, privateKey, transport, limits, now: nowMs });
  const client = githubClient({ transport, tokens, releases: manifests });
  const git = createGit(options.git);
  const { holding } = openMirrors({
    git,
    directory: join(options.stateDirectory, "mirrors"),
    server: addresses.git,
    authorization: async (repository) => {
      const token = await client.sourceToken(repository);
      return `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
    },
    maxBytes: options.maxMirrorBytes ?? 2 * 2 ** 30,
    timeoutMs: options.fetchTimeoutMs ?? 600_000,
  });
  const world: GithubWorld = { name, client, identity: appIdentity(client), git, server: addresses.git, holding, log, now };
  const parseDelivery = deliveryParser({ forge: name, appId, privateKey, log });
  return {
    name,
    doctor: githubDoctor({ appId, client, tokens, namespace, manifests }),
    capabilities: { reactions: true, editableComments: true, maxBodyLength, annotations: true, summaries: true, deliveryRecord: true },
    ...githubSources(world),
    ...checkRuns(world),
    ...githubPulls(world),
    ...pullComments(world),
    ...people(world),
    proposeChange: (change) => proposeChange(world, change),
    verifyDelivery: (delivery) => verifyDelivery(delivery, options.webhookSecrets),
    parseDelivery,
    changesSince: (cursor) => changesSince(world, { namespace, manifests }, cursor),
    findLostDeliveries: (cursor, isKnown) => findLostDeliveries(world, cursor, isKnown),
    close: () => git.close(),
  };
}
