import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { auditStates } from "../promotion/audit-states.ts";
import type { MetricsStore, StoredCounts } from "./metrics-store.ts";

export type DeliveryOutcome = "stored" | "duplicate" | "refused" | "malformed" | "too-large" | "unavailable" | "unknown-forge";

/** What is counted; made once in `app.ts`, told by web, workers and sweeps, shown at `/metrics` in Prometheus' text format. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  deliveryTaken(forge: string, outcome: DeliveryOutcome): void;
  /** `step` may carry its item (`push linux/amd64`); only the first word becomes a label, so that labels stay few. */
  stepFinished(flow: string, step: string, outcome: "done" | "failed" | "suspended", ms: number): void;
  sweepFound(sweep: string, findings: number): void;
  requestAnswered(method: string, route: string, status: number, ms: number): void;
  /** When an OpenPGP signing key ends, in Unix milliseconds; 0 for one that can't sign already, nothing for one that never ends. */
  keyWatched(registry: string, fingerprint: string, expiresAt: number | undefined): void;
  /** A request to a forge's API was answered; status 0 when it was not, `remaining` as the forge's own budget tells. */
  forgeAsked(operation: string, status: number, remaining: number | undefined): void;
}

/** `store` is asked at each scrape; when it fails, the rest is still shown and `flibs_store_up` is 0. */
export function createMetrics(store: MetricsStore): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const seconds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800];
  const deliveries = new Counter({
    name: "flibs_deliveries_total",
    help: "Deliveries by outcome",
    labelNames: ["forge", "outcome"],
    registers,
  });
  const findings = new Counter({
    name: "flibs_sweep_findings_total",
    help: "What sweeps found that nothing had told",
    labelNames: ["sweep"],
    registers,
  });
  const steps = new Histogram({
    name: "flibs_step_duration_seconds",
    help: "Duration of steps",
    labelNames: ["flow", "step", "outcome"],
    buckets: seconds,
    registers,
  });
  const requests = new Histogram({
    name: "flibs_http_request_duration_seconds",
    help: "Duration of HTTP requests",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.005, 0.02, 0.05, 0.2, 1, 5],
    registers,
  });
  const keyExpiry = new Gauge({
    name: "flibs_signing_key_expiry_timestamp_seconds",
    help: "When a signing key ends; 0 when it can't sign already; absent when it never ends",
    labelNames: ["registry", "fingerprint"],
    registers,
  });
  const forgeRequests = new Counter({
    name: "flibs_forge_requests_total",
    help: "Requests to the forge's API by operation and answer; status 0 is no answer",
    labelNames: ["operation", "status"],
    registers,
  });
  const forgeBudget = new Gauge({
    name: "flibs_forge_requests_remaining",
    help: "What the forge said last is left of its budget of requests",
    registers,
  });
  const stored = storedGauges(registry);
  return {
    contentType: registry.contentType,
    async text() {
      const counts = await store.readCounts().catch(() => undefined);
      stored(counts);
      return await registry.metrics();
    },
    deliveryTaken: (forge, outcome) => deliveries.inc({ forge, outcome }),
    stepFinished: (flow, step, outcome, ms) => steps.observe({ flow, step: step.split(" ")[0] ?? step, outcome }, ms / 1000),
    keyWatched: (key, fingerprint, expiresAt) => {
      if (expiresAt === undefined) keyExpiry.remove({ registry: key, fingerprint });
      else keyExpiry.set({ registry: key, fingerprint }, expiresAt / 1000);
    },
    sweepFound: (sweep, number) => findings.inc({ sweep }, number),
    forgeAsked: (operation, status, remaining) => {
      forgeRequests.inc({ operation, status });
      if (remaining !== undefined) forgeBudget.set(remaining);
    },
    requestAnswered: (method, route, status, ms) => requests.observe({ method, route, status }, ms / 1000),
  };
}

function storedGauges(registry: Registry): (counts: StoredCounts | undefined) => void {
  const registers = [registry];
  const up = new Gauge({ name: "flibs_store_up", help: "1 when the database answered this scrape", registers });
  const runs = new Gauge({ name: "flibs_runs", help: "Runs by flow and status", labelNames: ["flow", "status"], registers });
  const inbox = new Gauge({ name: "flibs_inbox_deliveries", help: "Stored deliveries by status", labelNames: ["status"], registers });
  const audited = new Gauge({
    name: "flibs_audit_tags",
    help: "Tags of production registries by what audits say of them",
    labelNames: ["state"],
    registers,
  });
  const auditedAt = new Gauge({
    name: "flibs_audit_finished_timestamp_seconds",
    help: "End of the last audit of everything; 0 before the first",
    registers,
  });
  const auditedImages = new Gauge({
    name: "flibs_audit_images",
    help: "Images that the last audit of everything looked at, and those that it could not look at",
    labelNames: ["outcome"],
    registers,
  });
  const age = new Gauge({ name: "flibs_queue_age_seconds", help: "Age of the oldest entry", labelNames: ["queue"], registers });
  const held = new Gauge({ name: "flibs_promotions_held", help: "Promotions that wait for room, by why", labelNames: ["why"], registers });
  return (counts) => {
    up.set(counts === undefined ? 0 : 1);
    for (const gauge of [runs, inbox, held, age, audited, auditedImages]) gauge.reset();
    if (counts === undefined) return;
    for (const { flow, status, count } of counts.runs) runs.set({ flow, status }, count);
    for (const { status, count } of counts.deliveries) inbox.set({ status }, count);
    for (const { why, count } of counts.heldPromotions) held.set({ why }, count);
    age.set({ queue: "inbox" }, counts.oldestDeliverySeconds);
    age.set({ queue: "runs" }, counts.oldestQueuedRunSeconds);
    // Every state, so that an alert on one has something to look at before it comes.
    for (const state of auditStates) audited.set({ state }, counts.audited.find((one) => one.state === state)?.count ?? 0);
    auditedAt.set(counts.lastAudit?.finishedAt ?? 0);
    auditedImages.set({ outcome: "looked at" }, counts.lastAudit?.images ?? 0);
    auditedImages.set({ outcome: "not looked at" }, counts.lastAudit?.unread ?? 0);
  };
}
