import type { Command } from "./command.ts";
import { code, list } from "./command-errors.ts";
import { type CommandSpec, type Level, levels, type Place, type PullState } from "./command-spec.ts";
import { commands, formatCommand } from "./commands.ts";

/** What is known when a command is about to be carried out; asked for afresh then, not when the comment came. */
export interface CommandFacts {
  readonly place: Place;
  /** Of the pull request: `containers/hello`. */
  readonly repository: string;
  /** The registry-manifest repository. */
  readonly manifests: string;
  readonly state: PullState;
  readonly actor: string;
  readonly permission: { readonly here: Level; readonly manifests: Level };
  readonly pullAuthor: string;
  /** Head commit of the pull request, 40 hexadecimal digits. */
  readonly head: string;
  /** Somebody with write access wrote all of it: nothing in it needs to be approved before it runs. */
  readonly isTrustedPull: boolean;
  /** The newest `ok-to-test` of this pull request; counts for exactly that commit. */
  readonly approval?: { readonly sha: string };
}

export type RefusalCode =
  | "wrong-place"
  | "wrong-state"
  | "no-permission"
  | "head-not-approved"
  | "sha-missing"
  | "sha-short"
  | "sha-not-head";

export interface Refusal {
  readonly code: RefusalCode;
  /** Markdown, for the person who asked. */
  readonly says: string;
  /** "somebody with write access to `releng/manifests`"; undefined when nobody can, here or now. */
  readonly whoCan?: string;
  /** The exact line with which they do it. */
  readonly paste?: string;
}

export type MayRun = { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal };

/** Pure. `lead` is how the person writes commands: `/` or `/flibs `. */
export function mayRun(command: Command, facts: CommandFacts, lead = "/"): MayRun {
  const refusal = refuseUse(commands[command.verb], facts, formatCommand(command, lead), lead) ?? refuseCommit(command, facts, lead);
  return refusal === undefined ? { ok: true } : { ok: false, refusal };
}

/** For the help: may this person use the verb here, now or once the head is approved? */
export function mayUse(spec: CommandSpec, facts: CommandFacts): "now" | "once-approved" | "no" {
  const refusal = refuseUse(spec, facts, "", "/");
  if (refusal === undefined) return "now";
  return refusal.code === "head-not-approved" ? "once-approved" : "no";
}

/** Everything that does not depend on what stands behind the verb. */
function refuseUse(spec: CommandSpec, facts: CommandFacts, written: string, lead: string): Refusal | undefined {
  const verb = code(`${lead}${spec.verb}`);
  if (!spec.places.includes(facts.place)) {
    return { code: "wrong-place", says: `${verb} is for pull requests of ${list(spec.places.map((place) => nameOf(place, facts)))}.` };
  }
  if (!spec.states.includes(facts.state)) {
    return { code: "wrong-state", says: `${verb} is for ${list(spec.states)} pull requests; this one is ${facts.state}.` };
  }
  const { level, on, runsHead } = spec.need;
  const has = facts.permission[on];
  const isAllowed = levels.indexOf(has) >= levels.indexOf(level);
  const isAuthor = facts.state === "open" && facts.actor === facts.pullAuthor && spec.need.author !== "never";
  if (!isAllowed && !isAuthor) {
    const repository = code(on === "here" ? facts.repository : facts.manifests);
    return {
      code: "no-permission",
      says: `${verb} needs ${level} access to ${repository}; you have ${has === "none" ? "none" : `${has} access`}.`,
      whoCan: `somebody with ${level} access to ${repository}`,
      paste: written,
    };
  }
  if (runsHead && facts.state === "open" && !facts.isTrustedPull && facts.approval?.sha !== facts.head) {
    return notApproved(verb, facts, isAllowed, lead);
  }
  return undefined;
}

/**
 * A comment does not say which commit its author has seen, and another may have been pushed since. So not even somebody with write access
 * runs a stranger's commit by `build`: naming it is what `ok-to-test` is for.
 */
function notApproved(verb: string, facts: CommandFacts, isAllowed: boolean, lead: string): Refusal {
  const whoCan = approversOf(facts);
  const says = isAllowed
    ? `${verb} waits for an approval: this head comes from somebody without write access, and nobody has said yet that it was looked at. You may.`
    : `${verb} waits until ${whoCan} has looked at this head and approved it.`;
  return { code: "head-not-approved", says, whoCan, paste: approve(facts, lead) };
}

function refuseCommit(command: Command, facts: CommandFacts, lead: string): Refusal | undefined {
  if (command.verb !== "ok-to-test") return undefined;
  const answer = { whoCan: approversOf(facts), paste: approve(facts, lead) };
  if (command.sha === undefined) {
    return {
      code: "sha-missing",
      says: "An approval names the commit that was looked at, so that a push in the meantime is not approved with it.",
      ...answer,
    };
  }
  if (command.sha === facts.head) return undefined;
  // Two commits with the same first seven digits are made in a second: one to be looked at, one to be pushed afterwards.
  if (facts.head.startsWith(command.sha)) {
    return {
      code: "sha-short",
      says: `${code(command.sha)} may be the beginning of another commit's id, too, which whoever pushes can bring about; nothing was approved. Look at the head again, and name it with all ${facts.head.length} digits.`,
      ...answer,
    };
  }
  return {
    code: "sha-not-head",
    says: `${code(command.sha)} is not the head of this pull request, which may have moved on; nothing was approved. Look at the head again.`,
    ...answer,
  };
}

/** The whole commit: only that names one. */
function approve(facts: CommandFacts, lead: string): string {
  return formatCommand({ verb: "ok-to-test", sha: facts.head }, lead);
}

function approversOf(facts: CommandFacts): string {
  return `somebody with ${commands["ok-to-test"].need.level} access to ${code(facts.repository)}`;
}

function nameOf(place: Place, facts: CommandFacts): string {
  return place === "containers" ? "container repositories" : code(facts.manifests);
}
