import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { appError } from "../domain/errors.ts";
import { type Page, postingPage, tellingPage } from "./app-pages.ts";

/**
 * A web server on this machine for one visit of one browser: it sends the browser to GitHub, and GitHub sends it back with a code. Everybody on
 * the machine, and every web page in the browser, can talk to it: so the first page has an unguessable address, the way back needs the state that
 * only this page knew, the Host header must be ours (a foreign name that resolves to 127.0.0.1 is not), and the state counts once.
 */
export interface AppVisit {
  /** For the person's browser. */
  readonly url: string;
  /** The code that GitHub sent; its request waits for {@link answer}. Throws `cli.given-up` when the signal comes first. */
  code(signal: AbortSignal): Promise<string>;
  /** Shows the browser how it ended; does nothing when it never came back. */
  answer(title: string, text: string): Promise<void>;
  close(): Promise<void>;
}

export interface AppVisitOptions {
  /** A loopback address. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  form(redirectUrl: string, state: string): { readonly action: string; readonly manifest: string };
}

/** Throws `cli.usage` when it cannot listen there. */
export async function openAppVisit({ host, port, form }: AppVisitOptions): Promise<AppVisit> {
  const server = createServer({ requestTimeout: 10_000 });
  server.listen(port, host);
  await once(server, "listening").catch((cause: NodeJS.ErrnoException) => {
    throw appError("cli.usage", `${host}:${port} cannot be listened on: ${cause.code}`, {
      hint: "Take port 0, a free one is found",
      cause,
    });
  });
  const authority = `${host.includes(":") ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  const origin = `http://${authority}`;
  const ticket = randomBytes(32).toString("base64url");
  const state = randomBytes(32).toString("base64url");
  const firstPage = postingPage(form(`${origin}/created`, state));
  const arrival = Promise.withResolvers<string>();
  let waiting: ServerResponse | undefined;

  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    if (request.headers.host !== authority) return refuse(response, 403, "This is not the address that flibs listens on.");
    if (request.method !== "GET") return refuse(response.setHeader("allow", "GET"), 405, "Pages here are only read.");
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    if (same(path, `/${ticket}`)) return send(response, 200, firstPage);
    if (path !== "/created") return refuse(response, 404, "There is nothing here. Open the address that flibs printed.");
    const asked = new URLSearchParams(query);
    if (!same(asked.get("state") ?? "", state))
      return refuse(response, 403, "This visit was not begun here. Open the address that flibs printed.");
    const code = asked.get("code") ?? "";
    if (!/^[\w-]{1,200}$/.test(code)) return refuse(response, 400, "GitHub sent no code.");
    if (waiting !== undefined) return refuse(response, 409, "This address was used already.");
    waiting = response;
    arrival.resolve(code);
  });

  return {
    url: `${origin}/${ticket}`,
    async code(signal) {
      const stopped = Promise.withResolvers<never>();
      const stop = () => stopped.reject(givenUp(signal));
      if (signal.aborted) stop();
      signal.addEventListener("abort", stop, { once: true });
      try {
        // In this order: a code that came counts, for it cannot come again.
        return await Promise.race([arrival.promise, stopped.promise]);
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
    async answer(title, text) {
      if (waiting === undefined || waiting.writableEnded || waiting.destroyed) return;
      const told = Promise.race([once(waiting, "finish"), once(waiting, "close")]);
      send(waiting, 200, tellingPage(title, text));
      await told;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function givenUp(signal: AbortSignal) {
  const late = (signal.reason as { name?: unknown } | undefined)?.name === "TimeoutError";
  return appError("cli.given-up", late ? "nobody came back from GitHub in time" : "stopped before GitHub sent anybody back", {
    hint: "Nothing was written. If you have confirmed the App on GitHub, delete it there and start again",
  });
}

function refuse(response: ServerResponse, status: number, text: string): void {
  send(response, status, tellingPage("Not here", text));
}

function send(response: ServerResponse, status: number, { html, headers }: Page): void {
  response.writeHead(status, { ...headers, connection: "close" }).end(html);
}

/** Takes equally long for every text, of whatever length. */
function same(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
