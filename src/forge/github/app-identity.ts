import type { GithubClient } from "./github-client.ts";

/** Who the App is on GitHub: what it wrote is told from what people wrote by this. */
export interface AppIdentity {
  readonly id: number;
  /** `flibs[bot]`: no person can have such a name. */
  readonly login: string;
}

/** Asked once; an App does not change its name while it runs, and a failed request is asked again. */
export function appIdentity(client: GithubClient): () => Promise<AppIdentity> {
  let known: Promise<AppIdentity> | undefined;
  return () => {
    known ??= read(client).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

async function read(client: GithubClient): Promise<AppIdentity> {
  const { data } = await client.asApp("GET /app", {});
  // The description allows null for tokens that are no App's.
  const { id, slug } = data as { id: number; slug: string };
  return { id, login: `${slug}[bot]` };
}
