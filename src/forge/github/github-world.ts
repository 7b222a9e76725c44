import type { Log } from "../../log.ts";
import type { Git } from "../git/git.ts";
import type { AppIdentity } from "./app-identity.ts";
import type { GithubClient } from "./github-client.ts";

/** What the parts of the GitHub forge share. */
export interface GithubWorld {
  /** The forge's name in the settings. */
  readonly name: string;
  readonly client: GithubClient;
  readonly identity: () => Promise<AppIdentity>;
  readonly git: Git;
  /** Where git clones from: `https://github.com`; no slash at the end. */
  readonly server: string;
  /** Path of a repository's mirror once it holds these commits. */
  readonly holding: (repository: string, commits: readonly string[]) => Promise<string>;
  readonly log: Log;
  readonly now: () => Date;
}
