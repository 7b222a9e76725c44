import { z } from "zod";
import type { CommitStatus, Pull } from "../forge/forge.ts";
import type { Flow } from "../workflow/run.ts";
import { checkAppendOnly } from "./check-image-file.ts";
import { formatDryRun, formatIgnored, formatPolicyTrial, titleOf } from "./dry-run.ts";
import { cutTitle, escapeCode, escapeText } from "./escape.ts";
import { type Fault, formatFaults } from "./fault.ts";
import { findChanges } from "./find-changes.ts";
import { type ParsedImageFile, parseImageFile } from "./image-file.ts";
import { findImageFile, findPolicy, misplacedFault } from "./manifest-tree.ts";
import { planFaults } from "./plan-faults.ts";
import { planRelease, type TagPlan } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { readReleaseFacts } from "./release-facts.ts";
import { type PolicyTrial, tryPolicy } from "./try-policy.ts";

export const CheckIntent = z.strictObject({ repository: z.string(), number: z.number().int(), head: z.string() });
export type CheckIntent = z.infer<typeof CheckIntent>;

export const promotionStatusName = "flibs / promotion";
const mostFiles = 100;
const Judged = z.object({ state: z.enum(["success", "failure", "stale"]), title: z.string(), summary: z.string() });
type Judged = z.infer<typeof Judged>;

/** The dry run of the release on a pull request's head, with CK1 to CK10; says the result as the status `flibs / promotion`. */
export function checkPromotionFlow(ports: PromotionPorts): Flow<CheckIntent> {
  const say = (intent: CheckIntent, run: string, state: CommitStatus["state"], title: string, summary: string) => {
    const url = ports.settings.pageOf(run);
    const status = { name: promotionStatusName, state, title: cutTitle(title), summary: summary.slice(0, 60_000) };
    return ports.forge.setStatus(intent.repository, intent.head, url === undefined ? status : { ...status, url }).then(() => null);
  };
  return {
    name: "check-promotion",
    intent: CheckIntent,
    async run(step, intent) {
      await step("say running", z.null(), () =>
        say(intent, step.run, "running", "checking", "The release is tried without writing anything."),
      );
      const judged = await step("check", Judged, () => judgePull(ports, intent));
      const state = judged.state === "stale" ? "cancelled" : judged.state;
      await step("say result", z.null(), () => say(intent, step.run, state, judged.title, judged.summary));
    },
    async finish(step, intent, ending) {
      if (ending.status === "done" || ending.status === "superseded") return;
      const why =
        ending.status === "failed" ? (ending.error.kind === "internal" ? "flibs broke a promise" : ending.error.message) : ending.reason;
      const summary = `The check could not be carried out: ${escapeText(why, 1000)}. Run ${escapeCode(step.run)}.`;
      const state = ending.status === "failed" ? "error" : "cancelled";
      await step("say end", z.null(), () => say(intent, step.run, state, "the check could not be carried out", summary));
    },
    async waiting(run, intent, waitingFor) {
      await say(intent, run, "pending", "waiting", `Waiting for ${escapeText(waitingFor, 300)}.`);
    },
  };
}

async function judgePull(ports: PromotionPorts, intent: CheckIntent): Promise<Judged> {
  const pull = await ports.forge.findPull(intent.repository, intent.number);
  if (pull?.state !== "open") return { state: "stale", title: "the pull request is closed", summary: "Nothing to check." };
  if (pull.head !== intent.head)
    return { state: "stale", title: "a newer commit is checked", summary: `The head is ${escapeCode(pull.head)} now.` };
  if (pull.baseBranch !== ports.settings.branch) {
    return { state: "success", title: "releases nothing", summary: `Only merging into ${escapeCode(ports.settings.branch)} releases.` };
  }
  const { faults, plans, ignored, policy } = await checkPull(ports, pull);
  const trial = policy ? formatPolicyTrial(policy) : formatDryRun(plans);
  const summary =
    faults.length > 0
      ? `Merging this would not release what it says.\n\n${formatFaults(faults)}${policy ? `\n\n${trial}` : ""}`
      : `${trial}${formatIgnored(ignored)}`;
  if (faults.length > 0)
    return {
      state: "failure",
      title: `${faults.length} ${faults.length === 1 ? "fault" : "faults"}: ${faults[0]?.message ?? ""}`,
      summary,
    };
  return { state: "success", title: titleOf(policy?.plans ?? plans, policy), summary };
}

