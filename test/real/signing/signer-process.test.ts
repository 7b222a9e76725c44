import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { stringify } from "yaml";
import type { Digest } from "../../../src/domain/digest.ts";
import { initialManifestRepository } from "../../../src/promotion/initial-manifest-repository.ts";
import { registryClient } from "../../../src/registry/registry-client.ts";
import { cosignJudge } from "../../../src/signing/cosign/cosign-judge.ts";
import { pemCosignKey } from "../../../src/signing/cosign/cosign-key.ts";
import { openGnupgHome } from "../../../src/signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "../../../src/signing/openpgp/gpg-checker.ts";
import { exportKeyring } from "../../../src/signing/openpgp/gpg-sign.ts";
import { openLookasideDirectory } from "../../../src/signing/openpgp/lookaside-directory.ts";
import { openpgpJudge, type SignatureJudge } from "../../../src/signing/signature-judge.ts";
import { socketSigner } from "../../../src/signing/socket/signer-client.ts";
import { makeCosignKey } from "../../support/cosign-key.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { gnupgHome, makeKey } from "../../support/gnupg.ts";
import { gitAsBob } from "../../support/local-forge.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { pushImage } from "./pushed-image.ts";

/** `flibs signer` as it is run: a process, a socket, git, a registry, gpg and a cosign key. */
const path = "images/f40/cockpit.yaml";
const repository = "f40/cockpit";
const never = new AbortController().signal;
let at: Awaited<ReturnType<typeof installation>>;
beforeAll(async () => {
  at = await installation();
}, 60_000);
afterAll(() => at?.remove());

async function installation() {
  const scratch = await scratchDirectory("flibs-");
  const [server, keys] = [await startDockerRegistry(), await gnupgHome()];
  const fingerprint = await makeKey(keys.path, "Production");
  const cosignKey = makeCosignKey();
  const [bare, clone] = [join(scratch.path, "manifests.git"), join(scratch.path, "clone")];
  await mkdir(bare);
  gitAsBob(bare, "init", "--quiet", "--bare", "--initial-branch=main");
  gitAsBob(scratch.path, "clone", "--quiet", bare, clone);
  const push = async (files: Readonly<Record<string, string>>, branch = "main") => {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(join(clone, file, ".."), { recursive: true });
      await writeFile(join(clone, file), text);
    }
    gitAsBob(clone, "add", "--all");
    gitAsBob(clone, "commit", "--quiet", "--message", "change");
    gitAsBob(clone, "push", "--quiet", "origin", `HEAD:refs/heads/${branch}`);
    return gitAsBob(clone, "rev-parse", "HEAD");
  };
  gitAsBob(clone, "checkout", "--quiet", "-B", "main");
  const production = { endpoint: server.endpoint, publicName: "registry.example.test" };
  const candidate = { endpoint: "candidate.example.test", publicName: "candidate.example.test" };
  await push(initialManifestRepository({ candidate, production }, ["linux/amd64"]));
  const image = await pushImage(server.url, repository, "other");
  const release = (tag: string, digest: Digest) => `  "${tag}":\n    digest: ${digest}\n    build: "b1"\n`;
  const text = `schema: 1\nrepository: ${repository}\nreleases:\n${release("1-1", image.index)}floating:\n  "1": "1-1"\n  latest: "1-1"\n`;
  const commit = await push({ [path]: text });

  const settings = join(scratch.path, "signer.yaml");
  const socket = join(scratch.path, "run", "socket");
  const lookaside = join(scratch.path, "lookaside");
  await writeFile(join(scratch.path, "cosign.key"), cosignKey.privatePem, { mode: 0o600 });
  const signing = {
    gnupgHome: keys.path,
    keys: { production: { openpgp: [{ fingerprint }], cosign: [{ privateKey: { file: "cosign.key" } }] } },
    lookaside,
  };
  const registries = { candidate, production: { ...production, plainHttp: true } };
  await writeFile(settings, stringify({ socket, stateDirectory: "state", manifests: { url: bare }, registries, signing }));

  const gnupg = openGnupgHome({ directory: keys.path, timeoutMs: 30_000, agent: true });
  const publicKeys = await exportKeyring(gnupg, [fingerprint]);
  const checker = await openGpgChecker({ publicKeys, fingerprints: [fingerprint], timeoutMs: 30_000 });
  const client = registryClient({ endpoint: server.endpoint, plainHttp: true });
  const judges: readonly SignatureJudge[] = [
    openpgpJudge(openLookasideDirectory(join(lookaside, "production")), checker),
    cosignJudge(client, [pemCosignKey(cosignKey.publicPem, "accept")]),
  ];
  let running: ChildProcess | undefined;
  const kill = async (signal: NodeJS.Signals) => {
    const child = running;
    running = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await ended;
  };
  return {
    ...{ image, commit, push, text, kill, socket, lookaside },
    sign: socketSigner(socket, 60_000),
    async start() {
      const env = { PATH: process.env.PATH, HOME: scratch.path };
      const child = spawn(process.execPath, ["src/main.ts", "--config", settings, "signer"], { env, stdio: ["ignore", "pipe", "pipe"] });
      running = child;
      let said = "";
      const ready = new Promise<void>((done, fail) => {
        const hear = (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes("flibs signer is ready")) done();
        };
        child.stdout?.on("data", hear);
        child.stderr?.on("data", hear);
        child.once("exit", () => fail(new Error(said)));
      });
      await ready;
    },
    /** Everything that is signed: kind, name, digest; a name twice stands twice. */
    async signatures() {
      const found: string[] = [];
      for (const digest of Object.values(image) as Digest[]) {
        for (const judge of judges) {
          for (const one of await judge.judge(repository, digest)) found.push(`${one.verdict} ${one.kind} ${one.publicName} ${digest}`);
        }
      }
      return found.toSorted();
    },
    async remove() {
      await kill("SIGKILL");
      await checker.close();
      await gnupg.close();
      client.close();
      await keys.remove();
      await server.stop();
      await scratch.remove();
    },
  };
}

