import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** What happens to a request in place of being handed on. */
export type Fault =
  /** Answered by the proxy. */
  | { readonly kind: "answer"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The connection is closed after so many bytes of the request's body have been handed on. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** Handed on and carried out, but the answer never comes back. */
  | { readonly kind: "lose answer" };

export interface FaultRule {
  readonly method: string;
  readonly path: RegExp;
  /** The first so many fitting requests pass. */
  readonly skip?: number;
  /** How many are hit after that; 1 when left out. */
  readonly times?: number;
  readonly fault: Fault;
}

export interface FaultProxy extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly endpoint: string;
  /** Adds a rule; returns how often it has hit so far. */
  add(rule: FaultRule): () => number;
  /** From now on everything passes. */
  heal(): void;
  /** Called with each request before it is handed on; the request waits for it, and fails with 500 when it throws. */
  onRequest: ((method: string, path: string) => Promise<void>) | undefined;
  close(): Promise<void>;
}

/**
 * Stands before a registry and fails on demand. The Host header is handed on, so that the registry's own addresses (`Location`) lead through the
 * proxy again.
 */
export async function startFaultProxy(backend: string): Promise<FaultProxy> {
  const [host, port] = backend.split(":");
  const agent = new http.Agent({ keepAlive: true });
  let rules: { rule: FaultRule; seen: number; hits: number }[] = [];
  const sockets = new Set<Socket>();

  function takeFault(method: string, path: string): Fault | undefined {
    for (const one of rules) {
      if (one.rule.method !== method || !one.rule.path.test(path)) continue;
      one.seen += 1;
      const skip = one.rule.skip ?? 0;
      if (one.seen <= skip || one.seen > skip + (one.rule.times ?? 1)) continue;
      one.hits += 1;
      return one.rule.fault;
    }
    return undefined;
  }

  function handOn(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): void {
    const { method, url: path, headers } = request;
    const up = http.request({ host, port, method, path, headers, agent }, (answer) => {
      if (fault?.kind === "lose answer") {
        answer.resume().on("end", () => request.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    up.on("error", () => request.socket.destroy());
    response.on("close", () => {
      if (!response.writableFinished) up.destroy();
    });
    let handed = 0;
    request.on("data", (chunk: Buffer) => {
      if (fault?.kind === "cut" && handed + chunk.length > fault.afterBytes) {
        up.write(chunk.subarray(0, Math.max(0, fault.afterBytes - handed)));
        request.socket.destroy();
        up.destroy();
        return;
      }
      handed += chunk.length;
      if (!up.write(chunk)) {
        request.pause();
        up.once("drain", () => request.resume());
      }
    });
    request.on("end", () => up.end());
  }

  const proxy: { onRequest: FaultProxy["onRequest"] } = { onRequest: undefined };
  const server = http.createServer(async (request, response) => {
    const { method = "", url = "" } = request;
    try {
      await proxy.onRequest?.(method, url);
    } catch {
      response.writeHead(500).end();
      return;
    }
    const fault = takeFault(method, url);
    if (fault?.kind !== "answer") return handOn(request, response, fault);
    request.resume();
    response.writeHead(fault.status, { "content-length": "0", ...fault.headers }).end();
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    agent.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
  return Object.assign(proxy, {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    add(rule: FaultRule) {
      const entry = { rule, seen: 0, hits: 0 };
      rules.push(entry);
      return () => entry.hits;
    },
    heal() {
      rules = [];
    },
    close,
    [Symbol.asyncDispose]: close,
  });
}
