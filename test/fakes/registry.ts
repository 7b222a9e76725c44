import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { emptyRepository, type FakeRepository, manifestBody, missingParts, referrersOf, sha256 } from "./registry-storage.ts";
import { type FakeTokenAuth, FakeTokens } from "./registry-token.ts";

/** How the fake differs from docker-registry 2.8.2; change it while it runs. */
export interface FakeRegistryFlaws {
  /** Answers given in place of the real one, first to last; `match` is `METHOD /path`. */
  readonly answers: {
    readonly match: RegExp;
    times: number;
    readonly status: number;
    readonly headers?: Record<string, string>;
    readonly body?: string | Buffer;
  }[];
  /** Connections cut after so many bytes of a blob were sent. */
  readonly cutBlobs: { times: number; readonly afterBytes: number };
  /** Requests that never get an answer. */
  silent: number;
  /** Bodies of blobs that stop half-way without closing the connection. */
  stalledBlobs: number;
  /** Answers that `match` send a byte at a time, so many milliseconds apart, without end. */
  readonly drips: { readonly match: RegExp; readonly everyMs: number }[];
  /** Bodies of blob uploads are not read. */
  deafUploads: boolean;
  mounts: "done" | "refused";
  referrersApi: boolean;
  /** The referrers API leaves out what has another `artifactType` than asked for, and says so. */
  filterReferrers: boolean;
  /** Tags that exist stay what they are: 400, as registries with immutability say. */
  immutableTags: boolean;
  /** Blob GETs answer 307 to this origin. */
  redirectBlobsTo: string | undefined;
  /** Answers to a range of a blob with that part (RFC 9110), not with all of it. */
  sendsParts: boolean;
  /** Tags or referrers on one page. */
  pageSize: number;
  /** `Location` of uploads without scheme and host. */
  relativeLocations: boolean;
}

export interface FakeRegistry extends AsyncDisposable {
  readonly endpoint: string;
  readonly flaws: FakeRegistryFlaws;
  readonly tokens: FakeTokens;
  /** `METHOD /path?query` of every request in order. */
  readonly requests: string[];
  /** Of blobs only. */
  readonly bytes: { received: number; sent: number };
  /** `Authorization` headers in order. */
  readonly authorizations: (string | undefined)[];
  /** `Accept` headers of requests for manifests, in order. */
  readonly accepts: (string | undefined)[];
  repository(name: string): FakeRepository;
  /** Upload sessions that were neither completed nor cancelled. */
  openUploads(): number;
}

export interface FakeRegistryOptions {
  readonly tokenAuth?: FakeTokenAuth;
  readonly basicAuth?: { readonly username: string; readonly password: string };
}

