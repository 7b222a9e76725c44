import type { BuildRecord } from "../../src/builds/build-record.ts";
import type { BuildDocument } from "../../src/documents/document.ts";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import type { CommitStatus, ProposedChange, Pull } from "../../src/forge/forge.ts";
import { initialManifestRepository } from "../../src/promotion/initial-manifest-repository.ts";
import type { PromotionPorts, RegistryFacts } from "../../src/promotion/promotion-ports.ts";
import { type AcceptedDrift, type ReconciledFile, type ReleaseReport, reconciledKey } from "../../src/promotion/release-store.ts";
import { releaseSigner } from "../../src/promotion/sign-release.ts";
import type { ReferrerRegistry } from "../../src/registry/referrers.ts";
import type { CopyRequest, Manifest } from "../../src/registry/registry.ts";
import { turnsOfOneProcess } from "../../src/registry/turns.ts";
import { pemCosignKey } from "../../src/signing/cosign/cosign-key.ts";
import type { Flow, Run, RunRequest } from "../../src/workflow/run.ts";
import type { Step, Transaction } from "../../src/workflow/step.ts";
import { fakeProposalPlaces } from "../fakes/proposal-places.ts";
import { fakeReferrers } from "../fakes/referrers.ts";
import { fakeSigner } from "../fakes/signer.ts";
import { makeCosignKey } from "../support/cosign-key.ts";
import { memoryGate } from "../support/memory-gate.ts";
import { mergeBases } from "../support/merge-bases.ts";

/** The promotion room on a forge, registries and signers in memory. */

interface Commit {
  readonly files: Readonly<Record<string, string>>;
  readonly parents: readonly string[];
  readonly author: string;
}

const bot = "flibs";
export const manifests = "releng/manifests";

