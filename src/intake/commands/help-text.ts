import type { Verb } from "../../domain/verbs.ts";
import { code, list } from "./command-errors.ts";
import { formatUsage } from "./command-grammar.ts";
import type { CommandSpec } from "./command-spec.ts";
import { commandList, commands, formatCommand } from "./commands.ts";
import { type CommandFacts, mayUse } from "./permission.ts";

/** How commands are written here. */
export interface HelpStyle {
  /** As the person who asks writes them: `/` or `/flibs `. */
  readonly lead: string;
  /** The other way, when both are understood. */
  readonly prefix?: string;
}

/** The answer to `/help`: only what this person may use in this pull request as it is now, and what an approval would open. Markdown. */
export function formatHelp(facts: CommandFacts, { lead, prefix }: HelpStyle): string {
  const usable = commandList.filter((spec) => mayUse(spec, facts) === "now");
  const waiting = commandList.filter((spec) => mayUse(spec, facts) === "once-approved").map((spec) => code(`${lead}${spec.verb}`));
  const approval = inCode(formatCommand({ verb: "ok-to-test", sha: facts.head }, lead));
  const who = `somebody with ${commands["ok-to-test"].need.level} access to ${code(facts.repository)}`;
  const both = prefix === undefined || lead !== "/" ? "" : ` ${code(`/${prefix} help`)} is the same as ${code("/help")}, and so for all.`;
  return [
    "**Commands that you may use in this pull request**",
    "",
    ...usable.map((spec) => `- ${inCode(usageOf(spec, lead))}: ${spec.summary}`),
    "",
    ...(waiting.length === 0 ? [] : [`Once ${who} has commented ${approval}: also ${list(waiting)}.`, ""]),
    `A command is a line of its own; code, quotes and lists are left alone. ${inCode(`${lead}help build`)} tells all about one.${both}`,
  ].join("\n");
}

/** The answer to `/help <verb>`: everything about one, whether or not this person may use it. Markdown. */
export function formatHelpAbout(verb: Verb, lead: string): string {
  const spec: CommandSpec = commands[verb];
  const parts = [
    ...spec.arguments.map(({ name, help }) => `- ${code(name)}: ${help}`),
    ...spec.options.map(({ name, help }) => `- ${code(`--${name}`)}: ${help}`),
  ];
  return [
    `${inCode(usageOf(spec, lead))}: ${spec.summary}. ${spec.details}`,
    "",
    ...(parts.length === 0 ? [] : [...parts, ""]),
    `Who: ${formatNeed(spec)}. Where: ${formatPlaces(spec)}.`,
    "",
    "```text",
    ...spec.examples.map((example) => `${lead}${example}`),
    "```",
  ].join("\n");
}

/** "write access to the repository, or the author once the head is approved" */
export function formatNeed({ need }: CommandSpec): string {
  if (need.level === "none") return "anybody";
  const access = `${need.level} access to ${need.on === "here" ? "the repository" : "the registry-manifest repository"}`;
  switch (need.author) {
    case "never":
      return access;
    case "always":
      return `${access}, or the author of the open pull request`;
    case "once-approved":
      return `${access}, or the author of the open pull request; a head from somebody without that access must be approved first`;
  }
}

/** "open and merged pull requests of container repositories" */
export function formatPlaces({ places, states }: CommandSpec): string {
  const names = places.map((place) => (place === "containers" ? "container repositories" : "the registry-manifest repository"));
  return `${states.length === 3 ? "all" : list(states)} pull requests of ${list(names)}`;
}

export function usageOf(spec: CommandSpec, lead: string): string {
  return `${lead}${spec.verb} ${formatUsage(spec)}`.trimEnd();
}

/** Our own words as code, however long. */
function inCode(text: string): string {
  return `\`${text}\``;
}
