import { escapeCode } from "./escape.ts";
import type { Policy } from "./registry-manifest.ts";

/** What a new policy changes, a Markdown line each, what it takes away in bold; all of it when there was none that could be read. Pure. */
export function diffPolicy(before: Policy | undefined, after: Policy): readonly string[] {
  const routes = (policy: Policy | undefined) =>
    (policy?.routes ?? []).map((route) => `${route.match}: ${route.from} -> ${route.to.join(" ")}`);
  return [
    ...diffList("gate", before?.gates ?? [], after.gates),
    ...diffList("platform", before?.platforms.require ?? [], after.platforms.require),
    ...diffList("route", routes(before), routes(after)),
    ...diffOrder(routes(before), routes(after)),
    ...diffText("pattern of release tags", before?.tags.immutable, after.tags.immutable),
    ...diffText("patterns of floating tags", before?.tags.floating.join(" "), after.tags.floating.join(" ")),
    ...diffRegistries(before, after),
  ];
}

/** Must a release that production has already be planned anew? Gates and platforms are asked before the first tag only. Pure. */
export function reachesReleased(before: Policy | undefined, after: Policy): boolean {
  const part = (policy: Policy) => JSON.stringify([policy.routes, policy.tags, policy.registries]);
  return before === undefined || part(before) !== part(after);
}

function diffList(what: string, before: readonly string[], after: readonly string[]): readonly string[] {
  return [
    ...before.filter((one) => !after.includes(one)).map((one) => `**${what} ${escapeCode(one)} is taken away**`),
    ...after.filter((one) => !before.includes(one)).map((one) => `${what} ${escapeCode(one)} is added`),
  ];
}

/** The first route that matches counts, so their order is a rule too. */
function diffOrder(before: readonly string[], after: readonly string[]): readonly string[] {
  const [old, now] = [before.filter((one) => after.includes(one)), after.filter((one) => before.includes(one))];
  return old.join("\n") === now.join("\n") ? [] : ["**the routes stand in another order; the first match counts**"];
}

function diffText(what: string, before: string | undefined, after: string): readonly string[] {
  return before === after ? [] : [`${what}: ${escapeCode(before ?? "")} becomes ${escapeCode(after)}`];
}

function diffRegistries(before: Policy | undefined, after: Policy): readonly string[] {
  const names = [...new Set([...Object.keys(before?.registries ?? {}), ...Object.keys(after.registries)])].sort();
  const of = (policy: Policy | undefined, name: string) =>
    policy && Object.hasOwn(policy.registries, name) ? JSON.stringify(policy.registries[name]) : undefined;
  return names.flatMap((name) => {
    const [old, now] = [of(before, name), of(after, name)];
    if (old === now) return [];
    if (now === undefined) return [`**registry ${escapeCode(name)} is taken away**`];
    return [old === undefined ? `registry ${escapeCode(name)} is added` : `registry ${escapeCode(name)} is described anew`];
  });
}
