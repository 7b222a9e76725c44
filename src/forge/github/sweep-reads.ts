import { isOurs } from "./comments.ts";
import { hasNext } from "./github-client.ts";
import type { GithubWorld } from "./github-world.ts";
import { stateOf } from "./pulls.ts";
import { scopes } from "./scopes.ts";
import { epoch, latest, type SeenRepository, seenAs, shortlyBefore } from "./sweep-cursor.ts";
import type { Answer, Parameters, Route } from "./transport.ts";

/** Pages of a listing in one repository. */
export type Listing = <R extends Route>(route: R, parameters: Omit<Parameters<R>, "owner" | "repo">) => AsyncGenerator<Answer<R>["data"]>;

export function listingOf({ client }: GithubWorld, name: string, installation: number): Listing {
  const [owner = "", repo = ""] = name.split("/");
  return async function* list<R extends Route>(route: R, parameters: Omit<Parameters<R>, "owner" | "repo">) {
    for (let page = 1; ; page++) {
      const all = { per_page: 100, ...parameters, owner, repo, page } as unknown as Parameters<R>;
      const answer = await client.asInstallation(installation, scopes.sweep, route, all);
      yield answer.data as Answer<R>["data"];
      if (!hasNext(answer)) return;
    }
  };
}

export async function readBranches(listing: Listing): Promise<ReadonlyMap<string, string>> {
  const heads = new Map<string, string>();
  for await (const page of listing("GET /repos/{owner}/{repo}/branches", {})) {
    for (const { name, commit } of page) if (!name.startsWith("gh-readonly-queue/")) heads.set(name, commit.sha);
  }
  return heads;
}

export interface Open {
  readonly number: number;
  readonly head: string;
  readonly base: string;
  readonly author: string;
  readonly openedAt: string;
  readonly changedAt: string;
}

export async function readOpen(listing: Listing): Promise<readonly Open[]> {
  const open: Open[] = [];
  for await (const page of listing("GET /repos/{owner}/{repo}/pulls", { state: "open", sort: "created", direction: "asc" })) {
    for (const { number, head, base, user, created_at: openedAt, updated_at: changedAt } of page) {
      open.push({ number, head: head.sha, base: base.ref, author: user?.login ?? "ghost", openedAt, changedAt });
    }
  }
  return open;
}

export interface Ended {
  readonly number: number;
  readonly base: string;
  readonly mergeCommit: string | undefined;
}

/** Merged and closed since the last look; a pull request changes no earlier than it ends, so the listing by change ends the search. */
export async function readEnded(
  listing: Listing,
  before: SeenRepository | undefined,
): Promise<{ readonly fresh: readonly Ended[]; readonly seen: Pick<SeenRepository, "endedAt" | "ended"> }> {
  const since = shortlyBefore(before?.endedAt ?? epoch);
  const fresh: Ended[] = [];
  let endedAt = before?.endedAt ?? epoch;
  const ended: Record<string, string> = {};
  for await (const page of listing("GET /repos/{owner}/{repo}/pulls", { state: "closed", sort: "updated", direction: "desc" })) {
    for (const pull of page) {
      const at = pull.closed_at;
      if (at === null || Date.parse(at) < Date.parse(since)) continue;
      endedAt = latest(endedAt, at);
      ended[pull.number] = at;
      if (before === undefined || seenAs(before.ended, String(pull.number)) === at) continue;
      const mergeCommit = stateOf(pull) === "merged" ? (pull.merge_commit_sha ?? undefined) : undefined;
      fresh.push({ number: pull.number, base: pull.base.ref, mergeCommit });
    }
    const last = page.at(-1);
    if (before === undefined || last === undefined || Date.parse(last.updated_at) < Date.parse(since)) break;
  }
  const keptFrom = Date.parse(shortlyBefore(endedAt));
  const kept = Object.entries(ended).filter(([, at]) => Date.parse(at) >= keptFrom);
  return { fresh: fresh.reverse(), seen: { endedAt, ended: Object.fromEntries(kept) } };
}

export interface FoundComment {
  readonly id: number;
  readonly author: string;
  readonly number: number;
  readonly text: string;
  readonly fromBot: boolean;
}

/** Comments of people and other bots below pull requests, written since the last look. */
export async function readComments(
  world: GithubWorld,
  listing: Listing,
  before: SeenRepository | undefined,
): Promise<{ readonly fresh: readonly FoundComment[]; readonly seen: Pick<SeenRepository, "commentedAt" | "comments"> }> {
  const route = "GET /repos/{owner}/{repo}/issues/comments";
  if (before === undefined) {
    for await (const page of listing(route, { sort: "created", direction: "desc" })) {
      const commentedAt = page[0]?.created_at ?? epoch;
      const close = page.filter((one) => Date.parse(one.created_at) >= Date.parse(shortlyBefore(commentedAt)));
      return { fresh: [], seen: { commentedAt, comments: close.map(({ id }) => Number(id)) } };
    }
  }
  const us = await world.identity();
  const since = shortlyBefore(before?.commentedAt ?? epoch);
  const known = new Set(before?.comments);
  let commentedAt = before?.commentedAt ?? epoch;
  const written: { readonly id: number; readonly at: number }[] = [];
  const fresh: FoundComment[] = [];
  for await (const page of listing(route, { sort: "created", direction: "asc", since })) {
    for (const { id: long, user, body = "", created_at: at, html_url: url, issue_url: issue } of page) {
      const id = Number(long);
      // `since` is about changes: an old comment that was edited is no new one.
      if (Date.parse(at) < Date.parse(since)) continue;
      commentedAt = latest(commentedAt, at);
      written.push({ id, at: Date.parse(at) });
      const number = Number(/\/(\d+)$/.exec(issue)?.[1]);
      if (known.has(id) || isOurs(user, us) || !/\/pull\/\d+#/.test(url)) continue;
      fresh.push({ id, author: user?.login ?? "ghost", number, text: body, fromBot: user?.type === "Bot" });
    }
  }
  const keptFrom = Date.parse(shortlyBefore(commentedAt));
  return { fresh, seen: { commentedAt, comments: written.filter(({ at }) => at >= keptFrom).map(({ id }) => id) } };
}
