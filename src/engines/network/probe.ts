import { accessSync, constants, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { pack } from "tar-stream";
import { appError } from "../../domain/errors.ts";
import { parseSubnet } from "../../domain/ipv4.ts";
import type { NetworkFinding } from "../build-network.ts";
import type { AllowedHost } from "./allowed-host.ts";
import { type DockerApi, dockerApi } from "./docker-api.ts";

export interface ProbeOptions {
  readonly socket: string;
  readonly gateway: string;
  readonly allow: readonly AllowedHost[];
}

/** What a container tries: a connection, or a question for a name. */
interface Attempt {
  readonly name: string;
  readonly kind: "connect" | "ask";
  readonly host: string;
  readonly port: string;
  readonly allowed: boolean;
}

const image = "flibs-network-probe:latest";
/** In seconds: a firewall that says nothing lets a connection wait. */
const patience = 3;
const unlisted = "not-on-the-list.flibs.invalid";

/**
 * A container on the builds' network tries to get out, so that the rules are believed for what they do. This process listens on a free port of all of the
 * machine's addresses meanwhile: a container that reached the machine would get an answer.
 */
export async function probeNetwork(options: ProbeOptions): Promise<readonly NetworkFinding[]> {
  const api = dockerApi(options.socket, 60_000);
  await using listener = await listen();
  const attempts = attemptsOf(options, listener.port);
  await importImage(api);
  const reached = await runProbe(api, attempts);
  return attempts.map((attempt, index) => judge(attempt, reached[index] === true));
}

function attemptsOf({ gateway, allow }: ProbeOptions, port: number): readonly Attempt[] {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const machine = addresses.filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address);
  const forbidden = (name: string, host: string, to: string): Attempt => ({ name, kind: "connect", host, port: to, allowed: false });
  return [
    ...[...new Set([gateway, ...machine])].slice(0, 8).map((address) => forbidden("this machine", address, String(port))),
    forbidden("metadata service", "169.254.169.254", "80"),
    { name: "unlisted name", kind: "ask", host: unlisted, port: "0", allowed: false },
    ...allow
      .filter(({ host }) => (parseSubnet(host)?.bits ?? 32) === 32)
      .map((entry): Attempt => {
        const [first = "443"] = entry.ports;
        return { name: "allowed host", kind: "connect", host: entry.host, port: first.split("-")[0] ?? first, allowed: true };
      }),
  ];
}

function judge({ name, kind, host, port, allowed }: Attempt, reached: boolean): NetworkFinding {
  const what = kind === "ask" ? `the name ${host}` : `${host}:${port}`;
  const verb = kind === "ask" ? "was answered" : "was reached";
  const not = kind === "ask" ? "was not answered" : "was not reached";
  if (reached === allowed) return { name, state: "ok", message: `${what} ${reached ? verb : not}` };
  if (allowed) {
    return {
      name,
      state: "warning",
      message: `${what} ${not}`,
      hint: "Does it answer this machine? Does flibs serve run, which answers names?",
    };
  }
  return {
    name,
    state: "bad",
    code: "engine.network-open",
    message: `${what} ${verb} from a container`,
    hint: "Mend it: flibs network ensure",
  };
}

/** `y` or `n` for each attempt, which come as words, so that nothing of theirs is read by the shell. */
const script = `
while [ $# -gt 0 ]; do
  if [ "$1" = ask ]; then busybox nslookup -type=a "$2" >/dev/null 2>&1 && echo y || echo n
  else busybox nc -w ${patience} "$2" "$3" </dev/null >/dev/null 2>&1 && echo y || echo n; fi
  shift 3
done`;

async function runProbe(api: DockerApi, attempts: readonly Attempt[]): Promise<readonly boolean[]> {
  const words = attempts.flatMap(({ kind, host, port }) => [kind, host, port]);
  const created = await succeed(api.call("POST", "/containers/create", containerOf(words)), "make a container");
  const { Id: id } = JSON.parse(created.toString("utf8")) as { Id: string };
  try {
    await succeed(api.call("POST", `/containers/${id}/start`), "start a container");
    await succeed(api.call("POST", `/containers/${id}/wait`), "wait for a container");
    const printed = await succeed(api.call("GET", `/containers/${id}/logs?stdout=1`), "read a container's output");
    const answers = printed.toString("utf8").match(/[yn]/g) ?? [];
    if (answers.length === attempts.length) return answers.map((answer) => answer === "y");
    throw appError("engine.network-failed", "the container that tries the network did not come to its end");
  } finally {
    await api.call("DELETE", `/containers/${id}?force=1`);
    await api.call("DELETE", `/images/${image}`);
  }
}

function containerOf(words: readonly string[]): object {
  return {
    Image: image,
    Entrypoint: ["/bin/busybox", "sh", "-c", script, "sh"],
    Cmd: words,
    Env: ["PATH=/bin"],
    // A terminal's output comes without frames.
    Tty: true,
    HostConfig: { NetworkMode: "default", CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges"], PidsLimit: 64, Memory: 64 * 2 ** 20 },
  };
}

async function importImage(api: DockerApi): Promise<void> {
  const archive = pack();
  archive.entry({ name: "bin/busybox", mode: 0o755 }, readFileSync(findBusybox()));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  const [repository, tag] = image.split(":");
  await succeed(api.call("POST", `/images/create?fromSrc=-&repo=${repository}&tag=${tag}`, Buffer.concat(chunks)), "import an image");
}

function findBusybox(): string {
  for (const place of ["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox", "/usr/sbin/busybox"]) {
    try {
      accessSync(place, constants.R_OK);
      return place;
    } catch {
      // Not here: look on.
    }
  }
  throw appError("engine.network-failed", "there is no busybox on this machine to try the network with", {
    hint: "Install a static one: on Debian apt-get install busybox-static, on Fedora dnf install busybox",
  });
}

async function succeed(answer: ReturnType<DockerApi["call"]>, what: string): Promise<Buffer> {
  const { status, body } = await answer;
  if (status < 300) return body;
  throw appError("engine.network-failed", `Docker Engine could not ${what}: ${status} ${body.toString("utf8").slice(0, 300)}`);
}

async function listen(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server: Server = createServer((connection) => connection.end());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "0.0.0.0", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}
