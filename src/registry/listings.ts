import { z } from "zod";
import { appError } from "../domain/errors.ts";
import { isRepository, isTag } from "../domain/image-reference.ts";
import type { HttpAnswer } from "./http-transport.ts";
import { parseNextLink } from "./link-header.ts";
import { largestManifest, pullScope, repositoryPath } from "./manifest-requests.ts";
import { discardBody, invalidAnswer, readBody } from "./read-body.ts";
import { type Call, type RegistrySession, refusal } from "./registry-session.ts";

const pageSize = 1000;
/** Far beyond any repository; a registry that goes on is endless on purpose or by mistake. */
const mostPages = 1000;
const mostEntries = 200_000;
const listingTypes = "application/json, application/vnd.oci.image.index.v1+json";
const largestPage = 16 * 1024 * 1024;

const TagPage = z.object({ tags: z.array(z.string()).nullish() });
const CatalogPage = z.object({ repositories: z.array(z.string()).nullish() });

/** All tags in the registry's order, without repeats; an unknown repository has none. */
export async function listTags(session: RegistrySession, repository: string): Promise<readonly string[]> {
  const start = `${repositoryPath(repository)}/tags/list?n=${pageSize}`;
  const tags = new Set<string>();
  await eachPage(session, start, pullScope(repository), async (answer) => {
    for (const tag of TagPage.parse(await readJson(answer)).tags ?? []) {
      if (!isTag(tag)) throw invalidAnswer(answer, "with a tag that is none");
      tags.add(tag);
    }
    return tags.size;
  });
  return [...tags];
}

/** Every repository that the account may see (`/v2/_catalog`); a registry without a catalogue has none. */
export async function listRepositories(session: RegistrySession): Promise<readonly string[]> {
  const repositories = new Set<string>();
  await eachPage(session, `/v2/_catalog?n=${pageSize}`, ["registry:catalog:*"], async (answer) => {
    for (const one of CatalogPage.parse(await readJson(answer)).repositories ?? []) {
      if (!isRepository(one)) throw invalidAnswer(answer, "with a repository name that is none");
      repositories.add(one);
    }
    return repositories.size;
  });
  return [...repositories];
}

/** Of a listing: follows `Link` from page to page; false when there is nothing at the start. Each page is asked for once, whatever the links say. */
export async function eachPage(
  session: RegistrySession,
  start: string,
  scopes: readonly string[],
  take: (answer: HttpAnswer) => Promise<number>,
): Promise<boolean> {
  const seen = new Set<string>();
  let target: string | URL | undefined = start;
  for (let page = 0; target !== undefined; page += 1) {
    const call: Call = { method: "GET", target, headers: { accept: listingTypes }, scopes };
    const next: { url: URL | undefined; entries: number } | undefined = await session.ask(call, async (answer) => {
      // Without the API the path is unknown (404), or is taken for one that knows other methods.
      if (answer.status === 404 || answer.status === 405 || answer.status === 501) {
        await discardBody(answer);
        return undefined;
      }
      if (answer.status !== 200) throw await refusal(call, answer);
      const entries = await take(answer).catch((cause: unknown) => {
        throw cause instanceof z.ZodError ? invalidAnswer(answer, "with a listing that is none") : cause;
      });
      return { url: parseNextLink(answer.header("link"), answer.url), entries };
    });
    if (next === undefined) return page > 0;
    if (page >= mostPages || next.entries > mostEntries || (next.url !== undefined && seen.has(next.url.href))) {
      throw appError("registry.answer-invalid", `listing ${session.endpoint}${start} does not come to an end`);
    }
    if (next.url !== undefined) seen.add(next.url.href);
    target = next.url;
  }
  return true;
}

export async function readJson(answer: HttpAnswer): Promise<unknown> {
  const bytes = await readBody(answer, Math.max(largestPage, largestManifest));
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw invalidAnswer(answer, "with something that is no JSON");
  }
}
