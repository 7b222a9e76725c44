import { type Fault, formatFault } from "./fault.ts";
import type { ParsedImageFile } from "./image-file.ts";
import type { Route } from "./registry-manifest.ts";
import { isBad, type TagPlan } from "./tag-plan.ts";

const checkOf: Partial<Record<TagPlan["action"], string>> = { lost: "CK3", "tag-move": "CK2", drift: "RL7" };
const fixOf: Partial<Record<TagPlan["action"], string>> = {
  lost: "write the digest of a build that exists",
  "tag-move": "write the digest that the tag has, and release the other as a new tag",
  drift: "find out who moved it; bring what it stands at into releases, or move the tag back",
  refused: "mend its release",
};

/** What a plan is called among others: its file, with the destination where there are several. Pure. */
export function planName(path: string, route: Route, routes: readonly Route[]): string {
  return routes.length === 1 ? path : `${path} to ${route.to}`;
}

/** Several destinations say the same of what is wrong at the source. Pure. */
export function onceEach(faults: readonly Fault[]): readonly Fault[] {
  return [...new Map(faults.map((fault) => [formatFault(fault), fault])).values()];
}

/** What a release would refuse to do, with the line where it is asked for. Pure. */
export function planFaults(
  path: string,
  parsed: ParsedImageFile,
  plan: readonly TagPlan[],
  refusals: ReadonlyMap<string, readonly { check: string; message: string; fix: string }[]>,
): readonly Fault[] {
  return plan.flatMap((one): readonly Fault[] => {
    if (one.class === "child" && one.action === "refused") {
      const line = parsed.lineOf(["releases", one.release]);
      const fix = "give the release or the other tag another name";
      return [{ check: "CK9", file: path, ...(line === undefined ? {} : { line }), message: one.message ?? one.action, fix }];
    }
    const line = parsed.lineOf(one.class === "floating" ? ["floating", one.tag] : ["releases", one.release, "digest"]);
    const at = { file: path, ...(line === undefined ? {} : { line }) };
    const reasons = one.class === "immutable" ? refusals.get(one.tag) : undefined;
    if (reasons && (one.action === "refused" || one.action === "lost")) return reasons.map((reason) => ({ ...reason, ...at }));
    // A floating tag that waits for its release has that release's fault already.
    if (!isBad(one.action) || (["refused", "lost"].includes(one.action) && one.class === "floating")) return [];
    return [{ check: checkOf[one.action] ?? "CK7", ...at, message: one.message ?? one.action, fix: fixOf[one.action] ?? "mend it" }];
  });
}
