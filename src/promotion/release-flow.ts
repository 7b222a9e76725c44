import { z } from "zod";
import type { Digest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Ending, Flow } from "../workflow/run.ts";
import type { Step } from "../workflow/step.ts";
import { attestRelease } from "./attest-release.ts";
import { readMainHead, watchMain } from "./main-watch.ts";
import { findImageFile, findPolicy } from "./manifest-tree.ts";
import { planRelease } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { copyDigest, type SignedFile, signTags, writeTag } from "./release-effects.ts";
import { readReleaseFacts } from "./release-facts.ts";
import { closeWaiting, type ReleaseOutcome, reportEnding, reportFaults, reportRelease, reportWaiting } from "./release-report.ts";
import type { ReleaseLine } from "./release-store.ts";
import { releasedBefore } from "./released-before.ts";
import { isActing, isBad, type TagPlan } from "./tag-plan.ts";
import { withdraw } from "./withdraw.ts";

export const ReleaseIntent = z.strictObject({
  repository: z.string(),
  registry: z.string(),
  path: z.string(),
  commit: z.string(),
  deep: z.boolean().exactOptional(),
});
export type ReleaseIntent = z.infer<typeof ReleaseIntent>;

/** What at most one run at a time works on, over all replicas: one repository of one destination. */
export function releaseSubject(registry: string, path: string): string {
  return `release ${registry} ${path}`;
}

const Head = z.object({ commit: z.string(), blob: z.string(), policyBlob: z.string() }).nullable();
const TagPlanShape: z.ZodType<TagPlan> = z.object({
  tag: z.string(),
  digest: z.string() as unknown as z.ZodType<Digest>,
  class: z.enum(["immutable", "child", "floating"]),
  release: z.string(),
  action: z.enum(["ok", "tag", "copy", "move", "lost", "tag-move", "drift", "refused", "withdrawn", "unmanaged"]),
  copy: z.boolean(),
  found: (z.string() as unknown as z.ZodType<Digest>).exactOptional(),
  message: z.string().exactOptional(),
}) as z.ZodType<TagPlan>;
const FaultShape = z.object({
  check: z.string(),
  file: z.string(),
  line: z.number().exactOptional(),
  message: z.string(),
  fix: z.string(),
});
const Plan = z.union([
  z.object({
    imageRepository: z.string(),
    from: z.string(),
    to: z.string(),
    removeTags: z.array(z.string()),
    tags: z.array(TagPlanShape),
  }),
  z.object({ faults: z.array(FaultShape) }),
]);
export type ReleasePlan = Extract<z.infer<typeof Plan>, { tags: unknown }>;
const ms = z.number().default(0);
const Copied = z.object({
  ...{ bytesStreamed: z.number(), blobsMounted: z.number(), bytesMounted: z.number().default(0), ms },
  failed: z.string().exactOptional(),
});
const AttestedShape = z.object({ attached: z.number(), failed: z.string().exactOptional() });
const Signed = z.record(z.string(), z.object({ added: z.number(), ms, failed: z.string().exactOptional() }));
const Written = z.object({ what: z.string(), ms, message: z.string().exactOptional() });

/**
 * Brings one repository of one production registry to what main's head says. Level-triggered: the commit of the intent is a hint only.
 * Order: copy by digest, sign every (digest, public name), attach what is said about it, releases' tags, floating tags, `latest`; then what is
 * withdrawn. A killed run starts again and ends the same; what can't be done for one tag is told and holds up no other.
 */
export function releaseFlow(ports: PromotionPorts): Flow<ReleaseIntent> {
  return {
    name: "release",
    intent: ReleaseIntent,
    run: (step, intent) => releaseImage(step, ports, intent),
    finish: (step, intent, ending) => finishRelease(step, ports, intent, ending),
    async waiting(run, intent, waitingFor) {
      await reportWaiting(ports, run, intent, waitingFor);
    },
  };
}

