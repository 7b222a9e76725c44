import type { BuildRecord } from "../../src/builds/build-record.ts";
import type { TaggedBuild } from "../../src/builds/destination-tags.ts";
import type { PastResult } from "../../src/builds/test-results.ts";
import type { AttestationsOf } from "../../src/cli/attestation-commands.ts";
import type { AuditActions } from "../../src/cli/audit-command.ts";
import type { Client } from "../../src/cli/client.ts";
import { runProgram, type Surroundings } from "../../src/cli/program.ts";
import { parseSettings } from "../../src/config-load.ts";
import type { BuildDocument } from "../../src/documents/document.ts";
import type { Digest } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { unmanagedNetwork } from "../../src/engines/network/unmanaged-network.ts";
import type { CommitStatus, Pull } from "../../src/forge/forge.ts";
import type { ForgePeople } from "../../src/forge/person.ts";
import type { Artifact } from "../../src/gating/artifact.ts";
import type { NewWaiver } from "../../src/gating/waivers.ts";
import { requestGate } from "../../src/intake/requests.ts";
import { openGitCheckout } from "../../src/promotion/checkout/git-checkout.ts";
import type { HeldPromotion } from "../../src/promotion/proposal-places.ts";
import type { ListedAttestation } from "../../src/signing/list-attestations.ts";
import { predicateTypes } from "../../src/signing/predicate-types.ts";
import { bundleType, formatBundle, statementType } from "../../src/signing/sigstore-bundle.ts";
import type { Run, RunRequest } from "../../src/workflow/run.ts";
import type { Transaction } from "../../src/workflow/step.ts";
import { memoryGate } from "../support/memory-gate.ts";

const localForge = "forge: {kind: local, directory: /git, hookSecrets: [{env: S}]}";
const plainSettings = `
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "c.test"}, production: {endpoint: "p.test"}}
signing: {gnupgHome: /g, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
`;
export const digest = `sha256:${"d".repeat(64)}` as const;
export const build: BuildRecord = {
  id: "b1",
  forge: "local",
  repository: "containers/hello",
  branch: "main",
  commit: "c".repeat(40),
  scratch: false,
  requestedBy: "alice",
  state: "complete",
  nvr: { name: "hello-container", version: "1.0", release: "1" },
  images: [],
  digest,
  tests: [{ suite: "smoke", outcome: "pass", cases: [], message: "2 of 2 passed", durationMs: 5 }],
  createdAt: "2026-11-23T11:00:00.000Z",
  finishedAt: "2026-11-23T11:00:05.000Z",
};
export const run: Run = { id: "b1", flow: "build", subject: "s", intent: {}, status: "done", attempt: 1, createdAt: build.createdAt };
export const pull: Pull = {
  repository: "releng/manifests",
  number: 7,
  title: "promote hello \u001b[31m1.0-1",
  body: "<!-- machine -->\nwhat it does",
  author: "flibs",
  state: "open",
  headBranch: "promote/hello",
  head: "h",
  baseBranch: "main",
  baseHead: "b",
  mergeable: true,
  fromFork: false,
  openedAt: build.createdAt,
};

export interface Story {
  /** Lines of YAML below those that are needed. */
  readonly settings?: string;
  /** Reading the settings or opening the database is an error. */
  readonly bare?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** The forge, as a line of YAML. */
  readonly forge?: string;
  readonly tagged?: readonly TaggedBuild[];
  readonly build?: BuildRecord;
  readonly run?: Run;
  readonly uniqueId?: string;
  /** Shared by command lines that follow each other. */
  readonly gating?: ReturnType<typeof memoryGate>;
  readonly audit?: AuditActions;
  readonly documents?: readonly BuildDocument[];
  readonly history?: readonly PastResult[];
  readonly artifacts?: readonly (Artifact & { readonly result: number })[];
  readonly prunedAt?: string;
  readonly statuses?: readonly CommitStatus[];
  readonly held?: readonly HeldPromotion[];
  readonly pulls?: readonly Pull[];
  /** What is to be done about the one tag of the release plan. */
  readonly planned?: string;
  /** Of every run that is asked about. */
  readonly journal?: readonly { readonly step: string; readonly result: unknown }[];
}

