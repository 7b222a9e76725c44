import type { Log } from "../../log.ts";
import type { Forge, ForgeProcesses } from "../forge.ts";
import { createGit } from "../git/git.ts";
import type { ForgePeople } from "../person.ts";
import { writeHookAddress } from "./announce.ts";
import { changesSince } from "./changes.ts";
import { parseDelivery, verifyDelivery } from "./delivery.ts";
import { localPeople } from "./people.ts";
import { localPulls, maxBodyLength } from "./pulls.ts";
import { openRepositories } from "./repositories.ts";
import { localSources } from "./sources.ts";
import { announcer, type LocalWorld } from "./world.ts";

export interface LocalForgeOptions {
  readonly name: "local";
  /** Absolute; holds the bare repositories as `<namespace>/<name>.git`. */
  readonly directory: string;
  /** Secrets that a delivery may be signed with; two while one is being replaced. */
  readonly hookSecrets: readonly string[];
  readonly admins: readonly string[];
  /** The only people, besides admins, who may write; left out: whoever can write to the directory may. */
  readonly writers?: readonly string[];
  /** Where the web pages are; pull requests have no `url` without it. */
  readonly publicUrl?: string;
  /** Who flibs is in commits and comments; nobody else may use the name. `flibs` when left out. */
  readonly identity?: { readonly name: string; readonly email: string };
  /** The git program, 2.38 or newer; found on the PATH when left out. */
  readonly git?: string;
  readonly log: Log;
  readonly now?: () => Date;
}

/** What only the local forge has: where its hooks find flibs. */
export interface LocalForgeAdmin {
  /**
   * Tells all hooks and commands where the web server listens and where they read the secret from (the name of a file, absolute, mode 0600,
   * or of an environment variable). Call it when the server listens.
   */
  setHookAddress(url: string, secret: { readonly file: string } | { readonly env: string }): Promise<void>;
}

/** Plain git repositories on this machine as a forge: see docs/local-forge.md. Nothing is read or written before a method is called. */
export function localForge(options: LocalForgeOptions): Forge & ForgePeople & LocalForgeAdmin & ForgeProcesses {
  const git = createGit(options.git);
  const repositories = openRepositories(options.directory, git);
  const world: LocalWorld = {
    repositories,
    git,
    identity: options.identity ?? { name: "flibs", email: "flibs@localhost" },
    admins: options.admins,
    writers: options.writers,
    publicUrl: options.publicUrl,
    now: options.now ?? (() => new Date()),
    announce: announcer(options.directory, options.log),
  };
  return {
    name: options.name,
    capabilities: { reactions: false, editableComments: true, maxBodyLength, annotations: false, summaries: true, deliveryRecord: false },
    ...localSources(repositories),
    ...localPulls(world),
    ...localPeople(world),
    verifyDelivery: (delivery) => verifyDelivery(delivery, options.hookSecrets),
    parseDelivery: async (delivery) => parseDelivery(delivery, options.name),
    // A hook keeps no record of what it could not tell; `changesSince` finds it in the repositories.
    findLostDeliveries: async () => ({ lost: [], cursor: "" }),
    changesSince: (cursor) => changesSince(world, options.name, cursor),
    setHookAddress: (url, secret) => writeHookAddress(options.directory, { url, secret }),
    close: () => git.close(),
  };
}
