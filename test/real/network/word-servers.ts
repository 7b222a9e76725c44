import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { serveCalls } from "./namespace.ts";

/** Servers that say one word to whoever connects, and one that takes down what it is asked by UDP. Runs in a network namespace. */
export interface WordServers {
  readonly words: readonly { readonly address: string; readonly port: number; readonly word: string }[];
  /** Notes what arrives at port 53. */
  readonly listener?: string;
}

const { words, listener }: WordServers = JSON.parse(process.argv[2] ?? "");
const heard: string[] = [];
for (const { address, port, word } of words) {
  const server = createServer((connection) => {
    connection.on("error", () => {});
    connection.end(`${word}\n`);
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
}
if (listener !== undefined) {
  const socket = createSocket("udp4");
  socket.on("message", (packet) => heard.push(packet.toString("latin1")));
  await new Promise<void>((resolve) => socket.bind(53, listener, resolve));
}
serveCalls({ heard: () => heard });