export function memoryForge() {
  const commits = new Map<string, Commit>();
  const branches = new Map<string, string>();
  const pulls: Pull[] = [];
  const comments = new Map<string, string>();
  const statuses = new Map<string, CommitStatus>();
  let count = 0;
  const read = (id: string) => commits.get(id)?.files ?? {};
  const isAncestor = (old: string, young: string): boolean =>
    old === young || (commits.get(young)?.parents ?? []).some((parent) => isAncestor(old, parent));
  const commit = (branch: string, changes: Readonly<Record<string, string | undefined>>, author = "alice", merged?: string) => {
    const before = branches.get(branch);
    const files = Object.fromEntries(
      Object.entries({ ...(before ? read(before) : {}), ...changes }).filter(([, text]) => text !== undefined),
    );
    count += 1;
    const id = digestOf(`${count}`).slice(7, 47);
    commits.set(id, { files: files as Record<string, string>, parents: [before, merged].filter((one) => one !== undefined), author });
    branches.set(branch, id);
    return id;
  };
  const now = (pull: Pull): Pull => {
    if (pull.state !== "open") return pull;
    const head = pull.fromFork ? pull.head : (branches.get(pull.headBranch) ?? pull.head);
    const baseHead = branches.get(pull.baseBranch) ?? "";
    return { ...pull, head, baseHead };
  };
  const capabilities = {
    reactions: true,
    editableComments: true,
    maxBodyLength: 65_536,
    annotations: true,
    summaries: true,
    deliveryRecord: false,
  };
  const forge: PromotionPorts["forge"] = {
    capabilities,
    sourceUrl: (repository) => `https://forge.example.test/${repository}.git`,
    pullUrl: (repository, number) => `https://forge.example.test/${repository}/pulls/${number ?? ""}`,
    compareUrl: (repository, from, to) => `https://forge.example.test/${repository}/compare/${from}...${to}`,
    findHead: async (_repository, branch) => branches.get(branch),
    findFile: async (_repository, id, path) => {
      const text = read(id)[path];
      return text === undefined ? undefined : new TextEncoder().encode(text);
    },
    listFiles: async (_repository, id, directory) =>
      Object.entries(read(id))
        .filter(([path]) => directory === "" || path.startsWith(`${directory}/`))
        .map(([path, text]) => ({ path, blob: digestOf(text).slice(7, 47), size: text.length })),
    checkout: async () => {},
    diff: async (_repository, from, to) => (from === to ? "" : `--- a/Dockerfile\n+++ b/Dockerfile\n-FROM ${from}\n+FROM ${to}\n`),
    isAncestor: async (_repository, old, young) => isAncestor(old, young),
    listMergeBases: async (_repository, a, b) => mergeBases((id) => commits.get(id)?.parents ?? [], a, b),
    fileHistory: async (_repository, head, path, limit) => {
      const found: string[] = [];
      const queue = [head];
      const seen = new Set<string>();
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        if (seen.has(id)) continue;
        seen.add(id);
        const parents = commits.get(id)?.parents ?? [];
        const same = parents.find((parent) => read(parent)[path] === read(id)[path]);
        if (same === undefined && (parents.length > 0 || read(id)[path] !== undefined)) found.push(id);
        queue.push(...(same === undefined ? parents : [same]));
      }
      return found.slice(0, limit);
    },
    setStatus: async (_repository, id, status) => void statuses.set(`${id} ${status.name}`, status),
    listStatuses: async (_repository, id) => [...statuses].filter(([key]) => key.startsWith(id)).map(([, status]) => status),
    findPull: async (_repository, number) => pulls.filter((pull) => pull.number === number).map(now)[0],
    listPulls: async (_repository, state) => pulls.filter((pull) => state === "all" || pull.state === state).map(now),
    async *listMergedPulls() {
      yield* pulls.filter((pull) => pull.state === "merged").reverse();
    },
    listComments: async () => [],
    ensureComment: async (_repository, number, key, text) => void comments.set(`#${number} ${key}`, text),
    findPermission: async () => "write",
    react: async () => {},
    proposeChange: async (change: ProposedChange) => {
      if (branches.get(change.baseBranch) !== change.baseCommit) return { outcome: "base-moved" };
      const head = branches.get(change.branch);
      const index = pulls.findIndex((pull) => pull.headBranch === change.branch && pull.state === "open" && !pull.fromFork);
      const number = pulls[index]?.number;
      if (head !== undefined && commits.get(head)?.author !== bot && !isAncestor(head, change.baseCommit))
        return { outcome: "person-owned", number, head };
      const wanted = { ...read(change.baseCommit), ...change.files };
      const same =
        head !== undefined && commits.get(head)?.parents[0] === change.baseCommit && JSON.stringify(read(head)) === JSON.stringify(wanted);
      if (!same) {
        branches.set(change.branch, change.baseCommit);
        commit(change.branch, change.files, bot);
      }
      const { title, body } = change;
      const pull = pulls[index];
      if (pull) {
        pulls[index] = { ...pull, title, body };
        return {
          outcome: same && pull.body === body ? "unchanged" : "updated",
          number: pull.number,
          head: branches.get(change.branch) ?? "",
        };
      }
      return { outcome: "opened", number: openPull(change.branch, title, body, bot), head: branches.get(change.branch) ?? "" };
    },
  };
  /** A stranger's pull request whose branch stands elsewhere, under a name that they chose. */
  const openFork = (headBranch: string, body: string) => {
    const number = openPull("main", "from a fork", body, "mallory");
    pulls[number - 1] = { ...(pulls[number - 1] as Pull), headBranch, fromFork: true };
    return number;
  };
  const openPull = (headBranch: string, title = "by hand", body = "", author = "alice", baseBranch = "main") => {
    const number = pulls.length + 1;
    const [head, baseHead] = [branches.get(headBranch) ?? "", branches.get(baseBranch) ?? ""];
    const common = { repository: manifests, number, title, body, author, headBranch, head, baseBranch, baseHead };
    pulls.push({ ...common, state: "open", mergeable: true, fromFork: false, openedAt: "2026-11-01T00:00:00Z" });
    return number;
  };
  /** As a forge's buttons do: a merge commit; all in one commit; or each commit anew on top of the base, whose head is the merge then. */
  const merge = (number: number, how: "merge" | "squash" | "rebase" = "merge") => {
    const index = pulls.findIndex((pull) => pull.number === number);
    const pull = now(pulls[index] as Pull);
    const onBase = (id: string) => isAncestor(id, branches.get("main") ?? "");
    const own: string[] = [];
    for (let id = pull.head; !onBase(id); id = commits.get(id)?.parents[0] ?? "") own.unshift(id);
    const changesOf = (from: string, to: string) => {
      const [old, fresh] = [read(from), read(to)];
      const paths = new Set([...Object.keys(old), ...Object.keys(fresh)]);
      return Object.fromEntries([...paths].filter((path) => old[path] !== fresh[path]).map((path) => [path, fresh[path]]));
    };
    const parentOf = (id: string) => commits.get(id)?.parents[0] ?? "";
    const fork = parentOf(own[0] ?? "");
    let mergeCommit = "";
    if (how === "rebase") for (const id of own) mergeCommit = commit("main", changesOf(parentOf(id), id));
    else mergeCommit = commit("main", changesOf(fork, pull.head), "alice", how === "merge" ? pull.head : undefined);
    pulls[index] = { ...pull, state: "merged", mergeCommit };
    branches.delete(pull.headBranch);
    return mergeCommit;
  };
  return { forge, commit, openPull, openFork, merge, branches, pulls, comments, statuses, read };
}

