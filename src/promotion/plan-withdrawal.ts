import { appError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import { keysAt, type ParsedImageFile, sortFloating } from "./image-file.ts";
import type { FloatingHistory } from "./plan-rollback.ts";
import { imagePath } from "./registry-manifest.ts";

/** A release that nobody shall use any more, as somebody asked for it. */
export interface Withdrawal {
  readonly release: string;
  readonly reason: string;
  readonly by: string;
  readonly removeTag: boolean;
  /** Where floating tags that point to it go; undefined = where users were before. */
  readonly to?: string | undefined;
}

export interface WithdrawalPlan {
  readonly withdrawn: readonly Withdrawal[];
  /** Floating tags that go to another release. */
  readonly moves: readonly { readonly tag: string; readonly from: string; readonly to: string }[];
  /** Floating tags that have nowhere to go and leave the file. */
  readonly dropped: readonly { readonly tag: string; readonly from: string }[];
}

/**
 * No floating tag may stay at a withdrawn release (CK8), so each one there goes to the release that was named, else to the newest one that it
 * pointed to before and that is still good. `latest` may also go to the release before; another tag (a version) would then call an image by a
 * name that is not its own, so it leaves the file. Pure. Throws `promotion.release-unknown`, `promotion.already-withdrawn` and
 * `promotion.release-withdrawn`.
 */
export function planWithdrawal(parsed: ParsedImageFile, history: FloatingHistory, wanted: readonly Withdrawal[]): WithdrawalPlan {
  const { floating = {}, withdrawn = {}, repository } = parsed.value;
  const order = keysAt(parsed, ["releases"]);
  const bad = new Set([...Object.keys(withdrawn), ...wanted.map((one) => one.release)]);
  for (const { release, to } of wanted) {
    demandReleased(repository, order, release);
    if (withdrawn[release]) {
      const message = `${repository}:${release} is withdrawn already: ${withdrawn[release].reason}`;
      throw appError("promotion.already-withdrawn", message, { file: imagePath(repository), hint: "There is nothing to do" });
    }
    if (to === undefined) continue;
    demandReleased(repository, order, to);
    if (bad.has(to)) {
      const hint = `Use one of ${
        order
          .filter((tag) => !bad.has(tag))
          .slice(-10)
          .join(", ") || "the releases to come"
      }`;
      throw appError("promotion.release-withdrawn", `${repository}:${to} is withdrawn, too`, { file: imagePath(repository), hint });
    }
  }
  const moves: { tag: string; from: string; to: string }[] = [];
  const dropped: { tag: string; from: string }[] = [];
  for (const tag of sortFloating(Object.keys(floating))) {
    const from = floating[tag] ?? "";
    const asked = wanted.find((one) => one.release === from);
    if (!asked) continue;
    const older = order.slice(0, order.indexOf(from)).filter((one) => !bad.has(one));
    const former = history.map((was) => was[tag]).find((one) => one !== undefined && older.includes(one));
    const to = asked.to ?? former ?? (tag === "latest" ? older.at(-1) : undefined);
    if (to === undefined) dropped.push({ tag, from });
    else moves.push({ tag, from, to });
  }
  return { withdrawn: wanted, moves, dropped };
}

function demandReleased(repository: string, order: readonly string[], tag: string): void {
  if (order.includes(tag)) return;
  const meant = nearest(tag, order);
  const hint = meant === undefined ? `Releases are ${order.slice(-10).join(", ")}` : `Did you mean ${meant}?`;
  const file = imagePath(repository);
  throw appError("promotion.release-unknown", `${repository} was never released as ${JSON.stringify(tag.slice(0, 128))}`, { file, hint });
}
