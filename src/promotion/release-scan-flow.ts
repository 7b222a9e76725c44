import { z } from "zod";
import type { TreeFile } from "../forge/forge.ts";
import type { Flow } from "../workflow/run.ts";
import { type Fault, formatFaults } from "./fault.ts";
import { cutLines, mostSummary } from "./fit-text.ts";
import { followBase } from "./follow-base.ts";
import { faultError, findPolicy, misplacedFault } from "./manifest-tree.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { findRoutes, policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { planImage, releaseSubject } from "./release-flow.ts";
import { reportStray } from "./release-report.ts";
import { type ReconciledFile, reconciledKey } from "./release-store.ts";

export const ScanIntent = z.strictObject({ repository: z.string(), full: z.boolean() });
export type ScanIntent = z.infer<typeof ScanIntent>;
const Scanned = z.object({
  commit: z.string().nullable(),
  runs: z.array(z.string()),
  // A journal that an older release wrote has none.
  stray: z.array(z.object({ check: z.string(), file: z.string(), message: z.string(), fix: z.string() })).default([]),
});

const mostStray = 20;
/** No registry has this name. */
const noRegistry = "-";

/**
 * Looks at main's head: starts a release for each image file that is not known to be in order, and lets the open promotions follow the new
 * base. With nothing to do it costs one listing of the tree, one query and one comparison of maps.
 */
export function releaseScanFlow(ports: PromotionPorts): Flow<ScanIntent> {
  return {
    name: "release-scan",
    intent: ScanIntent,
    async run(step, intent) {
      const scanned = await step("scan", Scanned, () => startReleases(ports, intent.full, step.run));
      if (scanned.commit === null) return;
      const commit = scanned.commit;
      if (scanned.stray.length > 0)
        await step("report stray files", z.null(), async () => reportStray(ports, step.run, commit, scanned.stray));
      await step("follow base", z.object({ refreshed: z.number(), failed: z.array(z.string()) }), () =>
        followBase(ports, step.run, commit),
      );
    },
    async finish() {},
  };
}

/** An image file that one destination may not be in order with. */
export interface Due {
  readonly path: string;
  readonly blob: string;
  /** Name of the destination in the settings. */
  readonly registry: string;
}

/**
 * Which image files must be looked at, for each destination by itself. Pure but for four reads; `commit` is null when there is no such branch.
 * Throws `promotion.policy-invalid` when there are image files.
 */
export async function findDue(ports: PromotionPorts, full: boolean) {
  const { repository, branch } = ports.settings;
  const commit = (await ports.forge.findHead(repository, branch)) ?? null;
  if (commit === null) return { commit, policyBlob: "", due: [], stray: [], faults: [] };
  const files = await ports.forge.listFiles(repository, commit, "");
  const reconciled = await ports.releases.listReconciled(repository);
  const policyBlob = files.find((file) => file.path === policyPath)?.blob ?? "";
  const images = files.flatMap(({ path, blob }) => {
    const imageRepository = path.startsWith("images/") ? repositoryOfPath(path) : undefined;
    return imageRepository === undefined ? [] : [{ path, blob, imageRepository }];
  });
  const stray = findStray(files, reconciled);
  const policy = images.length === 0 ? undefined : await findPolicy(ports, commit);
  if (policy === undefined || !policy.ok) return { commit, policyBlob, due: [], stray, faults: policy?.faults ?? [] };
  const due = images.flatMap(({ path, blob, imageRepository }): Due[] => {
    const routes = findRoutes(policy.policy, imageRepository);
    // Without a route there is nothing to release to; its run says so.
    const registries = routes.length === 0 ? [noRegistry] : routes.map(({ to }) => to);
    return registries.flatMap((registry) => {
      const known = full ? undefined : reconciled.get(reconciledKey(registry, path));
      const isKnown = known !== undefined && known.blob === blob && known.policyBlob === policyBlob;
      return isKnown ? [] : [{ path, blob, registry }];
    });
  });
  return { commit, policyBlob, due, stray, faults: [] };
}