/** One command line on a client of fakes: what it printed, its exit code and what it asked for. */
export async function flibs(line: string[], story: Story = {}) {
  const said = { out: "", err: "" };
  const asked = { started: [] as RunRequest[], merged: [] as string[], closed: 0, cancelled: [] as string[] };
  const found = story.build ?? build;
  const settings = parseSettings((story.forge ?? localForge) + plainSettings + (story.settings ?? ""), "flibs.yaml");
  const tagged = story.tagged ?? [];
  const gating = story.gating ?? memoryGate();
  const client = {
    settings,
    builds: {
      find: async (id: string) => (id === found.id ? found : undefined),
      findByNvr: async (nvr: { name: string }) => (nvr.name === "hello-container" ? found : undefined),
      list: async () => [found],
      listDocuments: async () =>
        (story.documents ?? []).map(({ name, mediaType, text }) => ({ name, mediaType, bytes: Buffer.byteLength(text) })),
      findDocument: async (_: string, name: string) => story.documents?.find((one) => one.name === name),
    },
    destinationTags: {
      listTagged: async (tag: string, { latest }: { latest: boolean }) =>
        (latest ? tagged.slice(0, 1) : tagged).map((one) => ({ ...one, tag })),
      listTags: async () => (tagged.length === 0 ? [] : [{ tag: "f42-updates-candidate", builds: tagged.length }]),
    },
    logs: {
      list: async () => [
        { name: "linux/amd64", bytes: 5, closed: true, ...(story.prunedAt === undefined ? {} : { prunedAt: story.prunedAt }) },
      ],
      read: async (_run: string, _name: string, offset: number) =>
        offset === 0 && story.prunedAt === undefined
          ? { text: "STEP\u001b[2J 1\n", next: 5, closed: true }
          : { text: "", next: 5, closed: true },
    },
    testResults: {
      listHistory: async () => story.history ?? [],
      listArtifacts: async () =>
        (story.artifacts ?? []).map(({ result, name, mediaType, content }) => ({ result, name, mediaType, bytes: content.length })),
      findArtifact: async (_: string, result: number, name: string) =>
        story.artifacts?.find((one) => one.result === result && one.name === name),
    },
    runs: {
      start: async (request: RunRequest) => {
        asked.started.push(request);
        return "b1";
      },
      find: async () => story.run ?? run,
      journal: async () => story.journal ?? [{ step: "lint", result: {}, startedAt: build.createdAt, finishedAt: build.createdAt }],
      cancel: async (id: string) => {
        asked.cancelled.push(id);
        return true;
      },
    },
    releases: { listReports: async () => [] },
    places: { listHeld: async () => story.held ?? [] },
    gating: {
      ...{ gate: gating.gate, waivers: gating.waivers, now: () => gating.state.ports.now() },
      lengths: { lengthMs: 30 * 86_400_000, mostMs: 365 * 86_400_000 },
      give: async (waiver: NewWaiver, id: string) => {
        asked.started.push(requestGate(id, waiver.username, waiver.key));
        return { id: await gating.waivers.add(waiver, {} as Transaction), run: "b1" };
      },
    },
    forge: {
      name: "local",
      findHead: async (repository: string) => (repository === "containers/hello" ? "c".repeat(40) : undefined),
      findPull: async (_repository: string, number: number) => (number === 7 ? pull : undefined),
      listPulls: async () => story.pulls ?? [pull],
      listStatuses: async () => story.statuses ?? [],
      listComments: async () => [],
    },
    people: () =>
      ({
        mergePull: async (_repository: string, number: number, person: string, head: string) => {
          asked.merged.push(`${number} at ${head} by ${person}`);
          return { mergeCommit: "m".repeat(40) };
        },
      }) as unknown as ForgePeople,
    close: async () => {
      asked.closed += 1;
    },
  } as unknown as Client;
  const surroundings: Surroundings = {
    terminal: {
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      colours: false,
      live: false,
      width: 100,
    },
    environment: story.environment ?? {},
    person: "alice",
    version: "1.2.3",
    now: () => Date.parse("2026-11-23T12:00:00Z"),
    uniqueId: () => story.uniqueId ?? "u1",
    loadSettings: async () => {
      if (story.bare) throw new Error("the settings were read");
      return settings;
    },
    openClient: async () => client,
    serve: async () => {},
    releaseActions: async () => ({
      plan: async () => [
        {
          ...{ registry: "production", imageRepository: "hello", tag: "1.0-1", digest, message: "another digest is there" },
          action: story.planned ?? "tag-move",
        },
      ],
      start: async () => [],
      findDrift: async ({ imageRepository, tag }) => [
        { registry: "production", imageRepository, tag, found: digest, wanted: `sha256:${"e".repeat(64)}` as const },
      ],
      acceptDrift: async (drifts, by) => {
        return drifts.map(({ tag, found }) => `${by} accepts ${tag} ${found}`);
      },
    }),
    signer: async (option) => {
      said.out += `signer ${option}\n`;
    },
    auditActions: async () => story.audit ?? ({} as AuditActions),
    verifyImage: async () => async (image) => ({
      image,
      ok: false,
      digests: [{ digest, what: "linux/amd64", ok: false, message: "no signature" }],
    }),
    withAttestations: async () => async (_image, use) => use(attachedThings(digest)),
    openManifests: openGitCheckout,
    planManifests: async () => {
      throw new Error("a plan needs registries");
    },
    buildNetwork: async () => unmanagedNetwork("none"),
    doctorChecks: async () => [
      { name: "database", look: async () => "PostgreSQL 18" },
      {
        name: "engine",
        look: async () => {
          throw appError("cli.not-running", "no answer", { hint: "Start it" });
        },
      },
    ],
    githubApps: async () => {
      throw new Error("no command asks for it");
    },
    onInterrupt: () => () => {},
    init: async () => ["made"],
  };
  const code = await runProgram(line, surroundings);
  return { code, ...said, ...asked };
}

/** A signed statement, an unsigned document and one that must not be believed. */
function attachedThings(digest: Digest): AttestationsOf {
  const base = { subject: digest, what: "index", size: 2048, artifactType: bundleType };
  const own = (n: number) => `sha256:${String(n).repeat(64)}` as Digest;
  const provenance = {
    ...base,
    digest: own(1),
    predicateType: predicateTypes.provenance,
    verdict: "signed",
    message: "signed by the candidate key",
  };
  const spdx = {
    ...base,
    what: "linux/amd64",
    digest: own(2),
    predicateType: predicateTypes.spdx,
    verdict: "unsigned",
    message: "no signature",
  };
  const bad = { ...base, digest: own(3), predicateType: "evil\u001b[2J", verdict: "bad", message: "signed by no key of the settings" };
  const payload = Buffer.from('{"predicate":1}');
  const bundle = formatBundle({ hint: "h", payloadType: statementType, payload, signature: Buffer.from("s") });
  return {
    list: async () => ({
      digest,
      left: 0,
      attestations: [provenance, { ...spdx, artifactType: "application/spdx+json" }, bad] as ListedAttestation[],
    }),
    read: async (which) =>
      which === own(1)
        ? { blob: bundle, artifactType: bundleType }
        : { blob: Buffer.from("{spdx}"), artifactType: "application/spdx+json" },
  };
}
