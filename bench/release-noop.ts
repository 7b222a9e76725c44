import type { ForgePulls, ForgeSources } from "../src/forge/forge.ts";
import type { PromotionPorts } from "../src/promotion/promotion-ports.ts";
import { startReleases } from "../src/promotion/release-scan-flow.ts";

/** Release reconcile over 10,000 images of which none changed; the listing itself is the forge's and stands in memory here. */
const images = 10_000;
const files = [
  { path: "policy.yaml", blob: "p", size: 1 },
  ...Array.from({ length: images }, (_, i) => ({ path: `images/f${i % 50}/image${i}.yaml`, blob: `blob${i}`, size: 1 })),
];
const at = new Date().toISOString();
const known = new Map(files.map((file) => [file.path, { blob: file.blob, policyBlob: "p", commit: "c", at }]));
const ports = {
  forge: { findHead: async () => "c", listFiles: async () => files } as unknown as ForgeSources & ForgePulls,
  releases: { listReconciled: async () => known },
  now: () => new Date(),
  settings: { repository: "releng/manifests", branch: "main", registries: {}, fullIntervalMs: 3_600_000, pageOf: () => undefined },
} as unknown as PromotionPorts;

const started = performance.now();
const { runs } = await startReleases(ports, false, "bench");
const ms = performance.now() - started;
process.stdout.write(`release-noop: ${images} images, ${runs.length} to do, ${ms.toFixed(1)} ms (target 2000 ms)\n`);
