import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { imageCopier } from "../src/registry/image-copier.ts";
import { inMemoryMountMemory } from "../src/registry/mount-memory.ts";
import { namedRegistries } from "../src/registry/named-registries.ts";
import { registryClient } from "../src/registry/registry-client.ts";
import { startDockerRegistry } from "../test/support/docker-registry.ts";
import { putImage } from "../test/support/registry-image.ts";
import { scratchDirectory } from "../test/support/scratch-directory.ts";

/**
 * Promotion of one image of 6 x 20 MB incompressible layers against `skopeo copy` that has never seen the registries (fresh blob-info
 * cache), in turns, each to a repository of its own. Bytes are counted by a proxy in front of the registry, in turns of their own, since
 * a proxy costs time. Targets: same registry 0 blob bytes and at most 0.25x; between registries at most 1.0x.
 */
const pairs = Number(process.env.FLIBS_BENCH_PAIRS ?? 7);
const oci = "application/vnd.oci.image.manifest.v1+json";
const layers = Array.from({ length: 6 }, () => 20 * 1000 * 1000);
const never = new AbortController().signal;

if (process.argv[2] === "--copy") await copyInThisProcess(JSON.parse(process.argv[3] ?? "{}"));
else await compare();

interface OneCopy {
  readonly from: string;
  readonly to: string;
  readonly digest: `sha256:${string}`;
  readonly repository: string;
}

function copierFor(from: string, to: string) {
  const clients = [from, to].map((endpoint) => registryClient({ endpoint, plainHttp: true }));
  const [candidate, production] = clients;
  if (candidate === undefined || production === undefined) throw new Error("two clients were made");
  const registries = namedRegistries({ candidate, production: from === to ? candidate : production });
  const copier = imageCopier(registries, { transfers: Number(process.env.FLIBS_BENCH_TRANSFERS ?? 4), mountMemory: inMemoryMountMemory() });
  const copy = ({ digest, repository }: Pick<OneCopy, "digest" | "repository">) => {
    const source = { registry: "candidate", repository: "containers/app", digest };
    return copier.copy({ source, destination: { registry: "production", repository } }, never);
  };
  const close = () => {
    for (const client of clients) client.close();
  };
  return { copy, close };
}

/** A process of its own shows the memory of one copy and nothing else. */
async function copyInThisProcess({ from, to, digest, repository }: OneCopy): Promise<void> {
  const { copy, close } = copierFor(from, to);
  const before = process.memoryUsage.rss();
  await copy({ digest, repository });
  const growth = process.resourceUsage().maxRSS * 1024 - before;
  process.stdout.write(`${Math.round(growth / 1_000_000)}\n`);
  close();
}

async function compare(): Promise<void> {
  await using scratch = await scratchDirectory("bench-");
  await using candidate = await startDockerRegistry();
  await using production = await startDockerRegistry();
  const filler = registryClient({ endpoint: candidate.endpoint, plainHttp: true });
  const image = await putImage(filler, "containers/app", oci, layers);
  await filler.putManifest("containers/app", "1", image);
  filler.close();
  const { digest } = image;
  for (const { name, to, target } of [
    { name: "same registry", to: candidate, target: "0 blob bytes, 0.25x" },
    { name: "two registries", to: production, target: "1.00x" },
  ]) {
    const home = (turn: string) => join(scratch.path, `${name}-${turn}`);
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let turn = -1; turn < pairs; turn += 1) {
      // A new client each time: what it remembers of the turn before would let it mount where skopeo must stream.
      const { copy, close } = copierFor(candidate.endpoint, to.endpoint);
      const own = () => seconds(() => copy({ digest, repository: `f40/own-${turn + 1}` }));
      const other = () => seconds(() => skopeoCopy(home(String(turn)), candidate.endpoint, to.endpoint, digest, `f40/skopeo-${turn + 1}`));
      // Who goes first changes, so that neither always meets a warm disk; the first pair only warms up.
      const [first, second] = turn % 2 === 0 ? [await own(), await other()] : [await other(), await own()];
      close();
      if (turn < 0) continue;
      ours.push(turn % 2 === 0 ? first : second);
      theirs.push(turn % 2 === 0 ? second : first);
    }

    const [fromProxy, toProxy] = [await countingProxy(candidate.endpoint), await countingProxy(to.endpoint)];
    const same = to === candidate;
    const counted = async (work: (from: string, destination: string) => Promise<unknown>) => {
      fromProxy.reset();
      toProxy.reset();
      await work(fromProxy.endpoint, same ? fromProxy.endpoint : toProxy.endpoint);
      return `${megabytes(fromProxy.bytes.down + toProxy.bytes.down)} MB down ${megabytes(fromProxy.bytes.up + toProxy.bytes.up)} MB up`;
    };
    const ownBytes = await counted(async (from, destination) => {
      const counting = copierFor(from, destination);
      await counting.copy({ digest, repository: "f40/own-counted" });
      counting.close();
    });
    const otherBytes = await counted((from, destination) => skopeoCopy(home("counted"), from, destination, digest, "f40/skopeo-counted"));
    fromProxy.close();
    toProxy.close();

    const one: OneCopy = { from: candidate.endpoint, to: to.endpoint, digest, repository: "f40/own-memory" };
    const growth = (await run(process.execPath, [process.argv[1] ?? "", "--copy", JSON.stringify(one)])).trim();
    const ratio = median(ours.map((value, index) => value / (theirs[index] ?? 1)));
    process.stdout.write(
      `promotion, ${name}: ${ratio.toFixed(2)}x of skopeo copy (${median(ours).toFixed(2)} s against ${median(theirs).toFixed(2)} s, ${pairs} pairs); ` +
        `${ownBytes}, skopeo ${otherBytes}; memory +${growth} MB; target ${target}\n`,
    );
  }
}

async function skopeoCopy(home: string, from: string, to: string, digest: string, repository: string): Promise<void> {
  await mkdir(home, { recursive: true });
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_RUNTIME_DIR: home, TMPDIR: home };
  // As root skopeo keeps its cache in /var/lib unless it is told that another user is meant.
  const cache = ["--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests"];
  const rootless = { ...env, _CONTAINERS_ROOTLESS_UID: "1000" };
  await run("skopeo", [...cache, `docker://${from}/containers/app@${digest}`, `docker://${to}/${repository}:1`], rootless);
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let problem = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (problem += chunk));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}: ${problem}`))));
  });
}

/** TCP in between: everything that crosses the wire, headers too, whoever talks. */
async function countingProxy(endpoint: string) {
  const [host, port] = endpoint.split(":");
  const bytes = { up: 0, down: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => (bytes.up += chunk.length));
    upstream.on("data", (chunk) => (bytes.down += chunk.length));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes,
    reset: () => Object.assign(bytes, { up: 0, down: 0 }),
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(bytes < 1_000_000 ? 2 : 0);
}
