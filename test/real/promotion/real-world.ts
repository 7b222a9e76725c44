import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BuildRecord } from "../../../src/builds/build-record.ts";
import type { BuildDocument } from "../../../src/documents/document.ts";
import { localForge } from "../../../src/forge/local/local-forge.ts";
import { silentLog } from "../../../src/log.ts";
import { checkPromotionFlow } from "../../../src/promotion/check-promotion-flow.ts";
import { initialManifestRepository } from "../../../src/promotion/initial-manifest-repository.ts";
import type { PromotionPorts } from "../../../src/promotion/promotion-ports.ts";
import { proposePromotion } from "../../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../../src/promotion/release-flow.ts";
import { releaseScanFlow } from "../../../src/promotion/release-scan-flow.ts";
import { type AcceptedDrift, type ReconciledFile, type ReleaseReport, reconciledKey } from "../../../src/promotion/release-store.ts";
import { releaseSigner } from "../../../src/promotion/sign-release.ts";
import { imageCopier } from "../../../src/registry/image-copier.ts";
import { inMemoryMountMemory } from "../../../src/registry/mount-memory.ts";
import { namedRegistries } from "../../../src/registry/named-registries.ts";
import { registryClient } from "../../../src/registry/registry-client.ts";
import type { RetryPolicy } from "../../../src/registry/retry-policy.ts";
import { turnsOfOneProcess } from "../../../src/registry/turns.ts";
import { consumerFiles } from "../../../src/signing/consumer-files.ts";
import { pemCosignKey } from "../../../src/signing/cosign/cosign-key.ts";
import { openGnupgHome } from "../../../src/signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "../../../src/signing/openpgp/gpg-checker.ts";
import { exportKey } from "../../../src/signing/openpgp/gpg-sign.ts";
import { openLookasideDirectory } from "../../../src/signing/openpgp/lookaside-directory.ts";
import { openpgpSigner } from "../../../src/signing/openpgp/openpgp-signer.ts";
import { writeConsumerFiles } from "../../../src/signing/openpgp/write-consumer-files.ts";
import { openpgpJudge } from "../../../src/signing/signature-judge.ts";
import { verifyImage } from "../../../src/signing/verify-image.ts";
import { fakeProposalPlaces } from "../../fakes/proposal-places.ts";
import { flowRunner } from "../../promotion/flow-runner.ts";
import { type Content, commitFiles } from "../../support/commit-files.ts";
import { makeCosignKey } from "../../support/cosign-key.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { gnupgHome, makeFastKey } from "../../support/gnupg.ts";
import { gitOfBob } from "../../support/local-forge.ts";
import { memoryGate } from "../../support/memory-gate.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { runProgram, skopeo } from "../../support/skopeo.ts";
import { type BuildFields, distgitCommit, makeBuild } from "./real-build.ts";

export const manifests = "releng/manifests";
export const distgit = "containers/cockpit";

/** What stands between flibs and the production registry, and what flibs makes of failures. */
export interface RealWorldFaults {
  /** Address that flibs talks to instead of the registry's own. */
  front?(endpoint: string): Promise<string>;
  /** docker-registry's configuration in place of `auth:`, and what it lets in. */
  readonly auth?: { readonly config: string; readonly username: string; readonly password: string };
  readonly retry?: Partial<RetryPolicy>;
  /** Errors that leave a run where it is, to be taken up again; see `flowRunner`. */
  isKill?(error: unknown): boolean;
}

