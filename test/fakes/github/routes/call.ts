import type { Installation, Pull, Repository, Token } from "../state/data.ts";
import { botOf, findPull, findRepository, nameOf, notFound, Refusal, type World } from "../world.ts";

export type Caller =
  | { readonly kind: "app" }
  | { readonly kind: "installation"; readonly installation: Installation; readonly token: Token }
  | { readonly kind: "nobody" };

/** One request, valid against the description. */
export interface Call {
  readonly world: World;
  readonly caller: Caller;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly accept: string;
  /** Address as it was asked, for the links to other pages. */
  readonly url: URL;
}

export interface Answer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly bytes?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (call: Call) => Promise<Answer> | Answer;
export type Handlers = Readonly<Record<string, Handler>>;

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown): Answer => ({ status: 201, body });

/** The repository of the path. Whether the token reaches it was asked before. */
export function repositoryOfCall(call: Call): Repository {
  const found = findRepository(call.world, `${call.params.owner}/${call.params.repo}`);
  if (!found) throw notFound();
  return found;
}

export function pullOfCall(call: Call): Pull {
  const found = findPull(call.world, repositoryOfCall(call), Number(call.params.pull_number ?? call.params.issue_number));
  if (!found) throw notFound();
  return found;
}

/** Commit of a `{ref}`: id, branch, tag, or a full name of a ref. */
export function commitOfCall(call: Call, ref: string): string {
  const repository = repositoryOfCall(call);
  const sha = call.world.git.resolve(nameOf(repository), ref);
  if (!sha) throw new Refusal(422, `No commit found for SHA: ${ref}`);
  return sha;
}

/** Who acts: an installation acts as the App's bot. */
export const actorOf = (call: Call) => botOf(call.world.app);

/** One page of a list, and the links to the others. */
export function page<T>(call: Call, items: readonly T[], body: (items: readonly T[]) => unknown = (each) => each): Answer {
  const perPage = Math.min(100, Math.max(1, Number(call.query.get("per_page") ?? 30)));
  const number = Math.max(1, Number(call.query.get("page") ?? 1));
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const links: string[] = [];
  const link = (rel: string, to: number) => {
    const url = new URL(call.url);
    url.searchParams.set("page", String(to));
    links.push(`<${url.href}>; rel="${rel}"`);
  };
  if (number > 1) link("prev", number - 1);
  if (number < last) {
    link("next", number + 1);
    link("last", last);
  }
  if (number > 1) link("first", 1);
  const headers = links.length > 0 ? { link: links.join(", ") } : {};
  return { status: 200, body: body(items.slice((number - 1) * perPage, number * perPage)), headers };
}

/** Newest first or oldest first, equal times by id. */
export function sorted<T extends { readonly id: number }>(
  items: readonly T[],
  time: (item: T) => string,
  direction: "asc" | "desc",
): readonly T[] {
  const sign = direction === "asc" ? 1 : -1;
  return [...items].sort((a, b) => sign * (time(a).localeCompare(time(b)) || a.id - b.id));
}