const types = { index: "application/vnd.oci.image.index.v1+json", image: "application/vnd.oci.image.manifest.v1+json" };

export function memoryRegistry(endpoint: string) {
  const manifestsOf = new Map<string, Manifest>();
  const tags = new Map<string, Digest>();
  const blobs = new Map<string, Uint8Array>();
  const writes: string[] = [];
  const resolve = (repository: string, reference: string) =>
    reference.startsWith("sha256:") ? reference : tags.get(`${repository}:${reference}`);
  const referrers = fakeReferrers(manifestsOf, (repository, digest) => `${repository}@${digest}`);
  const registry = {
    endpoint,
    findManifest: async (repository: string, reference: string) => {
      const found = manifestsOf.get(`${repository}@${resolve(repository, reference)}`);
      return found && { mediaType: found.mediaType, digest: found.digest, size: found.bytes.length };
    },
    readManifest: async (repository: string, reference: string) => {
      const found = manifestsOf.get(`${repository}@${resolve(repository, reference)}`);
      if (!found) throw appError("registry.manifest-unknown", `no ${repository} ${reference}`);
      return found;
    },
    putManifest: async (repository: string, reference: string, manifest: Manifest) => {
      manifestsOf.set(`${repository}@${manifest.digest}`, manifest);
      if (!reference.startsWith("sha256:")) {
        tags.set(`${repository}:${reference}`, manifest.digest);
        writes.push(`${repository}:${reference}`);
      }
      return manifest.digest;
    },
    deleteManifest: async (repository: string, digest: Digest) => {
      manifestsOf.delete(`${repository}@${digest}`);
      for (const [key, value] of tags) if (value === digest && key.startsWith(`${repository}:`)) tags.delete(key);
    },
    hasBlob: async (repository: string, digest: Digest) => blobs.has(`${repository}@${digest}`),
    readBlob: async (repository: string, digest: Digest) => blobs.get(`${repository}@${digest}`) ?? new Uint8Array(),
    putBlob: async (repository: string, bytes: Uint8Array) => {
      const digest = digestOf(bytes);
      blobs.set(`${repository}@${digest}`, bytes);
      return digest;
    },
    listTags: async (repository: string) =>
      [...tags.keys()].filter((key) => key.startsWith(`${repository}:`)).map((key) => key.slice(repository.length + 1)),
    ...referrers,
  } satisfies ReferrerRegistry;
  const put = (repository: string, mediaType: string, value: unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...(value as object) }));
    const digest = digestOf(bytes);
    manifestsOf.set(`${repository}@${digest}`, { mediaType, bytes, digest });
    return { mediaType, digest, size: bytes.length };
  };
  /** An image of the given platforms; returns the index's digest and its children's. */
  const push = async (repository: string, content: string, platforms: readonly string[]) => {
    const children = [];
    for (const platform of platforms) {
      const [os = "", architecture = ""] = platform.split("/");
      const add = async (mediaType: string, text: string) => {
        const bytes = new TextEncoder().encode(text);
        return { mediaType, digest: await registry.putBlob(repository, bytes), size: bytes.length };
      };
      const config = await add("application/vnd.oci.image.config.v1+json", JSON.stringify({ os, architecture, content }));
      const layer = await add("application/vnd.oci.image.layer.v1.tar", `layer ${content} ${platform}`);
      const child = put(repository, types.image, { config, layers: [layer] });
      children.push({ ...child, platform: { os, architecture } });
    }
    return { digest: put(repository, types.index, { manifests: children }).digest, children: children.map((child) => child.digest) };
  };
  return { registry, push, tags, blobs, manifests: manifestsOf, writes, artifacts: referrers.artifacts };
}

