import type { Verb } from "../../domain/verbs.ts";

/**
 * Everything that can be wrong with how a command is written, in words for somebody who has never seen flibs. These are values: the author
 * of the comment is told, and nothing else happens. Who may do what is another matter: `permission.ts`.
 */
export type ProblemCode =
  | "comment-too-long"
  | "too-many-commands"
  | "line-too-long"
  | "unknown-command"
  | "unclosed-quote"
  | "lone-backslash"
  | "unknown-option"
  | "repeated-option"
  | "missing-value"
  | "invalid-value"
  | "missing-argument"
  | "extra-argument";

export interface CommandProblem {
  readonly code: ProblemCode;
  /** Markdown, one line; words of the comment stand in it as code. */
  readonly says: string;
  /** How the person writes commands: `/`, or `/flibs ` with the prefix. */
  readonly lead: string;
  /** What `/help` knows more about. */
  readonly about?: Verb;
  /** The line, and from where to where in it (exclusive) the fault is. */
  readonly place?: Place;
}

interface Place {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A line that was read as a command, and how far its verb goes. */
export interface WrittenCommand {
  readonly text: string;
  readonly lead: string;
  readonly verb: Verb;
}

type Span = Pick<Place, "start" | "end">;

export const commandErrors = {
  commentTooLong: (lead: string, most: number): CommandProblem => ({
    code: "comment-too-long",
    says: `The comment is longer than ${amount(most)} characters, so its commands were not carried out. Write them in a comment of their own.`,
    lead,
  }),

  tooManyCommands: (lead: string, count: number, most: number): CommandProblem => ({
    code: "too-many-commands",
    says: `The comment has ${amount(count)} commands, ${most} at once are allowed; none was carried out. Spread them over several comments.`,
    lead,
  }),

  lineTooLong: (lead: string, about: Verb, most: number): CommandProblem => ({
    code: "line-too-long",
    says: `The line with ${code(`${lead}${about}`)} is longer than ${amount(most)} characters. Keep to the command and its options.`,
    lead,
    about,
  }),

  unknownCommand: (place: Place, lead: string, meant: Verb | undefined): CommandProblem => ({
    code: "unknown-command",
    says: `${code(place.text.slice(place.start, place.end))} is no command.${didYouMean(meant && `${lead}${meant}`)}`,
    lead,
    place,
  }),

  unclosedQuote: (command: WrittenCommand, span: Span): CommandProblem =>
    at(
      command,
      span,
      "unclosed-quote",
      "A quote begins here and is never closed. Close it, or put a backslash before it if it is no quote.",
    ),

  loneBackslash: (command: WrittenCommand, span: Span): CommandProblem =>
    at(command, span, "lone-backslash", "A backslash makes the letter after it literal, but none follows. Leave it out, or write two."),

  unknownOption: (
    command: WrittenCommand,
    span: Span,
    facts: { readonly written: string; readonly meant: string | undefined; readonly options: readonly string[] },
  ): CommandProblem => {
    const others = facts.options.length === 0 ? " It takes no options." : ` It takes ${list(facts.options.map(code))}.`;
    const fix = facts.meant === undefined ? others : didYouMean(facts.meant);
    return at(command, span, "unknown-option", `${verbOf(command)} has no option ${code(facts.written)}.${fix}`);
  },

  repeatedOption: (command: WrittenCommand, span: Span, option: string): CommandProblem =>
    at(command, span, "repeated-option", `${code(option)} is given twice. Give it once.`),

  missingValue: (command: WrittenCommand, span: Span, option: string, expected: string): CommandProblem =>
    at(command, span, "missing-value", `${code(option)} needs a value: ${expected}.`),

  invalidValue: (
    command: WrittenCommand,
    span: Span,
    facts: { readonly name: string; readonly written: string; readonly expected: string; readonly meant: string | undefined },
  ): CommandProblem =>
    at(
      command,
      span,
      "invalid-value",
      `${code(facts.name)} must be ${facts.expected}; ${code(facts.written)} is not.${didYouMean(facts.meant)}`,
    ),

  missingArgument: (command: WrittenCommand, name: string, expected: string): CommandProblem =>
    at(
      command,
      { start: command.text.length + 1, end: command.text.length + 2 },
      "missing-argument",
      `${verbOf(command)} needs ${code(name)}: ${expected}.`,
    ),

  extraArgument: (command: WrittenCommand, span: Span, names: readonly string[]): CommandProblem => {
    const takes = names.length === 0 ? "takes nothing but options" : `takes no more than ${list(names.map(code))}`;
    return at(command, span, "extra-argument", `${verbOf(command)} ${takes}. A command stands on a line of its own, without other text.`);
  },
} as const;

function at(command: WrittenCommand, span: Span, problem: ProblemCode, says: string): CommandProblem {
  return { code: problem, says, lead: command.lead, about: command.verb, place: { text: command.text, start: span.start, end: span.end } };
}

/** What is wrong, where, and where to read more. */
export function formatProblem(problem: CommandProblem): string {
  const help = problem.about === undefined ? `${problem.lead}help` : `${problem.lead}help ${problem.about}`;
  const more = problem.about === undefined ? `${code(help)} lists the commands.` : `${code(help)} tells how it is written.`;
  if (problem.place === undefined) return `${problem.says} ${more}`;
  return `${problem.says}\n\n${formatPlace(problem.place)}\n\n${more}`;
}

const widest = 100;
const before = 60;

/** The line with carets below the fault, in a block of code that it cannot end. Of a long line, the part with the fault. */
function formatPlace({ text, start, end }: Place): string {
  const cells = (part: string) => [...part].map((letter) => (/\s/.test(letter) ? " " : invisible.test(letter) ? "?" : letter));
  const left = cells(text.slice(0, start).padEnd(start));
  const fault = cells(text.slice(start, end).padEnd(end - start)).slice(0, widest);
  const right = cells(text.slice(end));
  const from = left.length > before ? left.length - before : 0;
  const shownLeft = [...(from > 0 ? ["…"] : []), ...left.slice(from)];
  const line = [...shownLeft, ...fault, ...right];
  const shown = line.length > widest + before ? [...line.slice(0, widest + before), "…"] : line;
  const carets = `${" ".repeat(shownLeft.length)}${"^".repeat(Math.max(1, fault.length))}`;
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map((match) => match[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${shown.join("").trimEnd()}\n${carets}\n${fence}`;
}

/** Control and format characters and lone surrogates: they would hide or turn what stands around them. */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Words of the comment as inline code that they cannot end. */
export function code(text: string): string {
  const letters = [...text].map((letter) => (/\s/.test(letter) ? " " : invisible.test(letter) ? "?" : letter === "`" ? "'" : letter));
  const shown = letters.length > 60 ? `${letters.slice(0, 59).join("")}…` : letters.join("");
  return shown.trim() === "" ? "`''`" : `\`${shown}\``;
}

function verbOf(command: WrittenCommand): string {
  return code(`${command.lead}${command.verb}`);
}

function didYouMean(meant: string | undefined): string {
  return meant === undefined ? "" : ` Did you mean ${code(meant)}?`;
}

/** `a`, `a` and `b`, `a`, `b` and `c`. */
export function list(words: readonly string[], last = "and"): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

function amount(count: number): string {
  return count.toLocaleString("en");
}
