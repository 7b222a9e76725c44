import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import Docker from "dockerode";
import { pack } from "tar-stream";
import { buildDaemonSocket } from "../../../src/engines/network/build-daemon.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { type Namespace, namespace, type Worker } from "./namespace.ts";
import type { NetworkProcess } from "./network-process.ts";
import type { WordServers } from "./word-servers.ts";

/**
 * A machine that builds, and the world around it, both network namespaces: the test's rules, bridge and engine are in the first, and whatever stands for the
 * internet, a cloud's metadata service and a site's own network in the second. Nothing of the real machine's network is touched.
 */
export interface NetworkWorld extends AsyncDisposable {
  readonly machine: Namespace;
  readonly flibs: Worker;
  /** The engine that flibs starts. */
  readonly docker: Docker;
  readonly bridge: string;
  readonly settingsFile: string;
  /** What DNS servers of the world were asked. */
  heard(): Promise<readonly string[]>;
  /** On the builds' own bridge; it says `another container`. May be called again when the engine has ended it. */
  startContainer(): Promise<void>;
  /** A directory for a build whose RUN line tries everything and writes what answered to /reached. */
  readonly context: { readonly directory: string; readonly dockerfile: string };
  /** What a command in a container prints on standard output, without white space around it. */
  exec(name: string, ...command: string[]): Promise<string>;
  /** Tries one place from that container, and returns what was said. */
  ask(host: string, port: number): Promise<string>;
  /** What a container on the builds' network reaches. */
  reachedByContainer(): Promise<readonly Place[]>;
  /** What a BuildKit build reaches; it has no flibs before it. */
  reachedByBuildKit(): Promise<readonly Place[]>;
  /** What the engine says to a BuildKit build that asks for the machine's own network. */
  buildOnHostNetwork(): Promise<string>;
  /** As if somebody had flushed the firewall. */
  openFirewall(): Promise<void>;
}

/** Everything that a build may want to reach, as it would say its name: each says its word when it is reached. */
export const places = {
  allowed: { host: "mirror.test", port: 443 },
  "allowed by address": { host: "198.51.100.21", port: 8080 },
  "port that is not listed": { host: "198.51.100.20", port: 8443 },
  internet: { host: "198.51.100.10", port: 443 },
  "metadata service": { host: "169.254.169.254", port: 80 },
  "private network": { host: "172.17.0.2", port: 80 },
  "machine by its bridge": { host: "10.213.77.1", port: 7000 },
  "machine by its address": { host: "192.0.2.1", port: 7000 },
  "registry API": { host: "192.0.2.1", port: 5000 },
  "another container": { host: "10.213.77.2", port: 7070 },
} as const;
export type Place = keyof typeof places;
export const allPlaces = Object.keys(places) as readonly Place[];

const world: WordServers = {
  words: [
    { address: "198.51.100.20", port: 443, word: "allowed" },
    { address: "198.51.100.21", port: 8080, word: "allowed by address" },
    { address: "198.51.100.20", port: 8443, word: "port that is not listed" },
    { address: "198.51.100.10", port: 443, word: "internet" },
    { address: "169.254.169.254", port: 80, word: "metadata service" },
    { address: "172.17.0.2", port: 80, word: "private network" },
  ],
  listener: "198.51.100.10",
};

/** What a Docker Engine for everybody, running beside, has written into the firewall. */
const otherEngine = `*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
`;

