import { createServer } from "node:net";

/**
 * A TCP port of 127.0.0.1 that nothing listened on a moment ago, for programs that cannot be told to listen on 0 and say what they got.
 * Another process may take it before you do: whoever starts a program on it must be ready to try again with a new one.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
