import { appError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import { keysAt, type ParsedImageFile, sortFloating } from "./image-file.ts";
import { imagePath } from "./registry-manifest.ts";

/** Which floating tags move from which release to which. */
export interface RollbackPlan {
  readonly from: string;
  readonly to: string;
  readonly tags: readonly string[];
  /** Of `tags`, those that were never anywhere else, by the file's history. */
  readonly neverElsewhere: readonly string[];
  /** `to` was released after `from`: it goes forward. */
  readonly forward: boolean;
}

/** What the floating tags were, newest first. */
export type FloatingHistory = readonly Readonly<Record<string, string>>[];

/**
 * All floating tags at the release that users have (`latest`'s; without a `latest` the newest release that a tag points to) go to `to`. Without
 * `to` they go back: to the newest value in the history that was released before it, else to the release before it that is not withdrawn. So a
 * second roll-back goes further back, and never forward again. Pure. Throws `promotion.release-unknown`, `promotion.release-withdrawn` and
 * `promotion.nothing-to-roll-back`.
 */
export function planRollback(parsed: ParsedImageFile, history: FloatingHistory, wanted: string | undefined): RollbackPlan {
  const { floating = {}, withdrawn = {}, repository } = parsed.value;
  const order = keysAt(parsed, ["releases"]);
  const from = floating.latest ?? order.findLast((tag) => Object.values(floating).includes(tag));
  const file = imagePath(repository);
  const nothing = (why: string, hint: string) =>
    appError("promotion.nothing-to-roll-back", `${repository} is not rolled back: ${why}`, { file, hint });
  if (from === undefined) throw nothing("it has no floating tag", "Releases never move; point users to another tag");
  const tags = sortFloating(Object.keys(floating).filter((tag) => floating[tag] === from));
  const lead = tags.at(-1) ?? "latest";
  const older = order.slice(0, order.indexOf(from)).filter((tag) => withdrawn[tag] === undefined);
  const former = history.map((was) => was[lead]).find((tag) => tag !== undefined && older.includes(tag));
  const to = wanted ?? former ?? older.at(-1);
  if (to === undefined) throw nothing(`there is no release before ${from} to go back to`, "Withdraw the release when nobody may use it");
  if (!order.includes(to)) {
    const meant = nearest(to, order);
    const hint = meant === undefined ? `Releases are ${order.slice(-10).join(", ")}` : `Did you mean ${meant}?`;
    throw appError("promotion.release-unknown", `${repository} was never released as ${JSON.stringify(to.slice(0, 128))}`, { file, hint });
  }
  if (withdrawn[to]) {
    const hint = older.length === 0 ? "Build a new release" : `Use one of ${older.slice(-10).join(", ")}`;
    throw appError("promotion.release-withdrawn", `${repository}:${to} is withdrawn: ${withdrawn[to].reason}`, { file, hint });
  }
  if (to === from) throw nothing(`${tags.join(", ")} ${tags.length === 1 ? "points" : "point"} to ${to} already`, "Name another release");
  const neverElsewhere = tags.filter((tag) => history.every((was) => was[tag] === undefined || was[tag] === from));
  return { from, to, tags, neverElsewhere, forward: order.indexOf(to) > order.indexOf(from) };
}