/** `mirrors` are production registries besides the one of that name; every route leads to all of them. */
export function world(platforms: readonly string[] = ["linux/amd64"], mirrors: readonly string[] = [], childTags = false) {
  const git = memoryForge();
  const [candidate, production] = [memoryRegistry("candidate:5000"), memoryRegistry("production:5000")];
  const all: Record<string, ReturnType<typeof memoryRegistry>> = { candidate, production };
  for (const name of mirrors) all[name] = memoryRegistry(`${name}:5000`);
  const registries: Record<string, RegistryFacts> = {
    candidate: { endpoint: "candidate:5000", publicName: "candidate.example.test", signingKey: "candidate", childTags: false },
    production: { endpoint: "production:5000", publicName: "registry.example.test", signingKey: "production", childTags },
    ...Object.fromEntries(
      mirrors.map((name) => [name, { endpoint: `${name}:5000`, publicName: `${name}.example.test`, signingKey: name, childTags }]),
    ),
  };
  git.commit("main", initialManifestRepository(registries, platforms));
  const builds = new Map<string, BuildRecord>();
  const signers = { candidate: fakeSigner("candidate"), production: fakeSigner("production", "B".repeat(40)) };
  const allSigners = new Map(mirrors.map((name) => [name, fakeSigner(name, "B".repeat(40))]));
  const documents = new Map<string, readonly BuildDocument[]>();
  const keys = new Map(Object.keys(all).map((name) => [name, makeCosignKey()]));
  const attestationKeys = new Map([...keys].map(([name, pair]) => [name, [pemCosignKey(pair.privatePem, "sign")]]));
  const reconciled = new Map<string, ReconciledFile>();
  const reports: ReleaseReport[] = [];
  const accepted: AcceptedDrift[] = [];
  const started: (RunRequest & { id: string })[] = [];
  /** What the worker says there is. */
  const runs: Run[] = [];
  const copier = {
    copy: async ({ source, destination }: CopyRequest) => {
      const [from, to] = [all[source.registry] ?? candidate, all[destination.registry] ?? production];
      if (!from.manifests.has(`${source.repository}@${source.digest}`))
        throw appError("promotion.image-unreadable", `${source.digest} is gone`);
      for (const [key, blob] of from.blobs)
        if (key.startsWith(`${source.repository}@`)) to.blobs.set(key.replace(source.repository, destination.repository), blob);
      const top = from.manifests.get(`${source.repository}@${source.digest}`) as Manifest;
      const below = (JSON.parse(new TextDecoder().decode(top.bytes)).manifests ?? []).map((entry: { digest: string }) => entry.digest);
      for (const digest of [...below, source.digest]) {
        to.manifests.set(`${destination.repository}@${digest}`, from.manifests.get(`${source.repository}@${digest}`) as Manifest);
      }
      return { manifests: [], blobsPresent: 0, blobsMounted: 2, blobsStreamed: 1, bytesStreamed: 100, bytesMounted: 200 };
    },
  };
  const named = { named: (name: string) => allSigners.get(name) ?? signers[name as "candidate"] };
  const settings = { repository: manifests, branch: "main", registries };
  const clients = { named: (name: string) => all[name]?.registry as ReferrerRegistry };
  const gating = memoryGate({ now: () => ports.now() });
  const ports: PromotionPorts = {
    forge: git.forge,
    gate: gating.gate,
    builds: {
      find: async (id) => builds.get(id),
      findByDigest: async (digest) => [...builds.values()].find((build) => build.digest === digest),
      findDocument: async (id, name) => documents.get(id)?.find((one) => one.name === name),
      async savePromotion(id, promotion) {
        const build = builds.get(id);
        if (build) builds.set(id, { ...build, promotion });
      },
    },
    registries: clients,
    turns: turnsOfOneProcess(),
    attestationKeys: { of: (name) => attestationKeys.get(name) ?? [] },
    copier,
    places: fakeProposalPlaces(() => ports.now()),
    signers: named,
    releaseSigner: releaseSigner({ forge: git.forge, registries: clients, signers: named, settings }),
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
      listReports: async () => reports,
    },
    runs: {
      start: async (request) => {
        const known = started.find((one) => one.key === request.key);
        if (!known) started.push({ ...request, id: `run-${started.length + 1}` });
        return known?.id ?? `run-${started.length}`;
      },
      list: async ({ flow, status }) => runs.filter((one) => (!flow || one.flow === flow) && (!status || status.includes(one.status))),
    },
    now: () => new Date("2026-11-23T12:00:00Z"),
    settings: {
      ...settings,
      promotions: { openPerNamespace: 50, newPerHour: 100 },
      pageOf: (run) => `http://flibs.example.test/${run}`,
    },
  };
  const at = {
    all,
    allSigners,
    documents,
    keys,
    attestationKeys,
    git,
    candidate,
    production,
    builds,
    signers,
    reconciled,
    reports,
    started,
    runs,
    ports,
    gating,
  };
  return { ...at, build: (fields: BuildFields) => makeBuild(at, platforms, fields), run };
}

