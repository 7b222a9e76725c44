import { createHmac, timingSafeEqual } from "node:crypto";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import type { PastResult } from "../../src/builds/test-results.ts";
import type { BuildDocument } from "../../src/documents/document.ts";
import { digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import type { Pull } from "../../src/forge/forge.ts";
import type { Artifact } from "../../src/gating/artifact.ts";
import type { ResultsQuery } from "../../src/gating/results-query.ts";
import type { KnownResult } from "../../src/gating/resultsdb.ts";
import type { StoredDelivery } from "../../src/intake/inbox.ts";
import { silentLog } from "../../src/log.ts";
import type { Audit, AuditFinding } from "../../src/promotion/audit-store.ts";
import type { ReleaseReport } from "../../src/promotion/release-store.ts";
import { createMetrics } from "../../src/web/metrics.ts";
import type { WebOptions, WebPorts } from "../../src/web/ports.ts";
import { readinessBoard } from "../../src/web/readiness.ts";
import { type WebServer, webServer } from "../../src/web/web-server.ts";
import type { JournalEntry, Run } from "../../src/workflow/run.ts";

/** A web server on ports that stand in memory; tests change the data and look at the answers. */
export interface WebWorld {
  readonly server: WebServer;
  readonly ports: WebPorts;
  readonly deliveries: Pick<StoredDelivery, "forge" | "deliveryId" | "headers" | "body">[];
  readonly builds: Map<string, BuildRecord>;
  /** Of every build. */
  readonly documents: BuildDocument[];
  /** Results of every build, newest first; with what they left. */
  readonly history: PastResult[];
  readonly artifacts: (Artifact & { readonly result: number })[];
  /** Of the API of results, newest first. */
  readonly known: KnownResult[];
  /** What the API of results was asked. */
  readonly queries: ResultsQuery[];
  readonly runs: Map<string, Run>;
  readonly journal: JournalEntry[];
  readonly logs: Map<string, { text: string; closed: boolean; prunedAt?: string }>;
  readonly pulls: Pull[];
  /** What the forge was asked about pull requests. */
  readonly asked: string[];
  /** Address of the forge's own pages, when it has any. */
  forgePages: string | undefined;
  readonly comments: { id: string; author: string; text: string; at: string }[];
  readonly reports: ReleaseReport[];
  readonly audits: Audit[];
  readonly findings: AuditFinding[];
  readonly board: ReturnType<typeof readinessBoard>;
  /** While true the database is away. */
  storeDown: boolean;
}

export const now = new Date("2024-05-01T12:00:00Z");
export const commit = "c0ffee".padEnd(40, "0");

export function webWorld(options: Partial<WebOptions> = {}, changes: Partial<WebPorts> = {}): WebWorld {
  const state = {
    deliveries: [] as WebWorld["deliveries"],
    builds: new Map<string, BuildRecord>(),
    documents: [] as BuildDocument[],
    history: [] as PastResult[],
    artifacts: [] as WebWorld["artifacts"],
    known: [] as KnownResult[],
    queries: [] as ResultsQuery[],
    runs: new Map<string, Run>(),
    journal: [] as JournalEntry[],
    logs: new Map<string, { text: string; closed: boolean; prunedAt?: string }>(),
    pulls: [] as Pull[],
    asked: [] as string[],
    forgePages: undefined as string | undefined,
    comments: [] as WebWorld["comments"],
    reports: [] as ReleaseReport[],
    audits: [] as Audit[],
    findings: [] as AuditFinding[],
    board: readinessBoard({ database: true, engine: false }, () => now),
    storeDown: false,
  };
  const up = () => {
    if (state.storeDown) throw new Error("connection to 10.0.0.5 refused");
  };
  const ports: WebPorts = {
    inboxes: { local: { verifyDelivery } },
    inbox: {
      async store(delivery) {
        up();
        if (state.deliveries.some((one) => one.forge === delivery.forge && one.deliveryId === delivery.deliveryId)) return "duplicate";
        state.deliveries.push(delivery);
        return "stored";
      },
    },
    builds: {
      find: async (id) => state.builds.get(id),
      listDocuments: async () => state.documents.map(({ name, mediaType, text }) => ({ name, mediaType, bytes: Buffer.byteLength(text) })),
      findDocument: async (_, name) => state.documents.find((one) => one.name === name),
      async list(filter) {
        up();
        const fits = (one: BuildRecord) =>
          (filter.state ?? one.state) === one.state && (filter.repository ?? one.repository) === one.repository;
        return [...state.builds.values()].filter(fits).slice(0, filter.limit);
      },
    },
    testResults: {
      listHistory: async () => state.history,
      listArtifacts: async () =>
        state.artifacts.map(({ result, name, mediaType, content }) => ({ result, name, mediaType, bytes: content.length })),
      findArtifact: async (_, result, name) => state.artifacts.find((one) => one.result === result && one.name === name),
    },
    results: {
      async find(id) {
        up();
        return state.known.find((one) => one.id === id);
      },
      async list(query) {
        state.queries.push(query);
        const fits = state.known.filter((one) => query.suites?.includes(one.suite) ?? true);
        const start = query.page * query.limit;
        return { items: fits.slice(start, start + query.limit), more: fits.length > start + query.limit };
      },
      async listLatest(query) {
        state.queries.push(query);
        return state.known.filter((one, i) => state.known.findIndex((other) => other.suite === one.suite) === i);
      },
      listSuites: async ({ names }) => ({
        items: [...new Set(state.known.map((one) => one.suite))].filter((one) => names?.includes(one) ?? true),
        more: false,
      }),
      listGroups: async ({ uuids }) => ({
        items: state.known.map(({ group: uuid, build }) => ({ uuid, build })).filter(({ uuid }) => uuids?.includes(uuid) ?? true),
        more: false,
      }),
    },
    logs: {
      list: async (run) =>
        [...state.logs].flatMap(([key, log]) =>
          key.startsWith(`${run}|`)
            ? [
                {
                  ...{ name: key.slice(run.length + 1), bytes: Buffer.byteLength(log.text), closed: log.closed },
                  ...(log.prunedAt === undefined ? {} : { prunedAt: log.prunedAt }),
                },
              ]
            : [],
        ),
      async read(run, name, offset, maxBytes) {
        const log = state.logs.get(`${run}|${name}`) ?? { text: "", closed: true };
        const bytes = Buffer.from(log.text);
        const next = Math.min(bytes.length, offset + maxBytes);
        return { text: bytes.subarray(offset, next).toString(), next: Math.max(next, offset), closed: log.closed && next >= bytes.length };
      },
    },
    runs: {
      find: async (id) => state.runs.get(id),
      list: async ({ status }) => [...state.runs.values()].filter((run) => status?.includes(run.status) ?? true),
      journal: async () => state.journal,
    },
    releases: { listReports: async () => state.reports },
    audits: {
      listAudits: async () => state.audits,
      listFindings: async ({ imageRepository }) =>
        state.findings.filter((one) => (imageRepository ?? one.imageRepository) === one.imageRepository),
    },
    pulls: {
      listStatuses: async () => [
        { name: "flibs / promotion", state: "success", title: "would release", summary: "**fine**", url: "/builds/1" },
      ],
      pullUrl: (repository, number) => state.forgePages && `${state.forgePages}/${repository}/pulls/${number ?? ""}`,
      async findPull(repository, number) {
        state.asked.push(`${repository} #${number}`);
        return state.pulls.find((one) => one.repository === repository && one.number === number);
      },
      async listPulls(repository, which) {
        state.asked.push(`${repository} ${which}`);
        return state.pulls.filter((one) => one.repository === repository && (which === "all" || one.state === which));
      },
      listComments: async () => state.comments,
      diff: async () => "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\n+<script>alert(1)</script>\n",
    },
    lookasides: {},
    registryHooks: {},
    consumer: { "policy.json": new TextEncoder().encode("{}") },
    gating: { answer: async () => ({ status: 404, body: { message: "no policy" } }), policies: [] },
    waivers: { find: async () => undefined, list: async () => ({ waivers: [], total: 0 }) },
    readiness: state.board,
    metrics: createMetrics({
      async readCounts() {
        up();
        const runs = [{ flow: "build", status: "running", count: 2 }];
        return {
          ...{ runs, deliveries: [{ status: "stored", count: 3 }], oldestDeliverySeconds: 7, oldestQueuedRunSeconds: 0 },
          heldPromotions: [{ why: "hour-full", count: 4 }],
          audited: [
            { state: "ok", count: 40 },
            { state: "moved", count: 2 },
          ],
          lastAudit: { finishedAt: 1_790_000_000, images: 14, unread: 1 },
        };
      },
    }),
    log: silentLog,
    ...changes,
  };
  const server = webServer(ports, {
    listen: "127.0.0.1:0",
    maxBodyBytes: 1000,
    publicUrl: "http://flibs.example.test",
    version: "0.1.0",
    manifestRepository: "flibs/registry-manifests",
    namespace: "containers",
    candidate: "candidate.example.test",
    production: { production: "registry.example.test" },
    logPollMs: 5,
    now: () => now,
    ...options,
  });
  return Object.assign(state, { server, ports });
}

/** Signs as the world's forge `local` expects it: HMAC over the raw bytes, an id of its own. */
export function signedHeaders(body: Uint8Array | string, id = "d1"): Record<string, string> {
  return { "x-delivery": id, "x-signature": createHmac("sha256", "secret").update(body).digest("hex"), "content-type": "application/json" };
}

function verifyDelivery({ headers, body }: { headers: Readonly<Record<string, string>>; body: Uint8Array }): string {
  const wanted = createHmac("sha256", "secret").update(body).digest();
  const given = Buffer.from(headers["x-signature"] ?? "", "hex");
  // Stands for whichever codes the forge room has: only their beginning counts.
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw Object.assign(appError("domain.nvr-invalid", "x"), { code: "intake.signature-wrong" });
  if (!headers["x-delivery"]) throw Object.assign(appError("domain.nvr-invalid", "x"), { code: "intake.delivery-malformed" });
  return headers["x-delivery"];
}

export function aBuild(changes: Partial<BuildRecord> = {}): BuildRecord {
  return {
    id: "1",
    forge: "local",
    repository: "containers/cockpit",
    branch: "f40",
    commit,
    scratch: false,
    requestedBy: "alice",
    state: "complete",
    nvr: { name: "cockpit", version: "1", release: "3.f40" },
    images: [],
    digest: digestOf("index"),
    tests: [],
    createdAt: "2024-05-01T11:50:00Z",
    finishedAt: "2024-05-01T11:51:05Z",
    ...changes,
  };
}

export function aRun(changes: Partial<Run> = {}): Run {
  return {
    id: "1",
    flow: "build",
    subject: "build containers/cockpit f40",
    intent: {},
    status: "running",
    attempt: 1,
    createdAt: "2024-05-01T11:50:00Z",
    startedAt: "2024-05-01T11:50:01Z",
    ...changes,
  };
}

export function aPull(changes: Partial<Pull> = {}): Pull {
  return {
    repository: "flibs/registry-manifests",
    number: 4,
    title: "Promote cockpit-1-3.f40",
    body: "# What changes\n\n| tag | digest |\n|---|---|\n| `1-3` | abc |\n",
    author: "flibs",
    state: "open",
    headBranch: "promote/f40/cockpit",
    head: commit,
    baseBranch: "main",
    baseHead: commit,
    mergeable: true,
    fromFork: false,
    openedAt: "2024-05-01T11:55:00Z",
    ...changes,
  };
}
