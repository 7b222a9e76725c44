import { createSocket } from "node:dgram";
import { once } from "node:events";
import { appError } from "../../domain/errors.ts";
import { answerDns, type FindName } from "./dns-answer.ts";

/** Answers builds' questions for names, on the bridge's own address; see {@link answerDns} for what it does not do. */
export interface NameServer {
  close(): Promise<void>;
}

/** A name that only our own server answers, with its own address: so a look tells it from another server on this port. */
export const ownName = "name-server.flibs.invalid";

/** Errors: `engine.network-taken` when somebody else answers names there, `engine.network-not-permitted` without the right to. */
export async function startNameServer(address: string, port: number, find: FindName): Promise<NameServer> {
  const socket = createSocket({ type: "udp4" });
  socket.on("message", (packet, from) => {
    const answer = answerDns(packet, (name) => (name === ownName ? [address] : find(name)));
    // A build that does not wait for its answer is no error of ours.
    if (answer !== undefined) socket.send(answer, from.port, from.address, () => {});
  });
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, "listening");
  } catch (error) {
    socket.close();
    throw translate(address, port, error as NodeJS.ErrnoException);
  }
  socket.on("error", () => {});
  return {
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function translate(address: string, port: number, error: NodeJS.ErrnoException) {
  if (error.code === "EADDRINUSE") {
    return appError("engine.network-taken", `another program answers names on ${address}:${port}`, {
      hint: "Is a second flibs running with this bridge? Let a name server of this machine listen on its own addresses only",
      cause: error,
    });
  }
  if (error.code === "EACCES" || error.code === "EPERM") {
    return appError("engine.network-not-permitted", `this process may not answer names on ${address}:${port}`, {
      hint: "Let the service have CAP_NET_BIND_SERVICE; docs/build-network.md tells how",
      cause: error,
    });
  }
  return appError("engine.network-failed", `names cannot be answered on ${address}:${port}: ${error.message}`, { cause: error });
}

const waitMs = 1000;

/** `ours`, `other` when something else answers there, `silent` when nothing does. */
export async function whoAnswers(address: string, port: number): Promise<"ours" | "other" | "silent"> {
  const socket = createSocket({ type: "udp4" });
  let late: NodeJS.Timeout | undefined;
  try {
    const silent = new Promise<undefined>((resolve) => {
      late = setTimeout(() => resolve(undefined), waitMs);
      // A connected socket is told at once that the port is closed.
      socket.on("error", () => resolve(undefined));
    });
    await new Promise<void>((resolve) => socket.connect(port, address, () => resolve()));
    const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
    socket.send(question(ownName));
    const bytes = await Promise.race([answer, silent]);
    if (bytes === undefined) return "silent";
    const own = Buffer.from(address.split(".").map(Number));
    return bytes.length >= 4 && bytes.subarray(-4).equals(own) ? "ours" : "other";
  } finally {
    clearTimeout(late);
    socket.close();
  }
}

/** An A question for a name (RFC 1035). */
export function question(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([Buffer.from([0x46, 0x4c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}
