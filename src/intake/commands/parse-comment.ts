import { nearest } from "../../domain/nearest.ts";
import { isVerb, type Verb, verbs } from "../../domain/verbs.ts";
import type { Command } from "./command.ts";
import { type CommandProblem, commandErrors, type WrittenCommand } from "./command-errors.ts";
import { parseLine } from "./command-line.ts";
import { commands } from "./commands.ts";
import { findSlashLines, type SlashLine } from "./find-commands.ts";

export interface CommentSettings {
  /** A word such as `flibs`, lower case and no verb of ours: then `/flibs build` is understood beside `/build`. */
  readonly prefix?: string;
  /** `/build` without the prefix is left to other bots. Means nothing when there is no prefix. */
  readonly prefixOnly?: boolean;
}

/** In the order of the comment. */
export interface ParsedComment {
  readonly commands: readonly FoundCommand[];
  readonly problems: readonly FoundProblem[];
}

export interface FoundCommand {
  readonly command: Command;
  /** In the comment, from 1. */
  readonly line: number;
  /** As written. */
  readonly text: string;
  /** How the person writes commands: `/` or `/flibs `. */
  readonly lead: string;
}

export interface FoundProblem {
  readonly problem: CommandProblem;
  readonly line: number;
}

/** Characters; GitHub's own limit. */
const longestComment = 65_536;
const longestLine = 1000;
const mostCommands = 10;

/**
 * What a comment asks flibs for. Never throws: what is wrong is a value. A line with a fault does not keep the others from being carried out,
 * too many lines do. Slash words that are none of ours are left to other bots in silence; only what is nearly one of ours is answered.
 */
export function parseComment(comment: string, settings: CommentSettings): ParsedComment {
  const lead = leadOf(settings);
  if (comment.length > longestComment) return tooLong(comment, settings);
  const found = findSlashLines(comment).flatMap((line) => readLine(line, settings) ?? []);
  if (found.length > mostCommands) {
    const line = found[0]?.line ?? 1;
    return { commands: [], problems: [{ line, problem: commandErrors.tooManyCommands(lead, found.length, mostCommands) }] };
  }
  return {
    commands: found.filter((one) => "command" in one),
    problems: found.filter((one) => "problem" in one),
  };
}

/** How commands are shown to people: `/build`, or `/flibs build` where that is the only way. */
export function leadOf({ prefix, prefixOnly }: CommentSettings): string {
  return prefix !== undefined && prefixOnly === true ? `/${prefix} ` : "/";
}

/** Told only when something in it looks like a command of ours: other people's long comments are not flibs' business. */
function tooLong(comment: string, settings: CommentSettings): ParsedComment {
  for (const [written] of comment.matchAll(/^[ \t]*\/[^\r\n]{1,100}/gm)) {
    const verb = recognize(written.trim(), settings)?.verb;
    if (verb === undefined) continue;
    return { commands: [], problems: [{ line: 1, problem: commandErrors.commentTooLong(leadOf(settings), longestComment) }] };
  }
  return { commands: [], problems: [] };
}

function readLine({ text, line }: SlashLine, settings: CommentSettings): FoundCommand | FoundProblem | undefined {
  const start = recognize(text, settings);
  if (start === undefined) return undefined;
  const { lead, verb, end } = start;
  if (verb === undefined) {
    const meant = nearMiss(text, start);
    if (meant === undefined && lead === "/") return undefined;
    return { line, problem: commandErrors.unknownCommand({ text, start: 0, end }, lead, meant) };
  }
  if (text.length > longestLine) return { line, problem: commandErrors.lineTooLong(lead, verb, longestLine) };
  const outcome = parseLine({ text, lead, verb }, end, commands[verb]);
  if (!outcome.ok) return { line, problem: outcome.problem };
  return { line, text, lead, command: commands[verb].toRequest(outcome.parsed) };
}

/** How a line begins. */
interface Beginning {
  readonly lead: string;
  readonly written: string;
  /** Undefined when the word is none of ours. */
  readonly verb: Verb | undefined;
  /** Where the arguments begin. */
  readonly end: number;
}

/** Capital letters count as small ones: telephones begin a line with them. */
function recognize(text: string, { prefix, prefixOnly }: CommentSettings): Beginning | undefined {
  const [bare = "", first = "", gap = "", second = ""] = /^\/(\S+)(\s*)(\S*)/.exec(text) ?? [];
  const written = first.toLowerCase();
  if (prefix !== undefined && written === prefix) {
    // The prefix alone asks what there is.
    const word = second === "" ? "help" : second.toLowerCase();
    return { lead: `/${prefix} `, written: word, verb: isVerb(word) ? word : undefined, end: bare.length };
  }
  if (prefix !== undefined && prefixOnly === true) return undefined;
  return { lead: "/", written, verb: isVerb(written) ? written : undefined, end: bare.length - gap.length - second.length };
}

/**
 * With the prefix the line is meant for us. Without it, it may be a path in a sentence or another bot's command: then only one letter may be
 * wrong in a verb of five or more, and the rest of the line must fit that verb. `/tests` and `/rest` stay unanswered.
 */
function nearMiss(text: string, { lead, written, end }: Beginning): Verb | undefined {
  if (lead !== "/") return nearest(written, verbs, written.length < 5 ? 1 : 2);
  const meant = nearest(
    written,
    verbs.filter((verb) => verb.length >= 5),
    1,
  );
  if (meant === undefined || text.length > longestLine) return undefined;
  const command: WrittenCommand = { text, lead, verb: meant };
  return parseLine(command, end, commands[meant]).ok ? meant : undefined;
}
