import { z } from "zod";
import type { CommitStatus, Pull } from "../forge/forge.ts";
import type { Flow } from "../workflow/run.ts";
import { checkAppendOnly, checkImageFile } from "./check-image-file.ts";
import { cutTitle, escapeCode, escapeText } from "./escape.ts";
import { type Fault, formatFaults } from "./fault.ts";
import { type ParsedImageFile, parseImageFile } from "./image-file.ts";
import { findImageFile, findPolicy, misplacedFault } from "./manifest-tree.ts";
import { isBad, planRelease, type TagPlan } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { policyPath, repositoryOfPath } from "./registry-manifest.ts";
import { readReleaseFacts } from "./release-facts.ts";

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
  const { faults, plans, ignored } = await checkPull(ports, pull);
  const summary =
    faults.length > 0
      ? `Merging this would not release what it says.\n\n${formatFaults(faults)}`
      : `${formatDryRun(plans)}${formatIgnored(ignored)}`;
  if (faults.length > 0)
    return {
      state: "failure",
      title: `${faults.length} ${faults.length === 1 ? "fault" : "faults"}: ${faults[0]?.message ?? ""}`,
      summary,
    };
  const tags = [...plans.values()].flat().filter((plan) => ["tag", "copy", "move"].includes(plan.action));
  return {
    state: "success",
    title: tags.length === 0 ? "writes no tag" : `writes ${tags.map((plan) => plan.tag).join(", ")}`,
    summary,
  };
}

export interface PullCheck {
  readonly faults: readonly Fault[];
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
  /** Changed files that no release reads. */
  readonly ignored: readonly string[];
}

/** All faults of a pull request, and for each image file in order what its release would do. Writes nothing. */
export async function checkPull(ports: PromotionPorts, pull: Pull): Promise<PullCheck> {
  const plans = new Map<string, readonly TagPlan[]>();
  const { changed, faults } = await findChanges(ports, pull);
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
  if (changed.includes(policyPath)) faults.push(...(await checkNewPolicy(ports, pull)));
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

const checkOf: Partial<Record<TagPlan["action"], string>> = { lost: "CK3", "tag-move": "CK2", drift: "RL7" };
const fixOf: Partial<Record<TagPlan["action"], string>> = {
  lost: "write the digest of a build that exists",
  "tag-move": "write the digest that the tag has, and release the other as a new tag",
  drift: "find out who moved it; bring what it stands at into releases, or move the tag back",
  refused: "mend its release",
};

/** What a release would refuse to do, with the line where it is asked for. */
function planFaults(
  path: string,
  parsed: ParsedImageFile,
  plan: readonly TagPlan[],
  refusals: ReadonlyMap<string, readonly { check: string; message: string; fix: string }[]>,
): readonly Fault[] {
  return plan.flatMap((one): readonly Fault[] => {
    const line = parsed.lineOf(one.class === "floating" ? ["floating", one.tag] : ["releases", one.tag, "digest"]);
    const at = { file: path, ...(line === undefined ? {} : { line }) };
    const reasons = one.class === "immutable" ? refusals.get(one.tag) : undefined;
    if (reasons && one.action === "refused") return reasons.map((reason) => ({ ...reason, ...at }));
    // A floating tag that waits for its release has that release's fault already.
    if (!isBad(one.action) || (one.action === "refused" && one.class === "floating")) return [];
    return [{ check: checkOf[one.action] ?? "CK7", ...at, message: one.message ?? one.action, fix: fixOf[one.action] ?? "mend it" }];
  });
}

/** A new policy must read well, agree with the settings, and leave each image file in order. */
async function checkNewPolicy(ports: PromotionPorts, pull: Pull): Promise<readonly Fault[]> {
  const policy = await findPolicy(ports, pull.head);
  if (!policy.ok) return policy.faults;
  const faults: Fault[] = [];
  for (const { path } of await ports.forge.listFiles(pull.repository, pull.head, "images")) {
    const bytes = await ports.forge.findFile(pull.repository, pull.head, path);
    const parsed = bytes && parseImageFile(path, bytes);
    if (parsed?.ok) faults.push(...checkImageFile(parsed, policy.policy));
    if (faults.length >= 20) break;
  }
  return faults;
}

/**
 * Files that the pull request changes. Where main changed one of them since, the text checked is not the text merged: that is a fault
 * (CK10). Files that differ only because main went on are left out.
 */
async function findChanges(ports: PromotionPorts, pull: Pull): Promise<{ changed: readonly string[]; faults: Fault[] }> {
  const { forge } = ports;
  const blobs = async (commit: string) =>
    new Map((await forge.listFiles(pull.repository, commit, "")).map((file) => [file.path, file.blob]));
  const [base, head] = [await blobs(pull.baseHead), await blobs(pull.head)];
  const differing = [...new Set([...base.keys(), ...head.keys()])].filter((path) => base.get(path) !== head.get(path)).sort();
  const faults: Fault[] = [];
  const behind = (file: string, message: string) =>
    faults.push({ check: "CK10", file, message, fix: `bring the branch up to date with ${pull.baseBranch}` });
  if (await forge.isAncestor(pull.repository, pull.baseHead, pull.head)) return { changed: differing, faults };
  if (differing.length > 1000) {
    behind(pull.headBranch, `${differing.length} files differ from ${pull.baseBranch}`);
    return { changed: [], faults };
  }
  const changed: string[] = [];
  for (const path of differing) {
    const [onBase] = await forge.fileHistory(pull.repository, pull.baseHead, path, 1);
    const [onHead] = await forge.fileHistory(pull.repository, pull.head, path, 1);
    if (onHead === undefined || (await forge.isAncestor(pull.repository, onHead, pull.baseHead))) continue;
    changed.push(path);
    if (onBase !== undefined && !(await forge.isAncestor(pull.repository, onBase, pull.head))) {
      behind(path, `${pull.baseBranch} changed the file after this branch left it`);
    }
  }
  if (!pull.mergeable && faults.length === 0) behind(changed[0] ?? pull.headBranch, `it conflicts with ${pull.baseBranch}`);
  return { changed, faults };
}

function formatIgnored(paths: readonly string[]): string {
  if (paths.length === 0) return "";
  const shown = paths.slice(0, 20).map((path) => escapeCode(path, 300));
  const rest = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : "";
  return `\n\nNo release reads ${shown.join(", ")}${rest}.`;
}

/** Markdown: what merging would do, from the plan itself. */
export function formatDryRun(plans: ReadonlyMap<string, readonly TagPlan[]>): string {
  const words: Partial<Record<TagPlan["action"], string>> = {
    copy: "copy, sign, tag",
    tag: "sign, tag (the image is there)",
    move: "sign, move",
    withdrawn: "withdraw: remove the signatures",
    unmanaged: "leave alone: no registry manifest speaks of it",
  };
  const rows = [...plans].flatMap(([path, plan]) =>
    plan
      .filter((one) => one.action !== "ok")
      .slice(0, 100)
      .map(
        (one) =>
          `| ${escapeCode(path, 300)} | ${escapeCode(one.tag)} | ${words[one.action] ?? one.action} | ${escapeCode(one.digest, 80)} |`,
      ),
  );
  if (rows.length === 0) return "Merging writes nothing: production is as this says.";
  return ["Merging does this, tried now without writing:", "", "| file | tag | what | digest |", "|---|---|---|---|", ...rows].join("\n");
}
