import { createHash } from "node:crypto";
import type { SourceFile } from "../distgit/sources-file.ts";
import { appError } from "../domain/errors.ts";
import type { Downloads } from "./downloads.ts";
import type { Workspaces } from "./workspaces.ts";

export interface SourcePorts {
  readonly downloads: Downloads;
  readonly workspaces: Pick<Workspaces, "ensureFile">;
  /** Address with {repository}, {file}, {hashType}, {hash}; undefined when the site has no lookaside cache. */
  readonly sourcesUrl: string | undefined;
  /** Of all files together. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * The files of `sources`, on this machine: name in the build context to path. What was fetched once for this run is not fetched again; a file is there
 * with the right checksum or not at all. Only the host of the operator's address is ever asked, whatever the repository says. Throws `builds.sources-unavailable`, `builds.source-differs`,
 * `builds.download-*`.
 */
export async function ensureSources(
  ports: SourcePorts,
  run: string,
  repository: string,
  sources: readonly SourceFile[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  if (sources.length === 0) return paths;
  const { sourcesUrl, downloads, workspaces, timeoutMs } = ports;
  if (sourcesUrl === undefined) {
    const names = sources.map((one) => one.name).join(", ");
    throw appError("builds.sources-unavailable", `sources lists ${names.slice(0, 300)}, and this site has no lookaside cache`, {
      file: "sources",
      hint: "Put the files into the repository, or ask the operators to set sources.url",
    });
  }
  let left = ports.maxBytes;
  for (const source of sources) {
    const url = sourceUrl(sourcesUrl, repository, source);
    const { host } = new URL(url);
    const spend = (bytes: number) => {
      left -= bytes;
    };
    const bytes = () =>
      verified(source, downloads.read(url, { mayAsk: (asked) => asked === host, maxBytes: left, timeoutMs, signal }), spend);
    paths.set(source.name, await workspaces.ensureFile(run, `${source.hashType}-${source.hash}`, bytes));
  }
  return paths;
}

/** Each value is one part of the path, whatever it holds; only a repository's slashes stay. */
export function sourceUrl(template: string, repository: string, { name, hashType, hash }: SourceFile): string {
  const values: Readonly<Record<string, string>> = {
    repository: repository.split("/").map(encodeURIComponent).join("/"),
    file: encodeURIComponent(name),
    hashType,
    hash,
  };
  return template.replaceAll(/\{(repository|file|hashType|hash)\}/g, (_, key: string) => values[key] ?? "");
}

async function* verified(
  { name, hashType, hash }: SourceFile,
  bytes: AsyncIterable<Uint8Array>,
  spend: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  const found = createHash(hashType);
  for await (const chunk of bytes) {
    spend(chunk.length);
    found.update(chunk);
    yield chunk;
  }
  const digest = found.digest("hex");
  if (digest === hash) return;
  throw appError("builds.source-differs", `${name} of the lookaside cache has the ${hashType} ${digest}, sources says ${hash}`, {
    file: "sources",
    hint: "Upload the file again and commit what fedpkg new-sources writes",
  });
}
