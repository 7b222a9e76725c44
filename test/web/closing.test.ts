import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
let address: URL;
const sockets: Socket[] = [];
beforeEach(async () => {
  world = webWorld({ listen: "127.0.0.1:0" });
  address = new URL(await world.server.listen());
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await world.server.close();
});

async function opened(): Promise<Socket> {
  const socket = connect(Number(address.port), address.hostname);
  sockets.push(socket);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** All that came until the other side ended it. */
async function readToEnd(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test("a connection that was opened and never used does not hold up the end", async () => {
  const unused = await opened();
  // The server knows of it.
  await (await fetch(new URL("/healthz", address))).text();
  await world.server.close();
  expect(await readToEnd(unused)).toBe("");
});

test("nor does one that is kept for the next request", async () => {
  const kept = await opened();
  kept.write("GET /healthz HTTP/1.1\r\nHost: flibs\r\n\r\n");
  const [first] = await once(kept, "data");
  expect(String(first)).toContain("200 OK");
  kept.pause();
  await world.server.close();
  expect(await readToEnd(kept)).toBe("");
});

test("a request whose body is on its way is answered, and its connection ends then", async () => {
  const body = "{}";
  const slow = await opened();
  slow.write(`POST /hooks/local HTTP/1.1\r\nHost: flibs\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`);
  await (await fetch(new URL("/healthz", address))).text();
  const closed = world.server.close();
  // Nobody new is let in, so the server has begun to close.
  await expect(fetch(new URL("/healthz", address))).rejects.toThrow();
  slow.write(body);
  expect(await readToEnd(slow)).toMatch(/^HTTP\/1\.1 \d\d\d /);
  await closed;
});
