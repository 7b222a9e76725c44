import { appError } from "../domain/errors.ts";
import type { BuildRequested } from "./build-record.ts";
import type { FetchedRepository } from "./contents.ts";
import type { Downloads } from "./downloads.ts";

/** What the operators say about yum repositories. */
export interface RepositorySettings {
  /** Addresses of repository files that every build gets. */
  readonly site: readonly string[];
  /** `host[:port]` that a request's addresses may name. */
  readonly allowedHosts: readonly string[];
}

const maxBytes = 64 * 1024;
const maxAsked = 20;
const timeoutMs = 60_000;

type Asked = Pick<BuildRequested, "scratch" | "stranger" | "yumRepositories">;

/** Does a build have any? */
export function hasRepositories(settings: RepositorySettings, { yumRepositories = [] }: Asked): boolean {
  return settings.site.length + yumRepositories.length > 0;
}

/**
 * The repository files of the site and of the request, in this order. A request's must stand on an allowed host, but for scratch builds of people who
 * may write: what these make goes nowhere. Throws `builds.download-*` and `builds.repository-invalid`.
 */
export async function fetchRepositories(
  downloads: Downloads,
  { site, allowedHosts }: RepositorySettings,
  { scratch, stranger, yumRepositories = [] }: Asked,
  signal: AbortSignal,
): Promise<FetchedRepository[]> {
  if (yumRepositories.length > maxAsked) {
    throw appError("builds.repository-invalid", `a build may have at most ${maxAsked} yum repositories of its own`, {
      hint: "Put several into one file",
    });
  }
  const isFree = scratch && stranger === undefined;
  const mayAsk = (host: string) => isFree || allowedHosts.includes(host);
  const all = [
    ...site.map((url) => ({ url, mayAsk: (host: string) => host === hostOf(url) || allowedHosts.includes(host) })),
    ...[...new Set(yumRepositories)].map((url) => ({ url, mayAsk })),
  ];
  for (const { url } of all.filter((one) => !one.mayAsk(hostOf(one.url)))) {
    throw appError(
      "builds.download-refused",
      `yum repository ${url.slice(0, 300)} is on no allowed host; allowed are ${allowedHosts.join(", ") || "none"}`,
      {
        hint: "Use a file on one of these, or ask the operators to add the host to yumRepositories.allowedHosts",
      },
    );
  }
  const fetched: FetchedRepository[] = [];
  for (const [index, { url, mayAsk }] of all.entries()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of downloads.read(url, { mayAsk, maxBytes, timeoutMs, signal })) chunks.push(chunk);
    fetched.push({ url, name: repositoryName(url, index), text: checkRepository(url, Buffer.concat(chunks)) });
  }
  return fetched;
}

/** `flibs-1-updates.repo` of `https://x.test/updates.repo`; nothing in it is special to a shell, a path or a Dockerfile. */
export function repositoryName(url: string, index: number): string {
  const last = URL.canParse(url) ? (new URL(url).pathname.split("/").at(-1) ?? "") : "";
  const plain = last
    .replace(/\.repo$/, "")
    .replaceAll(/[^A-Za-z0-9_.]+/g, "-")
    .slice(0, 60);
  return `flibs-${index + 1}${plain === "" ? "" : `-${plain}`}.repo`;
}

/** The text of a repository file: sections of `name=value` lines, each with an address. An error page of a web server is none. */
export function checkRepository(url: string, bytes: Uint8Array): string {
  const refuse = (why: string) =>
    appError("builds.repository-invalid", `${url.slice(0, 300)} is no yum repository file: ${why}`, {
      hint: "Name the address of a .repo file: [id] and, below it, baseurl=, metalink= or mirrorlist=",
    });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll("\r\n", "\n");
  } catch {
    throw refuse("not UTF-8 text");
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) throw refuse("it has control characters");
  const sections: { readonly id: string; hasAddress: boolean }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*(?:[#;]|$)/.test(line)) continue;
    const id = /^\[([^\]\s]+)\]\s*$/.exec(line)?.[1];
    if (id !== undefined) {
      sections.push({ id, hasAddress: false });
      continue;
    }
    const section = sections.at(-1);
    const name = /^([A-Za-z0-9_.]+)\s{0,20}[=:]/.exec(line)?.[1];
    // A line that begins with a blank goes on with the value above.
    if (section === undefined || (name === undefined && !/^[ \t]/.test(line))) throw refuse(`line ${index + 1} is no name=value`);
    if (name !== undefined && /^(?:baseurl|metalink|mirrorlist)$/.test(name)) section.hasAddress = true;
  }
  if (sections.length === 0) throw refuse("it has no section");
  const bare = sections.find((one) => !one.hasAddress && one.id !== "main");
  if (bare !== undefined) throw refuse(`[${bare.id.slice(0, 100)}] has no address`);
  return text;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "";
}