/** Files below `images/` that are no image files, and image files that were released from and are gone. */
function findStray(files: readonly TreeFile[], reconciled: ReadonlyMap<string, ReconciledFile>): readonly Fault[] {
  const here = new Set(files.map((file) => file.path));
  const misplaced = files.filter((file) => file.path.startsWith("images/") && repositoryOfPath(file.path) === undefined);
  const gone = new Set([...reconciled.keys()].map((key) => key.slice(key.indexOf(" ") + 1)).filter((path) => !here.has(path)));
  return [
    ...misplaced.map((file) => misplacedFault(file.path)),
    ...[...gone].map((file) => ({
      check: "CK2",
      file,
      message: "the file is deleted, its tags stay in the registries and nobody looks after them",
      fix: "put it back; withdraw releases that nobody may use",
    })),
  ].slice(0, mostStray);
}

/**
 * Starts what is due, a run for each destination of each image file, once for each `key`; for `flibs release run` and the scan. An image whose run waits already is left to it: that run will
 * read main's head when it starts. Throws `promotion.policy-invalid`, so that a bad policy is told once and not for each image.
 */
export async function startReleases(
  ports: PromotionPorts,
  full: boolean,
  key: string,
): Promise<{ commit: string | null; runs: string[]; stray: Fault[] }> {
  const { repository } = ports.settings;
  const { commit, policyBlob, due, faults, ...found } = await findDue(ports, full);
  const stray = [...found.stray];
  if (commit === null) return { commit, runs: [], stray };
  if (faults.length > 0) {
    const status = { name: "flibs / release", state: "failure" as const, title: "policy.yaml has a fault, nothing is released" };
    await ports.forge.setStatus(repository, commit, { ...status, summary: cutLines(formatFaults(faults), mostSummary), key });
    throw faultError("promotion.policy-invalid", faults);
  }
  if (due.length === 0) return { commit, runs: [], stray };
  const queued = new Map(
    (await ports.runs.list({ flow: "release", status: ["queued"], limit: 20_000 }))
      // One that was handed over has its plan already, made of an older head.
      .filter((run) => run.startedAt === undefined)
      .map((run) => [run.subject, run.id]),
  );
  const runs: string[] = [];
  for (const { path, blob, registry } of due) {
    const subject = releaseSubject(registry, path);
    const waiting = queued.get(subject);
    const intent = { repository, registry, path, commit };
    runs.push(
      waiting ??
        (await ports.runs.start({ flow: "release", subject, intent, key: `${subject} ${blob} ${policyBlob} ${key}`, whenBusy: "queue" })),
    );
  }
  return { commit, runs, stray };
}

/**
 * What a release would do now, for `flibs release status` and `release run` without --confirm; reads only. Nothing for a tag in order.
 * With `full` also for files that did not change since they were last found in order.
 */
export async function planReleases(ports: PromotionPorts, full = false) {
  const { commit, due, faults } = await findDue(ports, full);
  if (faults.length > 0) throw faultError("promotion.policy-invalid", faults);
  const lines: { registry: string; imageRepository: string; tag: string; action: string; digest: string; message?: string }[] = [];
  for (const { path, registry } of due) {
    const imageRepository = repositoryOfPath(path) ?? path;
    const plan = await planImage(ports, commit ?? "", path, registry);
    if (!plan) continue;
    if ("faults" in plan) {
      lines.push({
        registry,
        imageRepository,
        tag: "-",
        action: "failed",
        digest: "-",
        message: plan.faults.map((fault) => fault.message).join("; "),
      });
      continue;
    }
    for (const { tag, action, digest, message, copy } of plan.tags) {
      if (action === "ok" && !copy) continue;
      lines.push({ registry, imageRepository, tag, action, digest, ...(message === undefined ? {} : { message }) });
    }
  }
  return lines;
}
