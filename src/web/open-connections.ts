import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface OpenConnections {
  /**
   * Ends those on which no request waits for its answer, and each of the others when it has answered, at the latest after `graceMs`. A server alone
   * waits for a connection that was opened and never used, as browsers keep them, until it times out.
   */
  close(graceMs: number): void;
}

/** Looks on from now on. */
export function openConnections(server: Server): OpenConnections {
  /** How many requests wait for their answer. */
  const waiting = new Map<Socket, number>();
  let closing = false;

  function count(socket: Socket, change: 1 | -1): void {
    const left = (waiting.get(socket) ?? 0) + change;
    if (socket.destroyed) return;
    waiting.set(socket, left);
    if (closing && left === 0) socket.destroySoon();
  }

  server.on("connection", (socket) => {
    waiting.set(socket, 0);
    socket.once("close", () => waiting.delete(socket));
    if (closing) socket.destroy();
  });
  server.on("request", (request, response) => {
    count(request.socket, 1);
    response.once("close", () => count(request.socket, -1));
  });

  return {
    close(graceMs) {
      closing = true;
      for (const [socket, requests] of waiting) if (requests === 0) socket.destroy();
      setTimeout(() => {
        for (const socket of waiting.keys()) socket.destroy();
      }, graceMs).unref();
    },
  };
}
