import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export interface ServedFiles extends AsyncDisposable {
  /** `<address>:<port>` */
  readonly host: string;
  /** Paths in the order in which they were asked for. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** A web server on loopback with some files by path, all else is 404. */
export async function serveFiles(files: Readonly<Record<string, string>>): Promise<ServedFiles> {
  return serve("127.0.0.1", async (path) => (Object.hasOwn(files, path) ? files[path] : undefined));
}

/** A web server with what stands in a directory whenever it is asked for. */
export async function serveDirectory(directory: string, address: string): Promise<ServedFiles> {
  return serve(address, async (path) => {
    const file = join(directory, decodeURIComponent(path));
    return file.startsWith(`${directory}/`) ? await readFile(file).catch(() => undefined) : undefined;
  });
}

async function serve(address: string, find: (path: string) => Promise<string | Uint8Array | undefined>): Promise<ServedFiles> {
  const asked: string[] = [];
  const server = http.createServer(async ({ url = "" }, response) => {
    asked.push(url);
    const content = await find(url);
    response.writeHead(content === undefined ? 404 : 200).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { host: `${address}:${(server.address() as AddressInfo).port}`, asked, stop, [Symbol.asyncDispose]: stop };
}

/** A yum repository file, and a lookaside cache with one file, as an installation may have them. */
export async function serveContents(repository: string) {
  const repo = "[site]\nname=Site\nbaseurl=http://127.0.0.1:1/$basearch/\n";
  const data = "from the lookaside cache\n";
  const hash = createHash("sha256").update(data).digest("hex");
  const served = await serveFiles({ "/site.repo": repo, [`/${repository}/data.txt/sha256/${hash}`]: data });
  return {
    ...served,
    ...{ repo, data },
    /** The file `sources` that names it. */
    sources: `SHA256 (data.txt) = ${hash}\n`,
    repositoryUrl: `http://${served.host}/site.repo`,
    sourcesUrl: `http://${served.host}/{repository}/{file}/{hashType}/{hash}`,
  };
}
