import { removedReleases } from "./check-image-file.ts";
import { checkTexts, type ImageText } from "./check-texts.ts";
import { escapeCode } from "./escape.ts";
import type { Fault } from "./fault.ts";
import { type ChangeToCheck, findChanges } from "./find-changes.ts";
import type { ParsedImageFile } from "./image-file.ts";
import { onceEach, planFaults, planName } from "./plan-faults.ts";
import { planRelease } from "./plan-release.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ImageFile } from "./registry-manifest.ts";
import { readReleaseFacts } from "./release-facts.ts";
import { mergedBefore } from "./released-before.ts";
import type { TagPlan } from "./tag-plan.ts";
import { type PolicyTrial, tryPolicy } from "./try-policy.ts";

export interface ChangeCheck {
  readonly faults: readonly Fault[];
  /** By file, and destination where a file has several: see `planName`. */
  readonly plans: ReadonlyMap<string, readonly TagPlan[]>;
  /** Changed files that no release reads. */
  readonly ignored: readonly string[];
  /** What is allowed and yet must not be missed; Markdown lines. */
  readonly notices: readonly string[];
  /** Releases that go out of their files, by a revert when there are no faults. */
  readonly removed: readonly string[];
  /** When the policy is changed and no image file. */
  readonly policy?: PolicyTrial;
}

/** Each costs questions to registries, and anybody may open a pull request. */
const mostAdded = 1000;

/** All faults of a change, and for each image file in order what its release would do. Writes nothing. */
export async function checkChange(ports: PromotionPorts, change: ChangeToCheck): Promise<ChangeCheck> {
  const { changed, faults: behind } = await findChanges(ports, change);
  const { repository, head, baseHead } = change;
  const texts = await checkTexts(ports, { repository, head, baseHead, changed });
  const { ignored } = texts;
  const faults: Fault[] = [...behind, ...texts.faults];
  const plans = new Map<string, readonly TagPlan[]>();
  if (texts.policy) {
    const policy = await tryPolicy(ports, change, texts.policy);
    return { faults: [...faults, ...policy.faults], plans, ignored, notices: [], removed: [], policy };
  }
  const added = texts.images.reduce((sum, image) => sum + countAdded(image), 0);
  if (added > mostAdded) {
    const fix = `add at most ${mostAdded} at once`;
    faults.push({ check: "CK1", file: texts.images[0]?.path ?? "", message: `${added} tags are added`, fix });
    return { faults, plans, ignored, notices: [], removed: [] };
  }
  for (const image of texts.images) {
    const found = await checkImage(ports, baseHead, image);
    faults.push(...found.faults);
    for (const [name, plan] of found.plans) plans.set(name, plan);
  }
  const notices = texts.images.flatMap(({ path, base, head: now }) => (base ? noticesOf(path, base, now.parsed) : []));
  return { faults, plans, ignored, notices, removed: texts.images.flatMap((image) => image.removed) };
}

/** Tags that main's file does not have. */
function countAdded({ base, head }: ImageText): number {
  const tagsOf = ({ releases, floating = {} }: ImageFile) => [...Object.keys(releases), ...Object.keys(floating)];
  const known = new Set(base ? tagsOf(base.value) : []);
  return tagsOf(head.parsed.value).filter((tag) => !known.has(tag)).length;
}

async function checkImage(ports: PromotionPorts, baseHead: string, { path, base, head, moved }: ImageText) {
  const { parsed, policy, routes } = head;
  const faults: Fault[] = [];
  const plans = new Map<string, readonly TagPlan[]>();
  for (const route of routes) {
    const wasChecked = mergedBefore(ports, { registry: route.to, repository: parsed.value.repository }, base?.value);
    const facts = await readReleaseFacts(ports, baseHead, parsed, policy, route, { wasChecked });
    const plan = planRelease(parsed.value, facts);
    plans.set(planName(path, route, routes), plan);
    // What git alone shows to be a move needs not be told again by production.
    const told = moved.length > 0 ? plan.filter((one) => one.action !== "tag-move") : plan;
    faults.push(...planFaults(path, parsed, told, facts.refusals));
  }
  return { plans, faults: onceEach(faults) };
}

/** What goes out of a file goes out of nobody's registry; what a withdrawal took away comes back. */
function noticesOf(path: string, base: ParsedImageFile, head: ParsedImageFile): readonly string[] {
  const now = head.value;
  const floating = Object.keys(base.value.floating ?? {}).filter((tag) => now.floating?.[tag] === undefined);
  const gone = [...removedReleases(base, head), ...floating.filter((tag) => now.releases[tag] === undefined)];
  const back = Object.keys(base.value.withdrawn ?? {}).filter((tag) => now.releases[tag] && now.withdrawn?.[tag] === undefined);
  const names = (tags: readonly string[]) =>
    tags
      .slice(0, 20)
      .map((tag) => escapeCode(tag))
      .join(", ");
  return [
    ...(gone.length === 0
      ? []
      : [
          `${escapeCode(path, 300)} no longer speaks of ${names(gone)}: what production has under ${gone.length === 1 ? "this name" : "these names"} stays as it is, unmanaged. Nothing is deleted; to stop the use of a release, keep it and add it to ${escapeCode("withdrawn")}.`,
        ]),
    ...(back.length === 0 ? [] : [`**${escapeCode(path, 300)} no longer withdraws ${names(back)}: it is signed and tagged again.**`]),
  ];
}
