import type { Log } from "../../log.ts";
import type { Git } from "../git/git.ts";
import type { PagureClient } from "./client.ts";
import type { TokenWatch } from "./token-watch.ts";

/** How the branch of a promotion gets to Pagure, which has no API for files. */
export type PushBy =
  | { readonly kind: "https" }
  | {
      readonly kind: "ssh";
      /** `ssh://git@pagure.io`; no slash at the end. */
      readonly url: string;
      /** Path of the private key. */
      readonly key: string;
      /** Path of the file that the server's key must stand in. */
      readonly knownHosts: string;
    };

/** What the parts of the Pagure forge share. */
export interface PagureWorld {
  /** The forge's name in the settings. */
  readonly name: string;
  /** No slash at the end. */
  readonly root: string;
  /** Login of the bot: whose tokens these are. */
  readonly user: string;
  /** Author of commits. */
  readonly identity: { readonly name: string; readonly email: string };
  /** Page of a flag that has none of its own. */
  readonly publicUrl: string;
  readonly client: PagureClient;
  readonly tokens: TokenWatch;
  readonly git: Git;
  readonly push: PushBy;
  /** Path of a repository's mirror once it holds these commits. */
  readonly holding: (repository: string, commits: readonly string[]) => Promise<string>;
  readonly log: Log;
  readonly now: () => Date;
  readonly delay: (ms: number) => Promise<unknown>;
}