/** An in-memory registry on a free port of 127.0.0.1 that behaves as docker-registry 2.8.2; `test/contract` keeps it honest. */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const repositories = new Map<string, FakeRepository>();
  const tokens = new FakeTokens();
  const flaws: FakeRegistryFlaws = {
    answers: [],
    cutBlobs: { times: 0, afterBytes: 0 },
    silent: 0,
    stalledBlobs: 0,
    drips: [],
    deafUploads: false,
    mounts: "done",
    referrersApi: false,
    filterReferrers: true,
    immutableTags: false,
    redirectBlobsTo: undefined,
    sendsParts: true,
    pageSize: Number.POSITIVE_INFINITY,
    relativeLocations: false,
  };
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const accepts: (string | undefined)[] = [];
  const bytes = { received: 0, sent: 0 };
  const repository = (name: string) => {
    const known = repositories.get(name) ?? emptyRepository();
    repositories.set(name, known);
    return known;
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "" } = request;
    requests.push(`${method} ${path}`);
    authorizations.push(request.headers.authorization);
    const url = new URL(path, `http://${endpoint}`);
    const drip = flaws.drips.find((one) => one.match.test(`${method} ${path}`));
    if (drip !== undefined) {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      const timer = setInterval(() => response.write(" "), drip.everyMs);
      return void response.on("close", () => clearInterval(timer));
    }
    if (url.pathname === "/token" && options.tokenAuth !== undefined) return tokens.issue(request, response, options.tokenAuth);
    const flaw = flaws.answers.find((one) => one.times > 0 && one.match.test(`${method} ${path}`));
    if (flaw !== undefined) {
      flaw.times -= 1;
      request.resume();
      response.writeHead(flaw.status, flaw.headers).end(flaw.body);
      return;
    }
    if (flaws.silent > 0) {
      flaws.silent -= 1;
      return;
    }
    if (!isAllowed(request, response, url)) return;
    if (url.pathname === "/v2/") return void response.writeHead(200).end("{}");
    if (url.pathname === "/v2/_catalog") return page(response, url, "repositories", [...repositories.keys()].sort());
    const [, name = "", kind = "", rest = ""] = /^\/v2\/(.+?)\/(blobs|manifests|tags|referrers)\/(.*)$/.exec(url.pathname) ?? [];
    if (kind === "blobs") return blobs(request, response, url, name, rest);
    if (kind === "manifests") return manifests(request, response, name, rest);
    if (kind === "tags") {
      const known = repositories.get(name);
      return known === undefined ? refuse(response, 404, "NAME_UNKNOWN") : page(response, url, "tags", [...known.tags.keys()]);
    }
    if (kind === "referrers" && flaws.referrersApi) return referrers(response, url, name, rest);
    response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
  }

  function isAllowed(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    const { tokenAuth, basicAuth } = options;
    if (basicAuth !== undefined) {
      const expected = `Basic ${Buffer.from(`${basicAuth.username}:${basicAuth.password}`).toString("base64")}`;
      if (request.headers.authorization === expected) return true;
      request.resume();
      refuse(response, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="tests"' });
      return false;
    }
    if (tokenAuth === undefined) return true;
    const needed = neededScopes(request.method ?? "", url);
    if (tokens.allows(request.headers.authorization, needed)) return true;
    request.resume();
    const realm = tokenAuth.realm ?? `http://${endpoint}/token`;
    refuse(response, 401, "UNAUTHORIZED", {
      "www-authenticate": `Bearer realm="${realm}",service="fake",scope="${needed.join(" ")}",error="insufficient_scope"`,
    });
    return false;
  }

  async function blobs(request: IncomingMessage, response: ServerResponse, url: URL, name: string, rest: string): Promise<void> {
    const { blobs: stored, uploads } = repository(name);
    const base = `${flaws.relativeLocations ? "" : `http://${endpoint}`}/v2/${name}/blobs`;
    const done = (digest: string) =>
      response.writeHead(201, { location: `${base}/${digest}`, "docker-content-digest": digest, "content-length": 0 }).end();
    if (rest === "uploads/") {
      const mount = url.searchParams.get("mount");
      const found = repositories.get(url.searchParams.get("from") ?? "")?.blobs.get(mount ?? "");
      if (mount !== null && found !== undefined && flaws.mounts === "done") {
        stored.set(mount, found);
        return void done(mount);
      }
      const id = randomUUID();
      uploads.set(id, []);
      // docker-registry keeps its own state in the query.
      return void response.writeHead(202, { location: `${base}/uploads/${id}?_state=a%2Bb`, range: "0-0", "content-length": 0 }).end();
    }
    if (rest.startsWith("uploads/")) {
      const id = rest.slice("uploads/".length);
      const upload = uploads.get(id);
      if (upload === undefined || url.searchParams.get("_state") !== "a+b") return refuse(response, 404, "BLOB_UPLOAD_UNKNOWN");
      if (flaws.deafUploads && request.method === "PUT") return;
      for await (const chunk of request) {
        bytes.received += chunk.length;
        upload.push(chunk);
      }
      const size = upload.reduce((sum, chunk) => sum + chunk.length, 0);
      if (request.method === "PATCH") {
        const headers = { location: `${base}/uploads/${id}?_state=a%2Bb`, range: `0-${Math.max(0, size - 1)}`, "content-length": 0 };
        return void response.writeHead(202, headers).end();
      }
      uploads.delete(id);
      if (request.method === "DELETE") return void response.writeHead(204).end();
      const digest = url.searchParams.get("digest") ?? "";
      const whole = Buffer.concat(upload);
      if (sha256(whole) !== digest) return refuse(response, 400, "DIGEST_INVALID");
      stored.set(digest, whole);
      return void done(digest);
    }
    const blob = stored.get(rest);
    if (blob === undefined) return refuse(response, 404, "BLOB_UNKNOWN");
    if (request.method === "GET" && flaws.redirectBlobsTo !== undefined) {
      return void response.writeHead(307, { location: `${flaws.redirectBlobsTo}${url.pathname}` }).end();
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    if (request.method === "GET" && flaws.sendsParts && from !== undefined && to !== undefined) {
      const part = blob.subarray(Number(from), Number(to) + 1);
      if (part.length === 0) return void response.writeHead(416, { "content-range": `bytes */${blob.length}` }).end();
      response.writeHead(206, {
        "content-range": `bytes ${from}-${Number(from) + part.length - 1}/${blob.length}`,
        "content-length": part.length,
      });
      return void response.end(part);
    }
    response.writeHead(200, { "content-type": "application/octet-stream", "content-length": blob.length, "docker-content-digest": rest });
    if (request.method === "HEAD") return void response.end();
    if (flaws.cutBlobs.times > 0) {
      flaws.cutBlobs.times -= 1;
      bytes.sent += flaws.cutBlobs.afterBytes;
      response.write(blob.subarray(0, flaws.cutBlobs.afterBytes), () => response.destroy());
      return;
    }
    if (flaws.stalledBlobs > 0) {
      flaws.stalledBlobs -= 1;
      return void response.write(blob.subarray(0, blob.length / 2));
    }
    bytes.sent += blob.length;
    response.end(blob);
  }

  async function manifests(request: IncomingMessage, response: ServerResponse, name: string, reference: string): Promise<void> {
    const known = repository(name);
    if (request.method !== "PUT") accepts.push(request.headers.accept);
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const digest = sha256(body);
      const mediaType = request.headers["content-type"] ?? "";
      if (manifestBody(body).mediaType !== mediaType) return refuse(response, 400, "MANIFEST_INVALID");
      if (reference.startsWith("sha256:") && reference !== digest) return refuse(response, 400, "DIGEST_INVALID");
      if (missingParts(known, body).length > 0) return refuse(response, 400, "MANIFEST_BLOB_UNKNOWN");
      const isTag = !reference.startsWith("sha256:");
      if (isTag && flaws.immutableTags && known.tags.has(reference) && known.tags.get(reference) !== digest) {
        return refuse(response, 400, "TAG_IMMUTABLE");
      }
      known.manifests.set(digest, { mediaType, bytes: body });
      if (isTag) known.tags.set(reference, digest);
      const subject = flaws.referrersApi ? manifestBody(body).subject?.digest : undefined;
      const told = subject === undefined ? {} : { "oci-subject": subject };
      return void response.writeHead(201, { "docker-content-digest": digest, "content-length": 0, ...told }).end();
    }
    if (request.method === "DELETE") {
      if (!reference.startsWith("sha256:")) return refuse(response, 400, "DIGEST_INVALID");
      if (!known.manifests.delete(reference)) return refuse(response, 404, "MANIFEST_UNKNOWN");
      for (const [tag, digest] of known.tags) if (digest === reference) known.tags.delete(tag);
      return void response.writeHead(202).end();
    }
    const digest = reference.startsWith("sha256:") ? reference : (known.tags.get(reference) ?? "");
    const found = known.manifests.get(digest);
    const accepted = (request.headers.accept ?? "").split(",").map((one) => one.trim());
    if (found === undefined || !accepted.includes(found.mediaType)) return refuse(response, 404, "MANIFEST_UNKNOWN");
    response.writeHead(200, { "content-type": found.mediaType, "content-length": found.bytes.length, "docker-content-digest": digest });
    response.end(request.method === "HEAD" ? undefined : found.bytes);
  }

  function referrers(response: ServerResponse, url: URL, name: string, digest: string): void {
    const type = flaws.filterReferrers ? url.searchParams.get("artifactType") : null;
    const all = referrersOf(repository(name), digest).filter((one) => type === null || one.artifactType === type);
    const start = Number(url.searchParams.get("start") ?? 0);
    const shown = all.slice(start, start + flaws.pageSize);
    const query = (at: number) => new URLSearchParams({ ...(type === null ? {} : { artifactType: type }), start: String(at) });
    const next = start + shown.length < all.length ? { link: `<${url.pathname}?${query(start + shown.length)}>; rel="next"` } : {};
    const filtered = type === null ? {} : { "oci-filters-applied": "artifactType" };
    response.writeHead(200, { "content-type": "application/vnd.oci.image.index.v1+json", ...next, ...filtered });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: shown }));
  }

  /** docker-registry pages its catalogue; its tags it gives whole unless the fake is told to page. */
  function page(response: ServerResponse, url: URL, key: string, all: readonly string[]): void {
    const start = all.indexOf(url.searchParams.get("last") ?? "") + 1;
    const shown = all.slice(start, start + flaws.pageSize);
    const isLast = start + shown.length >= all.length;
    const next = isLast ? {} : { link: `<${url.pathname}?last=${encodeURIComponent(shown.at(-1) ?? "")}&n=${shown.length}>; rel="next"` };
    response
      .writeHead(200, { "content-type": "application/json", ...next })
      .end(JSON.stringify({ [key]: all.length === 0 ? null : shown }));
  }

  return {
    endpoint,
    flaws,
    tokens,
    requests,
    bytes,
    authorizations,
    accepts,
    repository,
    openUploads: () => [...repositories.values()].reduce((sum, one) => sum + one.uploads.size, 0),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ errors: [{ code, message: `${code} by the fake` }] }));
}

/** As docker-registry challenges: both repositories of a mount in one scope list. */
function neededScopes(method: string, url: URL): string[] {
  if (url.pathname === "/v2/_catalog") return ["registry:catalog:*"];
  const name = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(url.pathname)?.[1];
  if (name === undefined) return [];
  const isRead = method === "GET" || method === "HEAD";
  const isUpload = url.pathname.includes("/blobs/uploads/");
  const own = isRead && !isUpload ? "pull" : method === "DELETE" && !isUpload ? "delete" : "pull,push";
  const from = url.searchParams.get("from");
  return [`repository:${name}:${own}`, ...(from === null ? [] : [`repository:${from}:pull`])];
}
