import type { z } from "zod";
import { appError, isAppError } from "../../domain/errors.ts";
import { mostPages } from "./client.ts";
import type { PagureWorld } from "./pagure-world.ts";
import { PullRequest, PullRequests } from "./schemas.ts";

type Reading = Pick<PagureWorld, "client" | "log">;

interface Page {
  readonly status: "Open" | "Merged" | "Closed" | "all";
  /** Pull requests of a page; 10 and 1 divide it. */
  readonly size: number;
  /** From 1. */
  readonly page: number;
}

interface Part {
  readonly pulls: readonly PullRequest[];
  readonly isLast: boolean;
}

/**
 * Pull requests of a project in Pagure's order, newest first, part after part, until the last one or until nobody asks for more. Anybody may open
 * one, so none must hide the others: what does not fit the schema is left out and told in the log, and so is one whose comments alone are
 * larger than an answer may be. Throws `forge.unreachable`, `forge.refused`.
 */
export async function* readPulls(
  world: Reading,
  repository: string,
  { status, size = 100 }: Pick<Page, "status"> & Partial<Page>,
): AsyncGenerator<readonly PullRequest[]> {
  for (let page = 1; page <= mostPages; page++) {
    for await (const { pulls, isLast } of readParts(world, repository, { status, size, page })) {
      yield pulls;
      if (isLast) return;
    }
  }
  throw appError("forge.unreachable", `Pagure lists more than ${mostPages} pages of pull requests of ${repository}`);
}

/** A page that is too large is asked for in smaller ones, down to single pull requests. */
async function* readParts(world: Reading, repository: string, { status, size, page }: Page): AsyncGenerator<Part> {
  const answer = await readPage(world, repository, { status, size, page });
  if (answer !== undefined) {
    yield { pulls: fitting(world, repository, answer.requests), isLast: answer.pagination.next === null };
  } else if (size === 1) {
    world.log.warn({ repository, status, place: page }, "a pull request is larger than an answer may be: not looked at");
    yield { pulls: [], isLast: false };
  } else {
    const smaller = size > 10 ? 10 : 1;
    const parts = size / smaller;
    for (let part = 1; part <= parts; part++) {
      yield* readParts(world, repository, { status, size: smaller, page: (page - 1) * parts + part });
    }
  }
}

async function readPage(
  { client }: Reading,
  repository: string,
  { status, size, page }: Page,
): Promise<z.infer<typeof PullRequests> | undefined> {
  try {
    return await client.read(`${repository}/pull-requests`, PullRequests, { status, per_page: size, page });
  } catch (error) {
    if (isTooLarge(error)) return undefined;
    throw error;
  }
}

/** One line for all of a page: a stranger may open hundreds. */
function fitting({ log }: Reading, repository: string, requests: readonly unknown[]): readonly PullRequest[] {
  const parsed = requests.map((one) => PullRequest.safeParse(one));
  const bad = parsed.find((one) => !one.success);
  if (bad !== undefined) {
    const pulls = requests.filter((_, i) => !parsed[i]?.success).map(numberOf);
    log.warn({ repository, pulls, error: bad.error }, "pull requests are not what Pagure's API says: not looked at");
  }
  return parsed.flatMap((one) => (one.success ? [one.data] : []));
}

function numberOf(request: unknown): number | undefined {
  const id = typeof request === "object" && request !== null && "id" in request ? request.id : undefined;
  return typeof id === "number" ? id : undefined;
}

/** One pull request with its comments; `unreadable` when it is there, and no listing would have it either. */
export async function findWhole(
  { client, log }: Reading,
  repository: string,
  number: number,
): Promise<PullRequest | "unreadable" | undefined> {
  try {
    return await client.find(`${repository}/pull-request/${number}`, PullRequest);
  } catch (error) {
    if (!isTooLarge(error) && !isOtherShape(error)) throw error;
    log.warn({ repository, pull: number, error }, "a pull request cannot be read: not looked at");
    return "unreadable";
  }
}

function isTooLarge(error: unknown): boolean {
  return isAppError(error) && error.code === "forge.output-too-large";
}

/** What was answered and refused has a status. */
function isOtherShape(error: unknown): boolean {
  return isAppError(error) && error.code === "forge.refused" && error.details.status === undefined;
}
