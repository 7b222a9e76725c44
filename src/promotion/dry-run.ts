import { escapeCode } from "./escape.ts";
import { isBad, type TagPlan } from "./tag-plan.ts";
import type { PolicyTrial } from "./try-policy.ts";

type Plans = ReadonlyMap<string, readonly TagPlan[]>;
const mostRows = 300;

/** Does this write a tag in production? */
export function isWriting(plan: TagPlan): boolean {
  return ["tag", "copy", "move"].includes(plan.action);
}

/** Markdown: what merging would do, from the plan itself. */
export function formatDryRun(plans: Plans): string {
  const rows = formatRows(plans);
  return rows.length === 0 ? "Merging writes nothing: production is as this says." : formatTable(rows);
}

/** Markdown: what a new policy changes, what that would release, and of how many image files this is known. */
export function formatPolicyTrial(trial: PolicyTrial): string {
  const { changes, images, settled, tried, unreadable, left, plans } = trial;
  const changed = changes.length === 0 ? "- nothing that flibs reads" : changes.map((line) => `- ${line}`).join("\n");
  const files = (count: number) => `${count} image ${count === 1 ? "file" : "files"}`;
  const known = [
    `Tried under it: ${tried} of ${files(images)}`,
    ...(settled > 0 ? [`${settled} ${settled === 1 ? "is" : "are"} released whole already, which this change does not reach`] : []),
    ...(unreadable.length > 0 ? [`${unreadable.length} ${unreadable.length === 1 ? "is" : "are"} out of order on the branch already`] : []),
    ...(left > 0 ? [`**${left} ${left === 1 ? "was" : "were"} not tried, what merging does to them is not known**`] : []),
  ];
  const rows = formatRows(plans);
  const nothing = left > 0 ? "Nothing would be written for those that were tried." : "Merging writes no tag.";
  const names = unreadable.slice(0, 20).map((path) => `\n- out of order: ${escapeCode(path, 300)}`);
  return `The policy is changed:\n\n${changed}\n\n${known.join("; ")}.${names.length > 0 ? `\n${names.join("")}` : ""}\n\n${rows.length === 0 ? nothing : formatTable(rows)}`;
}

/** One line of at most 140 characters, when it is cut. */
export function titleOf(plans: Plans, policy: PolicyTrial | undefined, removed: readonly string[]): string {
  const tags = [...plans.values()].flat().filter((plan) => isWriting(plan) && plan.class !== "child");
  const writes = tags.length === 0 ? "writes no tag" : `writes ${[...new Set(tags.map((plan) => plan.tag))].join(", ")}`;
  if (removed.length > 0) return `reverts ${[...new Set(removed)].join(", ")}; ${writes}`;
  if (!policy) return writes;
  if (policy.left > 0) return `changes the policy; only ${policy.tried} of ${policy.images} image files were tried`;
  return `changes the policy; ${writes}`;
}

/** Markdown, beginning with an empty line; nothing when there are none. */
export function formatIgnored(paths: readonly string[]): string {
  if (paths.length === 0) return "";
  const shown = paths.slice(0, 20).map((path) => escapeCode(path, 300));
  const rest = paths.length > shown.length ? ` and ${paths.length - shown.length} more` : "";
  return `\n\nNo release reads ${shown.join(", ")}${rest}.`;
}

const words: Partial<Record<TagPlan["action"], string>> = {
  copy: "copy, sign, tag",
  tag: "sign, tag (the image is there)",
  move: "sign, move",
  withdrawn: "withdraw: remove the signatures",
  unmanaged: "leave alone: no registry manifest speaks of it",
};

function formatRows(plans: Plans): readonly string[] {
  return [...plans].flatMap(([path, plan]) =>
    plan
      .filter((one) => one.action !== "ok")
      .slice(0, 100)
      .map((one) => {
        const what =
          (one.class === "child" && one.action === "tag" ? "sign, tag (a platform)" : words[one.action]) ??
          (isBad(one.action) ? `**${one.action}**` : one.action);
        return `| ${escapeCode(path, 300)} | ${escapeCode(one.tag)} | ${what} | ${escapeCode(one.digest, 80)} |`;
      }),
  );
}

function formatTable(rows: readonly string[]): string {
  const rest = rows.length > mostRows ? [`\nand ${rows.length - mostRows} more`] : [];
  const head = ["Merging does this, tried now without writing:", "", "| file | tag | what | digest |", "|---|---|---|---|"];
  return [...head, ...rows.slice(0, mostRows), ...rest].join("\n");
}
