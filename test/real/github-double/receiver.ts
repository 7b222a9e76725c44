import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly event: string;
  readonly guid: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly payload: Readonly<Record<string, unknown>> & { readonly action?: string };
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** What it does before it answers. */
  act: (received: Received) => Promise<void>;
  /** What it answers. */
  status: number;
  /** `event.action` of what came, in order. */
  told(): readonly string[];
  close(): Promise<void>;
}

/** A hook's address that writes down what comes. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const headers = request.headers as Record<string, string>;
      const one = {
        event: headers["x-github-event"] ?? "",
        guid: headers["x-github-delivery"] ?? "",
        headers,
        body,
        payload: JSON.parse(body),
      };
      received.push(one);
      await receiver.act(one);
      response.writeHead(receiver.status);
      response.end("noted");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    act: async () => {},
    status: 202,
    told: () => received.map(({ event, payload }) => (payload.action ? `${event}.${payload.action}` : event)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