/** Three names on three digests, a name of its own for each platform, two kinds of signatures, each once. */
function everything() {
  const names = ["1-1", "1", "latest"].map((tag) => `registry.example.test/${repository}:${tag}`);
  const { index, ...platforms } = at.image;
  const pairs = [
    ...names.flatMap((name) => [index, ...Object.values(platforms)].map((digest) => `${name} ${digest}`)),
    ...Object.entries(platforms).map(([platform, digest]) => `registry.example.test/${repository}:1-1-${platform} ${digest}`),
  ];
  return ["openpgp", "cosign"].flatMap((kind) => pairs.map((pair) => `valid ${kind} ${pair}`)).toSorted();
}

describe("flibs signer", () => {
  test("refuses what nobody merged, and signs nothing", async () => {
    await at.start();
    const evil = await at.push({ [path]: at.text.replace("latest", "newest") }, "evil");
    const refusal = { code: "signing.request-refused" };
    const good = { commit: at.commit, path, registry: "production" };
    await expect(at.sign.sign({ ...good, commit: evil }, never)).rejects.toMatchObject(refusal);
    await expect(at.sign.sign({ ...good, path: "images/../../cosign.key" }, never)).rejects.toMatchObject(refusal);
    await expect(at.sign.sign({ ...good, registry: "candidate" }, never)).rejects.toMatchObject(refusal);
    expect(await at.signatures()).toEqual([]);
  });

  test("killed in the middle again and again, a retry ends with exactly one signature of each key for every name", async () => {
    const wanted = { commit: at.commit, path, registry: "production" };
    for (const afterMs of [5, 120, 250, 400]) {
      const asked = at.sign.sign(wanted, never).then(
        () => "done",
        (error) => error.code,
      );
      await delay(afterMs);
      await at.kill("SIGKILL");
      expect(["done", "signing.signer-unavailable"]).toContain(await asked);
      expect(existsSync(at.socket)).toBe(true);
      await at.start();
    }
    await at.sign.sign(wanted, never);
    expect(await at.signatures()).toEqual(everything());
    const again = await at.sign.sign(wanted, never);
    expect(Object.keys(again).toSorted()).toEqual(["1", "1-1", "1-1-amd64", "1-1-arm64", "latest"]);
    expect(Object.values(again).map((one) => one.added)).toEqual([0, 0, 0, 0, 0]);
  }, 240_000);

  test("two clients at once: still one of each", async () => {
    const wanted = { commit: at.commit, path, registry: "production" };
    await Promise.all([at.sign.sign(wanted, never), at.sign.sign(wanted, never), at.sign.sign({ ...wanted, tags: ["latest"] }, never)]);
    expect(await at.signatures()).toEqual(everything());
  });

  test("what is withdrawn on main loses its signatures of all kinds, and asking for the old commit does not bring them back", async () => {
    const text = `${at.text.replace(/floating:[\s\S]*/, "")}withdrawn:\n  "1-1": {reason: CVE, by: alice}\n`;
    const commit = await at.push({ [path]: text });
    const done = await at.sign.withdraw({ commit, path, registry: "production" }, never);
    expect(done).toEqual({ "1-1": { removed: 22 } });
    expect(await at.sign.sign({ commit: at.commit, path, registry: "production" }, never)).toEqual({});
    expect(await at.signatures()).toEqual([]);
  });

  test("ends when it is told to, and its socket goes", async () => {
    await at.kill("SIGTERM");
    expect(existsSync(at.socket)).toBe(false);
    await expect(at.sign.sign({ commit: at.commit, path, registry: "production" }, never)).rejects.toMatchObject({
      code: "signing.signer-unavailable",
    });
  });
});
