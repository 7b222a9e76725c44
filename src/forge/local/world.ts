import type { Log } from "../../log.ts";
import type { Git } from "../git/git.ts";
import { announce } from "./announce.ts";
import type { Change } from "./delivery.ts";
import type { Repositories } from "./repositories.ts";

/** What the parts of the local forge share. */
export interface LocalWorld {
  readonly repositories: Repositories;
  readonly git: Git;
  /** Who flibs is in commits and comments. */
  readonly identity: { readonly name: string; readonly email: string };
  readonly admins: readonly string[];
  /** The only people who may write, besides admins; undefined = whoever can write to the directory. */
  readonly writers: readonly string[] | undefined;
  readonly publicUrl: string | undefined;
  readonly now: () => Date;
  /** Tells flibs at once what the sweep would find later. */
  announce(repository: string, actor: string, changes: readonly Change[]): Promise<void>;
}

export function announcer(directory: string, log: Log): LocalWorld["announce"] {
  return async (repository, actor, changes) => {
    const answer = await announce(directory, repository, actor, changes);
    if (answer !== "heard") log.debug({ repository, answer }, "a change of the local forge was not announced; the sweep will find it");
  };
}
