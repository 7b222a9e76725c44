import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface FreezingProxy extends AsyncDisposable {
  readonly port: number;
  /** Nothing passes any more through the connections there are, and neither side is told: the other machine has lost its power. New ones pass. */
  freeze(): void;
}

/** Stands before any server on loopback. */
export async function startFreezingProxy(backend: number): Promise<FreezingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(backend, "127.0.0.1");
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => sockets.delete(socket));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