interface BuildFields {
  readonly id: string;
  readonly release: string;
  readonly repository?: string;
  readonly version?: string;
}

/** A complete, pushed, signed build of `f40/cockpit`. */
async function makeBuild(
  at: Pick<ReturnType<typeof world>, "candidate" | "signers" | "builds">,
  platforms: readonly string[],
  fields: BuildFields,
) {
  const { id, release, repository = "f40/cockpit", version = "323" } = fields;
  const pushed = await at.candidate.push(repository, id, platforms);
  const tag = `${version}-${release}`;
  const publicName = `candidate.example.test/${repository}:${tag}`;
  await at.signers.candidate.ensureSigned(
    [pushed.digest, ...pushed.children].map((digest) => ({ digest, publicName })),
    new AbortController().signal,
  );
  const config = {
    user: "1000",
    entrypoint: [],
    cmd: ["/start"],
    env: [],
    workingDir: "/",
    exposedPorts: [],
    volumes: [],
    stopSignal: "",
    labels: { release },
  };
  const rpm = {
    name: "bash",
    epoch: undefined,
    version: "5.2",
    release,
    arch: "x86_64",
    license: undefined,
    sourceRpm: undefined,
    sizeBytes: 1,
    sigmd5: undefined,
  };
  const record: BuildRecord = {
    id,
    forge: "local",
    repository: "containers/cockpit",
    branch: "f40",
    commit: digestOf(id).slice(7, 47),
    scratch: false,
    requestedBy: "alice",
    state: "complete",
    nvr: { name: "cockpit", version, release },
    plan: {
      nvr: { name: "cockpit", version, release },
      imageRepository: repository,
      platforms: ["linux/amd64"],
      parents: [],
      labels: {},
      uniqueTag: id,
      primaryTag: tag,
      floatingTags: [version, "latest"],
      suites: [{ name: "smoke", kind: "command", definition: {}, required: true }],
    },
    images: [{ platform: "linux/amd64", imageId: pushed.digest, sizeBytes: 1, diffIds: [], config, rpms: [rpm] }],
    digest: pushed.digest,
    tests: [{ suite: "smoke", outcome: "pass", cases: [], message: "1 passed", durationMs: 1 }],
    createdAt: `2026-11-0${release[0]}T00:00:00Z`,
  };
  at.builds.set(id, record);
  return record;
}

/** Runs a flow with a journal in memory; `dieAt` throws before (`<step`) or after (`>step`) the named effect and keeps the journal. */
export async function run<T>(flow: Flow<T>, intent: T, journal = new Map<string, unknown>(), dieAt?: string): Promise<readonly string[]> {
  const names: string[] = [];
  const once = async (name: string, effect: () => Promise<unknown>) => {
    if (names.includes(name)) throw new Error(`step ${name} twice`);
    names.push(name);
    if (journal.has(name)) return journal.get(name);
    if (dieAt === `<${name}`) throw new Error("killed");
    const result = await effect();
    if (dieAt === `>${name}`) throw new Error("killed");
    journal.set(name, JSON.parse(JSON.stringify(result ?? null)));
    return journal.get(name);
  };
  const step = (async (name, schema, effect) =>
    schema.parse(await once(name, () => effect(`run/${name}`, new AbortController().signal)))) as Step;
  const whole = Object.assign(step, {
    run: "run-1",
    write: (async (name, schema, change) => schema.parse(await once(name, () => change({} as Transaction)))) as Step["write"],
  });
  await flow.run(whole, flow.intent.parse(intent));
  return names;
}