export interface PullCheck {
  readonly faults: readonly Fault[];
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
  /** Changed files that no release reads. */
  readonly ignored: readonly string[];
  /** When the pull request changes the policy and no image file. */
  readonly policy?: PolicyTrial;
}

/** All faults of a pull request, and for each image file in order what its release would do. Writes nothing. */
export async function checkPull(ports: PromotionPorts, pull: Pull): Promise<PullCheck> {
  const plans = new Map<string, readonly TagPlan[]>();
  const { changed, faults: behind } = await findChanges(ports, pull);
  const faults: Fault[] = [...behind];
  const ignored = changed.filter((path) => path !== policyPath && !path.startsWith("images/"));
  const images = changed.filter((path) => path.startsWith("images/"));
  if (changed.includes(policyPath) && images.length > 0) {
    const fix = "make two pull requests, the one for the policy first";
    faults.push({
      check: "CK1",
      file: policyPath,
      message: `the policy is changed together with ${images.length === 1 ? images[0] : `${images.length} image files`}`,
      fix,
    });
  }
  if (images.length > mostFiles) {
    faults.push({
      check: "CK1",
      file: images[mostFiles] ?? "",
      message: `${images.length} image files are changed`,
      fix: `change at most ${mostFiles} at once`,
    });
    return { faults, plans, ignored };
  }
  if (changed.includes(policyPath)) {
    const fresh = await findPolicy(ports, pull.head);
    if (!fresh.ok) faults.push(...fresh.faults);
    else if (images.length === 0) {
      const policy = await tryPolicy(ports, pull, fresh.policy);
      return { faults: [...faults, ...policy.faults], plans, ignored, policy };
    }
  }
  if (images.length === 0) return { faults, plans, ignored };
  // A pull request is judged by the base branch's policy, never by one it brings along.
  const policy = await findPolicy(ports, pull.baseHead);
  if (!policy.ok) return { faults: [...faults, ...policy.faults], plans, ignored };
  for (const path of images) {
    if (repositoryOfPath(path) === undefined) {
      // Taking such a file away mends something.
      if (await ports.forge.findFile(pull.repository, pull.head, path)) faults.push(misplacedFault(path));
      continue;
    }
    const base = await readBase(ports, pull, path);
    const head = await findImageFile(ports, pull.head, path, policy.policy);
    if (!head) {
      if (base)
        faults.push({
          check: "CK2",
          file: path,
          message: "the file is deleted, releases are append-only",
          fix: "put it back; withdraw releases that nobody may use",
        });
      continue;
    }
    if (!head.ok) {
      faults.push(...head.faults);
      continue;
    }
    const changedReleases = base ? checkAppendOnly(base, head.parsed) : [];
    faults.push(...changedReleases);
    const facts = await readReleaseFacts(ports, pull.head, head.parsed, policy.policy, head.route);
    const plan = planRelease(head.parsed.value, facts);
    plans.set(path, plan);
    // What git alone shows to be a move needs not be told again by production.
    const told = changedReleases.length > 0 ? plan.filter((one) => one.action !== "tag-move") : plan;
    faults.push(...planFaults(path, head.parsed, told, facts.refusals));
  }
  return { faults, plans, ignored };
}

async function readBase(ports: PromotionPorts, pull: Pull, path: string): Promise<ParsedImageFile | undefined> {
  const bytes = await ports.forge.findFile(pull.repository, pull.baseHead, path);
  const parsed = bytes && parseImageFile(path, bytes);
  return parsed?.ok ? parsed : undefined;
}
