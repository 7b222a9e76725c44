import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localForge } from "../src/forge/local/local-forge.ts";
import { silentLog } from "../src/log.ts";
import { initialManifestRepository } from "../src/promotion/initial-manifest-repository.ts";
import type { PromotionPorts } from "../src/promotion/promotion-ports.ts";
import { findDue } from "../src/promotion/release-scan-flow.ts";
import { type ReconciledFile, reconciledKey } from "../src/promotion/release-store.ts";

/** What a look at main costs when nothing changed, over 10,000 image files in a real git repository behind the local forge. */
const images = 10_000;
const rounds = 5;
const targetMs = 2000;
const repository = "releng/manifests";
const scratch = await mkdtemp(join(tmpdir(), "flibs-bench-"));
try {
  const forge = localForge({ name: "local", directory: scratch, hookSecrets: ["secret"], admins: ["alice"], log: silentLog });
  await forge.createRepository(repository);
  const bare = join(scratch, `${repository}.git`);
  await fastImport(bare, firstCommit());

  const reconciled = new Map<string, ReconciledFile>();
  const ports = {
    forge,
    releases: { listReconciled: async () => reconciled },
    now: () => new Date(),
    settings: {
      repository,
      branch: "main",
      registries: { candidate: named("candidate"), production: named("production") },
      pageOf: () => undefined,
    },
  } as unknown as PromotionPorts;

  const first = await findDue(ports, false);
  if (first.due.length !== images) throw new Error(`${first.due.length} of ${images} are due at first: ${JSON.stringify(first.faults)}`);
  const at = new Date().toISOString();
  for (const { path, blob, registry } of first.due)
    reconciled.set(reconciledKey(registry, path), { blob, policyBlob: first.policyBlob, commit: first.commit ?? "", at });

  const noop = await measure(() => findDue(ports, false), 0);
  const git = await measureListing(() => forge.listFiles(repository, first.commit ?? "", ""));
  await fastImport(bare, secondCommit());
  const changed = await measure(() => findDue(ports, false), 1);
  const line = (what: string, ms: number) => process.stdout.write(`release-noop: ${images} images, ${what}, ${ms.toFixed(0)} ms\n`);
  line("listing the tree alone (git ls-tree)", git);
  line(`nothing to do (target ${targetMs} ms)`, noop);
  line("1 changed", changed);
  if (noop > targetMs) process.exitCode = 1;
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** Median over the rounds. */
async function measure(look: () => ReturnType<typeof findDue>, due: number): Promise<number> {
  return await measureListing(async () => {
    const found = await look();
    if (found.due.length !== due) throw new Error(`${found.due.length} are due, ${due} changed`);
  });
}

async function measureListing(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    await work();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

function imageOf(i: number): { readonly path: string; readonly text: string } {
  const name = `f${i % 50}/image${i}`;
  const digest = i.toString(16).padStart(64, "0");
  const text = `schema: 1\nrepository: ${name}\nreleases:\n  "1-1":\n    digest: sha256:${digest}\n    build: "b${i}"\nfloating:\n  latest: "1-1"\n`;
  return { path: `images/${name}.yaml`, text };
}

function named(name: string) {
  return { endpoint: `${name}:5000`, publicName: `${name}.example.test`, signingKey: name };
}

function firstCommit(): string {
  const start = initialManifestRepository({ candidate: named("candidate"), production: named("production") }, ["linux/amd64"]);
  const files = [...Object.entries(start).map(([path, text]) => ({ path, text })), ...Array.from({ length: images }, (_, i) => imageOf(i))];
  return commit("first", files);
}

function secondCommit(): string {
  const { path, text } = imageOf(4711);
  return commit("second", [{ path, text: `${text}withdrawn:\n  "1-1": {reason: bench, by: alice}\n` }], "from refs/heads/main^0\n");
}

/** Source specification: git-fast-import(1). */
function commit(message: string, files: readonly { readonly path: string; readonly text: string }[], from = ""): string {
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const blobs = files.map(({ path, text }) => `M 100644 inline ${path}\n${data(text)}`);
  return `commit refs/heads/main\ncommitter alice <alice@example.test> 0 +0000\n${data(message)}${from}${blobs.join("")}\n`;
}

async function fastImport(bare: string, input: string): Promise<void> {
  const child = spawn("git", ["--git-dir", bare, "fast-import", "--quiet"], { stdio: ["pipe", "inherit", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  child.stdin.end(input);
  const code = await ended;
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
}