async function releaseImage(step: Step, ports: PromotionPorts, intent: ReleaseIntent): Promise<void> {
  const head = await step("read", Head, () => readMainHead(ports, intent.path));
  if (!head) return;
  const plan = await step(
    "plan",
    Plan.nullable(),
    async () => (await planImage(ports, head.commit, intent.path, intent.registry, intent.deep)) ?? null,
  );
  // The policy that sent it there is no longer main's.
  if (!plan) return;
  if ("faults" in plan) {
    const { registry, path } = intent;
    await step("report faults", z.null(), async () => reportFaults(ports, step.run, { ...head, registry, path }, plan.faults));
    throw appError(
      "promotion.file-invalid",
      `${intent.path} at ${head.commit} is not released: ${plan.faults.map((one) => one.message).join("; ")}`,
      {
        file: plan.faults[0]?.file ?? intent.path,
        hint: plan.faults[0]?.fix ?? "mend the file",
      },
    );
  }
  if (plan.tags.some((one) => one.copy || !["ok", "unmanaged"].includes(one.action))) {
    const { registry, path } = intent;
    await step.write("begin", z.null(), async (transaction) => {
      await ports.releases.reopen(ports.settings.repository, registry, path, head, transaction);
      return null;
    });
  }
  const outcome: ReleaseOutcome = {
    ...head,
    registry: intent.registry,
    path: intent.path,
    imageRepository: plan.imageRepository,
    lines: await carryOut(step, ports, {
      plan,
      file: { commit: head.commit, path: intent.path },
      demandMain: watchMain(ports, intent.path, head),
    }),
  };
  await step("report", z.null(), () => reportRelease(ports, step.run, outcome));
  await step.write("record", z.null(), async (transaction) => {
    const at = ports.now().toISOString();
    const { repository } = ports.settings;
    const failed = outcome.lines.some((line) => isBad(line.what));
    const { commit, registry, imageRepository, lines } = outcome;
    const idle =
      !failed &&
      lines.every((line) => line.what === "ok" || line.what === "unmanaged") &&
      lines.every((line) => line.signaturesAdded === 0);
    const result = failed ? "failed" : idle ? "nothing-to-do" : "released";
    await ports.releases.saveReport(
      { run: step.run, repository, commit, registry, imageRepository, outcome: result, lines, at },
      transaction,
    );
    if (!failed) {
      await ports.releases.saveReconciled(
        repository,
        registry,
        intent.path,
        { blob: head.blob, policyBlob: head.policyBlob, commit, at },
        transaction,
      );
    }
    return null;
  });
  const bad = outcome.lines.filter((line) => isBad(line.what));
  if (bad.length === 0) return;
  throw appError(
    "promotion.release-incomplete",
    `${intent.registry} ${plan.imageRepository}: ${bad.map((line) => `${line.tag} ${line.what}: ${line.message ?? ""}`).join("; ")}`,
    {
      file: intent.path,
      hint: "Mend what the table on the commit's pull request names; the next look at main goes on",
    },
  );
}

/** Undefined when no route leads to the registry. The tree is validated again: a pull request may have been changed after its checks, or pushed past them (DG11). Reads only. */
export async function planImage(
  ports: PromotionPorts,
  commit: string,
  path: string,
  registry: string,
  deep = false,
): Promise<z.infer<typeof Plan> | undefined> {
  const policy = await findPolicy(ports, commit);
  if (!policy.ok) return { faults: [...policy.faults] };
  const image = await findImageFile(ports, commit, path, policy.policy);
  if (!image) return { faults: [{ check: "CK1", file: path, message: "the file is gone", fix: "put it back" }] };
  if (!image.ok) return { faults: [...image.faults] };
  const { parsed } = image;
  const route = image.routes.find(({ to }) => to === registry);
  if (!route) return undefined;
  const wasChecked = releasedBefore(ports, { registry, repository: parsed.value.repository }, path);
  const facts = await readReleaseFacts(ports, commit, parsed, policy.policy, route, { wasChecked, deep });
  const removeTags = Object.entries(parsed.value.withdrawn ?? {}).flatMap(([tag, one]) => (one.removeTag ? [tag] : []));
  return { imageRepository: parsed.value.repository, ...route, removeTags, tags: [...planRelease(parsed.value, facts)] };
}

/** What one run has to do. */
interface Work {
  readonly plan: ReleasePlan;
  readonly file: SignedFile;
  /** Throws when main says something else by now. */
  readonly demandMain: () => Promise<void>;
}