/** Promotion and release on the local forge (plain git), two docker-registries, gpg; builds, journal and release store in memory. */
export async function realWorld(platforms: readonly string[] = ["linux/amd64"], childTags = true, faults: RealWorldFaults = {}) {
  const scratch = await scratchDirectory("flibs-");
  const keys = await gnupgHome();
  const servers = {
    candidate: await startDockerRegistry(),
    production: await startDockerRegistry(faults.auth ? { extraConfig: faults.auth.config } : {}),
  };
  const gnupg = openGnupgHome({ directory: keys.path, timeoutMs: 30_000, agent: true });
  const open = async (stage: "candidate" | "production") => {
    const fingerprint = await makeFastKey(keys.path, `flibs ${stage}`);
    const lookaside = join(scratch.path, "lookaside", stage);
    await mkdir(lookaside, { recursive: true });
    const signing = [{ fingerprint, use: "sign" as const }];
    const common = { stage, gnupgHome: gnupg, keys: signing, lookaside, creator: "flibs test", timeoutMs: 30_000, log: silentLog };
    const own = servers[stage].endpoint;
    const endpoint = stage === "production" ? ((await faults.front?.(own)) ?? own) : own;
    const credential = stage === "production" && faults.auth ? { username: faults.auth.username, password: faults.auth.password } : {};
    const client = registryClient({ endpoint, plainHttp: true, ...credential, ...(faults.retry ? { retry: faults.retry } : {}) });
    const cosign = makeCosignKey();
    const attestationKeys = [pemCosignKey(cosign.privatePem, "sign")];
    return { fingerprint, lookaside, client, cosign, attestationKeys, signer: openpgpSigner({ ...common, now: () => new Date() }) };
  };
  const [candidate, production] = [await open("candidate"), await open("production")];
  const stages = { candidate, production };
  const names = { candidate: servers.candidate.endpoint, production: servers.production.endpoint };
  const forge = localForge({
    name: "local",
    directory: join(scratch.path, "git"),
    hookSecrets: ["secret"],
    admins: ["alice"],
    log: silentLog,
  });

  const builds = new Map<string, BuildRecord>();
  const documents = new Map<string, readonly BuildDocument[]>();
  const reconciled = new Map<string, ReconciledFile>();
  const reports: ReleaseReport[] = [];
  const accepted: AcceptedDrift[] = [];
  const registries = namedRegistries({ candidate: candidate.client, production: production.client });
  const runner = flowRunner(() => [checkPromotionFlow(ports), releaseScanFlow(ports), releaseFlow(ports)] as never, faults.isKill);
  const signers = { named: (name: string) => stages[name as "candidate"].signer };
  const named = (name: "candidate" | "production") => ({
    endpoint: names[name],
    publicName: names[name],
    signingKey: name,
    childTags: childTags && name === "production",
  });
  const settings = {
    repository: manifests,
    branch: "main",
    registries: { candidate: named("candidate"), production: named("production") },
  };
  const ports: PromotionPorts = {
    forge,
    gate: memoryGate().gate,
    builds: {
      find: async (id) => builds.get(id),
      findByDigest: async (digest) => [...builds.values()].findLast((build) => build.digest === digest && build.state === "complete"),
      findDocument: async (id, name) => documents.get(id)?.find((one) => one.name === name),
      async savePromotion(id, promotion) {
        const build = builds.get(id);
        if (build) builds.set(id, { ...build, promotion });
      },
    },
    registries,
    turns: turnsOfOneProcess(),
    attestationKeys: { of: (name) => stages[name as "candidate"].attestationKeys },
    copier: imageCopier(registries, { transfers: 4, mountMemory: inMemoryMountMemory() }),
    places: fakeProposalPlaces(() => ports.now()),
    signers,
    releaseSigner: releaseSigner({ forge, registries, signers, settings }),
    releases: {
      listReconciled: async () => reconciled,
      findReconciled: async (_repository, registry, path) => reconciled.get(reconciledKey(registry, path)),
      async reopen(_repository, registry, path, begun) {
        const known = reconciled.get(reconciledKey(registry, path));
        if (known && (known.blob !== begun.blob || known.policyBlob !== begun.policyBlob))
          reconciled.set(reconciledKey(registry, path), { ...known, blob: "" });
      },
      saveReconciled: async (_repository, registry, path, file) => void reconciled.set(reconciledKey(registry, path), file),
      listAcceptedDrift: async (registry, imageRepository) =>
        accepted.filter((one) => one.registry === registry && one.imageRepository === imageRepository),
      saveAcceptedDrift: async (drift) => void accepted.push(drift),
      saveReport: async (report) => void reports.push(report),
      listReports: async () => reports.toReversed(),
    },
    runs: runner.runs,
    now: () => new Date("2026-11-23T12:00:00Z"),
    settings: {
      ...settings,
      promotions: { openPerNamespace: 50, newPerHour: 100 },
      pageOf: (run) => `http://flibs.example.test/builds/${run}`,
    },
  };

  const people = new Map<string, Person>();
  const person = async (repository: string) => {
    const bare = join(scratch.path, "git", `${repository}.git`);
    const clone = join(scratch.path, "clones", repository);
    const known = people.get(repository) ?? personOf(bare, clone, (branch) => forge.findHead(repository, branch));
    people.set(repository, known);
    return known;
  };
  for (const repository of [manifests, distgit]) await forge.createRepository(repository);
  const start = initialManifestRepository(ports.settings.registries, platforms);
  await (await person(manifests)).push(start);

  let scans = 0;
  return {
    ...{
      ports,
      forge,
      builds,
      documents,
      stages,
      reports,
      reconciled,
      names,
      servers,
      person,
      clients: { candidate: candidate.client, production: production.client },
      gnupgHome: keys.path,
      lookasides: { candidate: candidate.lookaside, production: production.lookaside },
    },
    signers: { candidate: candidate.signer, production: production.signer },
    /** Main's text of a file. */
    async read(path: string, branch = "main") {
      const head = (await forge.findHead(manifests, branch)) ?? "";
      const bytes = await forge.findFile(manifests, head, path);
      return new TextDecoder().decode(bytes ?? new Uint8Array());
    },
    /** A complete, pushed and signed build; the dist-git commit is a real one. */
    build: (fields: BuildFields) =>
      makeBuild(
        { candidate, builds, names, commit: distgitCommit(async (files, branch) => (await person(distgit)).push(files, branch)) },
        platforms,
        fields,
      ),
    async propose(id: string) {
      const proposed = await proposePromotion(ports, id);
      if (!("number" in proposed)) throw new Error(proposed.outcome);
      return proposed;
    },
    /** The status that the check leaves on the pull request's head, as a person reads it. */
    async check(number: number) {
      const head = (await forge.findPull(manifests, number))?.head ?? "";
      await runner.runs.start({
        flow: "check-promotion",
        subject: `check ${number}`,
        intent: { repository: manifests, number, head },
        key: `check ${number} ${head} ${++scans}`,
        whenBusy: "supersede",
      });
      await runner.drain();
      const status = (await forge.listStatuses(manifests, head)).find((one) => one.name === "flibs / promotion");
      if (!status) throw new Error("the check left no status");
      return status;
    },
    /** A look at main, and everything that it starts. */
    async scan(full = false) {
      const key = `scan ${++scans}`;
      await runner.runs.start({ flow: "release-scan", subject: "scan", intent: { repository: manifests, full }, key, whenBusy: "queue" });
      return await runner.drain();
    },
    merge: async (number: number) => (await forge.mergePull(manifests, number, "alice")).mergeCommit,
    tag: async (repository: string, tag: string) => (await production.client.findManifest(repository, tag))?.digest,
    async verify(repository: string, reference: string) {
      const publicKeys = await exportKey(gnupg, production.fingerprint);
      const checker = await openGpgChecker({ publicKeys, fingerprints: [production.fingerprint], timeoutMs: 30_000 });
      try {
        const at = { registry: production.client, repository, reference, publicName: names.production, childTags };
        return await verifyImage({ ...at, judges: [openpgpJudge(openLookasideDirectory(production.lookaside), checker)] });
      } finally {
        await checker.close();
      }
    },
    /** skopeo under the policy that consumers get. */
    async pull(repository: string, reference: string, more: readonly string[] = []) {
      const directory = join(scratch.path, "consumer");
      const stage = {
        stage: "production",
        publicName: names.production,
        lookaside: pathToFileURL(production.lookaside).href,
        keyring: await exportKey(gnupg, production.fingerprint),
        cosignKeys: [],
      };
      await writeConsumerFiles(directory, consumerFiles([stage]));
      const out = join(scratch.path, "pulled");
      const judge = ["--policy", join(directory, "policy.json"), "--registries.d", join(directory, "registries.d")];
      const image = `docker://${names.production}/${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
      const result = await skopeo([...judge, "copy", "--src-tls-verify=false", ...more, image, `dir:${out}`], { HOME: directory });
      await rm(out, { recursive: true, force: true });
      return result;
    },
    async stop() {
      for (const stage of [candidate, production]) {
        await stage.signer.close();
        stage.client.close();
      }
      await gnupg.close();
      await keys.remove();
      await servers.candidate.stop();
      await servers.production.stop();
      await scratch.remove();
    },
  };
}

export type RealWorld = Awaited<ReturnType<typeof realWorld>>;
export type Person = ReturnType<typeof personOf>;

/** Somebody who commits to a branch, as after a push; `git` is in a clone that its first call makes. */
function personOf(bare: string, directory: string, findHead: (branch: string) => Promise<string | undefined>) {
  const run = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await runProgram("git", args, gitOfBob());
    if (exitCode !== 0) throw new Error(`git ${args.join(" ")} ended with ${exitCode}: ${stderr}`);
    return stdout.trim();
  };
  let cloned: Promise<string> | undefined;
  return {
    bare,
    async git(...args: string[]) {
      cloned ??= run("clone", "--quiet", bare, directory);
      await cloned;
      return await run("-C", directory, ...args);
    },
    /** Commits on top of a branch (or a new one from `from`); returns the commit. */
    async push(files: Readonly<Record<string, Content>>, branch = "main", from = "main") {
      const parent = (await findHead(branch)) ?? (await findHead(from));
      return commitFiles(bare, { branch, parent, files, message: `change ${Object.keys(files).join(", ")}`.slice(0, 100) });
    },
  };
}
