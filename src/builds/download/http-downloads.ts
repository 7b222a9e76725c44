import { lookup as lookUp } from "node:dns";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { formatBytes } from "../../domain/amounts.ts";
import { appError, isAppError } from "../../domain/errors.ts";
import type { DownloadRequest, Downloads } from "../downloads.ts";
import { isPrivateAddress } from "./private-addresses.ts";

// An import of node:http also loads undici, for a name that is not used here: a twentieth of a second of each start.
const http = process.getBuiltinModule("node:http");

export interface HttpDownloadsOptions {
  /** `host` or `host:port` that may be asked although it stands in a private network. */
  readonly privateHosts: readonly string[];
  readonly userAgent: string;
  /** Longest silence of a server, milliseconds. */
  readonly idleMs?: number;
}

const maxRedirects = 5;

/**
 * Fetches without a proxy, cookies or credentials. Names are looked up once, for the connection itself, and every address found is judged there: a
 * name that answers differently the second time gains nothing.
 */
export function httpDownloads(options: HttpDownloadsOptions): Downloads {
  const idleMs = options.idleMs ?? 30_000;
  const isNamed = (url: URL) => options.privateHosts.some((one) => one === url.host || one === url.hostname);

  async function* read(start: string, request: DownloadRequest): AsyncIterable<Uint8Array> {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(request.timeoutMs)]);
    let url = parseUrl(start);
    try {
      for (let redirects = 0; ; redirects++) {
        const answer = await ask(url, request, signal);
        const next = redirectOf(url, answer);
        if (next === undefined) return yield* readAnswer(url, answer, request.maxBytes);
        answer.destroy();
        if (redirects === maxRedirects) throw failed(url, `is redirected more than ${maxRedirects} times`);
        url = next;
      }
    } catch (error) {
      request.signal.throwIfAborted();
      if (isAppError(error)) throw error;
      if (signal.aborted) throw failed(url, `took longer than ${request.timeoutMs / 1000} seconds`, error);
      throw failed(url, "did not answer", error);
    }
  }

  function ask(url: URL, request: DownloadRequest, signal: AbortSignal): Promise<IncomingMessage> {
    if (!request.mayAsk(url.host)) throw refused(url, "is on no host that may be asked", "Use one of the hosts that the settings allow");
    const closed = !isNamed(url);
    const address = url.hostname.replace(/^\[|\]$/g, "");
    // An address that is written out is connected to without being looked up.
    if (closed && isIP(address) !== 0 && isPrivateAddress(address)) throw isPrivate(url);
    const { get } = url.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const headers = { "user-agent": options.userAgent, "accept-encoding": "identity" };
      const sent = get(url, { agent: false, headers, signal, timeout: idleMs, ...(closed ? { lookup: publicLookup(url) } : {}) });
      let answer: IncomingMessage | undefined;
      sent.once("response", (given) => {
        answer = given;
        resolve(given);
      });
      sent.once("timeout", () => {
        const silence = failed(url, `sent nothing for ${idleMs / 1000} seconds`);
        // The answer first: else whoever reads it is told of the broken connection only.
        answer?.destroy(silence);
        sent.destroy(silence);
      });
      sent.once("error", reject);
    });
  }

  return { read };
}

function publicLookup(url: URL): LookupFunction {
  return (hostname, options, callback) => {
    lookUp(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, "", 0);
      const [first] = found;
      if (first === undefined || found.some((one) => isPrivateAddress(one.address))) return callback(isPrivate(url), "", 0);
      if (options.all === true) return callback(null, found);
      return callback(null, first.address, first.family);
    });
  };
}

function redirectOf(url: URL, { statusCode = 0, headers }: IncomingMessage): URL | undefined {
  if (![301, 302, 303, 307, 308].includes(statusCode)) return undefined;
  const target = parseUrl(headers.location ?? "", url);
  if (url.protocol === "https:" && target.protocol !== "https:") {
    throw refused(url, "leads from https to http", "Name an address that stays on https");
  }
  return target;
}

async function* readAnswer(url: URL, answer: IncomingMessage, maxBytes: number): AsyncIterable<Uint8Array> {
  const { statusCode = 0, headers } = answer;
  try {
    if (statusCode === 429 || statusCode >= 500) throw failed(url, `came back with ${statusCode}`);
    if (statusCode !== 200) {
      const hint = "Correct the address, or look whether the file is there for everybody";
      throw appError("builds.download-missing", `${shown(url)} came back with ${statusCode}`, { hint });
    }
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") throw failed(url, `came in the encoding ${encoding.slice(0, 40)}`);
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) {
        throw appError("builds.download-too-large", `${shown(url)} has more than ${formatBytes(maxBytes)}`, {
          hint: "Use a smaller file, or ask the operators to raise the limit",
        });
      }
      yield chunk;
    }
    const promised = headers["content-length"];
    if (promised !== undefined && Number(promised) !== size) throw failed(url, `ended after ${size} of ${promised} bytes`);
  } finally {
    answer.destroy();
  }
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:") && url.username === "" && url.password === "")
    return url;
  const message = `"${text.slice(0, 200)}" is no http or https address without a name and password`;
  throw appError("builds.download-refused", message, { hint: "Write it as https://<host>/<path>" });
}

/** Without the query, which may hold a token. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 500);
}

function failed(url: URL, what: string, cause?: unknown) {
  return appError("builds.download-failed", `${shown(url)} ${what}`, cause === undefined ? {} : { cause });
}

function refused(url: URL, what: string, hint: string) {
  return appError("builds.download-refused", `${shown(url)} ${what}`, { hint });
}

function isPrivate(url: URL) {
  return refused(url, "is in a private network", "Use a public address, or ask the operators to add the host to downloads.privateHosts");
}