export async function networkWorld(): Promise<NetworkWorld> {
  const id = randomBytes(3).toString("hex");
  const bridge = `flt${id}`;
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await scratchDirectory());
  const machine = stack.use(await namespace(`flt-machine-${id}`));
  const outside = stack.use(await namespace(`flt-world-${id}`));
  await connect(machine, outside);
  const servers = await outside.start(join(import.meta.dirname, "word-servers.ts"), world);
  await machine.start(join(import.meta.dirname, "word-servers.ts"), {
    words: [
      { address: "0.0.0.0", port: 7000, word: "machine" },
      { address: "0.0.0.0", port: 5000, word: "registry API" },
    ],
  } satisfies WordServers);
  await machine.feed(otherEngine, "iptables-restore");

  const state = join(scratch.path, "state");
  await mkdir(state);
  const allow = [
    { host: "mirror.test", ports: ["443"], addresses: [], private: false },
    { host: "198.51.100.21", ports: ["8000-8100"], addresses: [], private: false },
  ];
  const options: NetworkProcess = {
    ...{ bridge, subnet: "10.213.77.0/24", allow, stateDirectory: state, installation: `test-${id}` },
    daemon: { kind: "own", directory: join(state, "build-daemon") },
  };
  const docker = new Docker({ socketPath: buildDaemonSocket(bridge) });
  const flibs = await machine.start(join(import.meta.dirname, "network-process.ts"), options);
  stack.defer(async () => {
    // Ended at once, or the engine would wait ten seconds for each.
    for (const { Id } of await docker.listContainers().catch(() => [])) await docker.getContainer(Id).kill();
    await flibs.call("remove");
  });
  await flibs.call("setNames", { "mirror.test": ["198.51.100.20"] });
  const settingsFile = join(scratch.path, "flibs.yaml");
  await writeFile(settingsFile, settingsText(bridge));
  const tree = join(scratch.path, "tree");
  await busyboxTree(tree);
  await writeFile(join(tree, "try"), tryEverything());

  const all = stack.move();
  return {
    ...{ machine, flibs, docker, bridge, settingsFile },
    heard: () => servers.call("heard"),
    startContainer: () => startContainer(docker, tree),
    context: { directory: tree, dockerfile },
    exec: (name, ...command) => exec(docker, name, command),
    ask: (host, port) => exec(docker, "neighbour", ["/bin/busybox", "nc", "-w", "1", host, String(port)]),
    reachedByContainer: async () => placesIn((await run(docker, ["/bin/busybox", "sh", "/try"])).toString("utf8")),
    reachedByBuildKit: () => buildWithBuildKit(docker, tree),
    buildOnHostNetwork: async () => {
      const context = await archiveOf(tree, { Dockerfile: dockerfile });
      const body = await docker.buildImage(context, { version: "2", nocache: true, networkmode: "host" });
      return (await buffer(body as unknown as Readable)).toString("utf8");
    },
    openFirewall: async () => {
      await machine.run("iptables", "-t", "security", "-F");
      await machine.run("ip6tables", "-t", "security", "-F");
      await machine.run("iptables", "-P", "FORWARD", "ACCEPT");
      await machine.run("iptables", "-F");
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** One cable: 192.0.2.1 is the machine, 192.0.2.2 the way to all the rest. */
async function connect(machine: Namespace, outside: Namespace): Promise<void> {
  await machine.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", outside.name);
  for (const [one, address] of [
    [machine, "192.0.2.1/24"],
    [outside, "192.0.2.2/24"],
  ] as const) {
    await one.run("ip", "link", "set", "lo", "up");
    await one.run("ip", "address", "add", address, "dev", "up0");
    await one.run("ip", "link", "set", "up0", "up");
  }
  for (const address of new Set(world.words.map((one) => one.address)))
    await outside.run("ip", "address", "add", `${address}/32`, "dev", "lo");
  // No default route, so that the name servers of the real machine are known at once to be out of reach.
  for (const place of ["198.51.100.0/24", "169.254.169.254/32", "172.17.0.0/16"])
    await machine.run("ip", "route", "add", place, "via", "192.0.2.2");
  await machine.feed("1", "tee", "/proc/sys/net/ipv4/ip_forward");
}

/** A line for each place: its name, a colon, and what it said. */
function tryEverything(): string {
  const lines = Object.entries(places).map(
    ([name, { host, port }]) => `echo "${name}: $(echo hello | /bin/busybox nc -w 3 ${host} ${port} 2>/dev/null)" >>/reached`,
  );
  const asks = [
    'echo "own name server: $(/bin/busybox nslookup -type=a secret.example.test 2>&1 | /bin/busybox grep -c NXDOMAIN)" >>/reached',
    "/bin/busybox timeout 0.3 /bin/busybox nslookup -type=a secret.example.test 198.51.100.10 >/dev/null 2>&1",
    "/bin/busybox cat /reached",
  ];
  return [...lines, ...asks, ""].join("\n");
}

/** It gets the first address after the bridge's. */
async function startContainer(docker: Docker, tree: string): Promise<void> {
  await importImage(docker, tree);
  await docker
    .getContainer("neighbour")
    .remove({ force: true })
    .catch(() => {});
  const container = await docker.createContainer({
    name: "neighbour",
    Image: image,
    // It does not listen to anything milder, and the engine would wait ten seconds.
    StopSignal: "SIGKILL",
    Cmd: ["/bin/busybox", "nc", "-ll", "-p", "7070", "-e", "/bin/busybox", "echo", "another container"],
  });
  await container.start();
  const address = (await container.inspect()).NetworkSettings.Networks.bridge?.IPAddress;
  if (address !== places["another container"].host) throw new Error(`the container has ${address}`);
}

const image = "everything";
const dockerfile = 'FROM scratch\nCOPY . /\nRUN ["/bin/busybox", "sh", "/try"]\n';

async function importImage(docker: Docker, tree: string): Promise<void> {
  // Its types know callbacks only.
  const body: unknown = await docker.importImage(await archiveOf(tree), { repo: image });
  await buffer(body as Readable);
}

async function archiveOf(tree: string, more: Readonly<Record<string, string>> = {}): Promise<Readable> {
  const archive = pack();
  for (const name of ["bin/busybox", "try"]) archive.entry({ name, mode: 0o755 }, await readFile(join(tree, name)));
  for (const [name, text] of Object.entries(more)) archive.entry({ name }, text);
  archive.finalize();
  return Readable.from([await buffer(archive)]);
}

/** What the command printed, in a container on the builds' network. */
async function run(docker: Docker, command: string[]): Promise<Buffer> {
  const container = await docker.createContainer({ Image: image, Cmd: command, Tty: true });
  await container.start();
  await container.wait();
  const printed = await container.logs({ stdout: true });
  await container.remove();
  return printed;
}

async function exec(docker: Docker, name: string, command: string[]): Promise<string> {
  const started = await docker.getContainer(name).exec({ Cmd: command, AttachStdout: true, AttachStderr: false, Tty: false });
  const frames = await buffer((await started.start({})) as unknown as Readable);
  // Each frame has a header of eight bytes; a short output is one frame.
  return frames.subarray(8).toString("utf8").trim();
}

async function buildWithBuildKit(docker: Docker, tree: string): Promise<readonly Place[]> {
  const context = await archiveOf(tree, { Dockerfile: dockerfile });
  const body = await docker.buildImage(context, { version: "2", t: "buildkit", nocache: true });
  const said = (await buffer(body as unknown as Readable)).toString("utf8");
  if (said.includes('"error"')) throw new Error(said.slice(-1000));
  const container = await docker.createContainer({ Image: "buildkit", Cmd: ["/never"] });
  try {
    return placesIn((await buffer(await container.getArchive({ path: "/reached" }))).toString("utf8"));
  } finally {
    await container.remove();
  }
}

/** The places that said a word. */
export function placesIn(text: string): readonly Place[] {
  const said = new Map(text.split(/\r?\n/).map((line) => [line.split(": ")[0]?.replaceAll(/.*\0/g, ""), line.split(": ")[1]?.trim()]));
  const asked = allPlaces.filter((place) => said.has(place));
  if (asked.length !== allPlaces.length) throw new Error(`not everything was tried: ${text.slice(0, 2000)}`);
  return allPlaces.filter((place) => (said.get(place) ?? "") !== "");
}

function settingsText(bridge: string): string {
  return `stateDirectory: state
forge: {kind: local, directory: git, hookSecrets: [{env: S}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "127.0.0.1:5000"}, production: {endpoint: "127.0.0.1:5001"}}
signing: {gnupgHome: gnupg, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
network:
  mode: closed
  bridge: ${bridge}
  allow:
    - {host: mirror.test, ports: [443]}
    - {host: 198.51.100.21, ports: [8000-8100]}
`;
}