async function carryOut(step: Step, ports: PromotionPorts, work: Work): Promise<readonly ReleaseLine[]> {
  const { plan, file, demandMain } = work;
  const acting = plan.tags.filter(isActing);
  const copies = new Map<string, z.infer<typeof Copied>>();
  for (const digest of new Set(acting.filter((one) => one.copy).map((one) => one.digest))) {
    copies.set(digest, await step(`copy ${digest}`, Copied, (_key, signal) => copyDigest(ports, plan, digest, signal)));
  }
  // Children come with their release's copy.
  const tops = new Map(acting.filter((one) => one.class === "immutable").map((one) => [one.tag, one.digest]));
  const failureOf = (one: TagPlan) => copies.get(tops.get(one.release) ?? one.digest)?.failed;
  const whole = acting.filter((one) => failureOf(one) === undefined);
  const sign = async (_key: string, signal: AbortSignal) => {
    await demandMain();
    return await signTags(ports, plan, file, whole, signal);
  };
  const signed = whole.length === 0 ? {} : await step("sign", Signed, sign);
  const remarks = new Map<string, string | undefined>();
  // What is said about an image's platforms goes with the image, which is what was promoted.
  const promoted = whole.filter((one) => one.class !== "child" && (one.copy || one.action !== "ok"));
  for (const digest of new Set(promoted.map((one) => one.digest))) {
    const attested = await step(`attest ${digest}`, AttestedShape, (_key, signal) => attestRelease(ports, plan, file, digest, signal));
    remarks.set(digest, attested.failed && `released without attestations: ${attested.failed}`);
  }
  const lines: ReleaseLine[] = [];
  const broken = new Map<string, string>();
  const counted = new Set<string>();
  for (const one of plan.tags) {
    const copied = copies.get(one.digest);
    const failure = failureOf(one) ?? signed[one.tag]?.failed ?? (one.class === "immutable" ? undefined : broken.get(one.release));
    const result = await carryOutTag(step, ports, work, one, failure);
    if (isBad(result.what) && one.class === "immutable") broken.set(one.tag, `its release ${one.release} was not released`);
    // The bytes of a digest are told once, at its first tag.
    const bytes = copied && !counted.has(one.digest) && isActing(one) ? copied : undefined;
    if (bytes) counted.add(one.digest);
    const { tag, digest } = one;
    const signing = isActing(one) ? signed[tag] : undefined;
    const remark = isActing(one) ? remarks.get(digest) : undefined;
    lines.push({
      ...(remark === undefined ? {} : { message: remark }),
      tag,
      digest,
      bytesStreamed: bytes?.bytesStreamed ?? 0,
      blobsMounted: bytes?.blobsMounted ?? 0,
      bytesMounted: bytes?.bytesMounted ?? 0,
      signaturesAdded: signing?.added ?? 0,
      ...result,
      ms: (bytes?.ms ?? 0) + (signing?.ms ?? 0) + (result.ms ?? 0),
    });
  }
  return lines;
}

async function carryOutTag(
  step: Step,
  ports: PromotionPorts,
  { plan, file, demandMain }: Work,
  one: TagPlan,
  failure: string | undefined,
): Promise<{ what: string; message?: string; ms?: number }> {
  if (one.action === "withdrawn")
    return await step(`withdraw ${one.tag}`, Written, async (_key, signal) => {
      await demandMain();
      return await withdraw(ports, plan, file, one, signal);
    });
  if (!isActing(one)) return { what: one.action, ...(one.message === undefined ? {} : { message: one.message }) };
  if (failure !== undefined) return { what: "failed", message: failure };
  if (one.action === "ok") return one.copy ? { what: "copied", message: "a lost platform was copied again" } : { what: "ok" };
  return await step(`tag ${one.tag}`, Written, async (_key, signal) => {
    await demandMain();
    return await writeTag(ports, plan, file, one, signal);
  });
}

/** Errors whose report stands on the forge already. */
const told = ["promotion.file-invalid", "promotion.release-incomplete"];

async function finishRelease(step: Step, ports: PromotionPorts, intent: ReleaseIntent, ending: Ending): Promise<void> {
  if (ending.status === "failed" && !told.includes(ending.error.code)) {
    await step("report failure", z.null(), () => reportEnding(ports, step.run, intent, ending.error));
    return;
  }
  await step("close waiting", z.null(), () => closeWaiting(ports, step.run, intent, ending));
}
