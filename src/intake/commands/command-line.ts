import { nearest } from "../../domain/nearest.ts";
import { type CommandProblem, commandErrors, type WrittenCommand } from "./command-errors.ts";
import {
  type ArgumentSpec,
  type CommandGrammar,
  expectedOf,
  type OptionSpec,
  readValue,
  type Value,
  type ValueKind,
} from "./command-grammar.ts";
import { lexLine, type Word } from "./lex-line.ts";

/** What was given, by the names of options and arguments. */
export interface ParsedLine {
  flag(name: string): boolean;
  /** In the order written, each once; empty when the option was not given. */
  list(name: string): readonly string[];
  word(name: string): string | undefined;
  integer(name: string): number | undefined;
}

export type LineOutcome = { readonly ok: true; readonly parsed: ParsedLine } | { readonly ok: false; readonly problem: CommandProblem };

/**
 * The words after the verb, from `start` on: `--flag`, `--name value`, `--name=value` and `name=value`, the rest arguments by their place;
 * after a bare `--` all are arguments. The first thing that is wrong is told. Time is linear in the line.
 */
export function parseLine(command: WrittenCommand, start: number, grammar: CommandGrammar): LineOutcome {
  const lexed = lexLine(command.text.slice(start));
  if (!lexed.ok) {
    const span = { start: lexed.start + start, end: lexed.end + start };
    return wrong(
      lexed.fault === "unclosed-quote" ? commandErrors.unclosedQuote(command, span) : commandErrors.loneBackslash(command, span),
    );
  }
  const words = lexed.words.map((word) => ({ ...word, start: word.start + start, end: word.end + start }));
  const given: Given = new Map();
  let taken = 0;
  let optionsEnded = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] as Word;
    if (!optionsEnded && word.text === "--" && word.bare === 2) {
      optionsEnded = true;
      continue;
    }
    // In a sentence a word with an equals sign is a word.
    const isText = grammar.arguments[Math.min(taken, grammar.arguments.length - 1)]?.rest === true && !dashes.test(word.text);
    const written = optionsEnded || isText ? undefined : findOption(word, grammar);
    if (written === undefined) {
      const argument = grammar.arguments[Math.min(taken, grammar.arguments.length - 1)];
      const isMore = taken >= grammar.arguments.length;
      taken += 1;
      const names = grammar.arguments.map(({ name }) => name);
      const isTaken = argument && (!isMore || argument.rest === true);
      const problem = isTaken ? readArgument(command, word, argument, given) : commandErrors.extraArgument(command, word, names);
      if (problem) return wrong(problem);
      continue;
    }
    const next = words[at + 1];
    const value = valueBehind(written, next);
    if (value !== undefined && value === next) at += 1;
    const problem = readOption(command, word, written, value, grammar, given);
    if (problem) return wrong(problem);
  }
  const missing = grammar.arguments.find(({ name, required }) => required && !given.has(name));
  if (missing) return wrong(commandErrors.missingArgument(command, missing.name, expectedOf(missing.value)));
  return { ok: true, parsed: parsedOf(given) };
}

type Given = Map<string, boolean | Value | readonly string[]>;

/** A word that is written as an option. */
interface WrittenOption {
  /** As the person named it: `--arch`. */
  readonly written: string;
  readonly name: string;
  /** Undefined when the command has no such option. */
  readonly option: OptionSpec | undefined;
  /** What stands behind `=`. */
  readonly inline: string | undefined;
}

/** Editors make one long dash of two. */
const dashes = /^(?:--?|[\u2013\u2014])(?=.)/u;

function findOption(word: Word, grammar: CommandGrammar): WrittenOption | undefined {
  const equals = word.text.slice(0, word.bare).indexOf("=");
  const end = equals < 0 ? word.text.length : equals;
  const name = word.text.slice(0, end).replace(dashes, "");
  const dashed = name.length < end;
  if (end > word.bare || name === "" || (!dashed && equals < 0)) return undefined;
  const isLong = word.text.startsWith("--") || !dashed;
  return {
    written: word.text.slice(0, end),
    name,
    option: isLong ? grammar.options.find((option) => option.name === name) : undefined,
    inline: equals < 0 ? undefined : word.text.slice(equals + 1),
  };
}

/** The text behind `=`, or the next word unless that is an option; undefined for a flag and when there is none. */
function valueBehind({ option, inline }: WrittenOption, next: Word | undefined): string | Word | undefined {
  if (inline !== undefined) return inline;
  if (option === undefined || option.value.kind === "flag" || next === undefined) return undefined;
  return next.bare >= 2 && next.text.startsWith("--") ? undefined : next;
}

function readOption(
  command: WrittenCommand,
  word: Word,
  { written, name, option }: WrittenOption,
  value: string | Word | undefined,
  grammar: CommandGrammar,
  given: Given,
): CommandProblem | undefined {
  if (option === undefined) {
    const names = grammar.options.map((one) => one.name);
    const near = nearest(name, names, name.length < 5 ? 1 : 2);
    const meant = near && `--${near}`;
    return commandErrors.unknownOption(command, word, { written, meant, options: names.map((one) => `--${one}`) });
  }
  const { value: kind } = option;
  if (given.has(name) && kind.kind !== "list") return commandErrors.repeatedOption(command, word, `--${name}`);
  if (kind.kind === "flag" && value === undefined) {
    given.set(name, true);
    return undefined;
  }
  const text = typeof value === "object" ? value.text : value;
  const span = typeof value === "object" ? value : word;
  if (text === undefined || text === "") return commandErrors.missingValue(command, word, `--${name}`, expectedOf(kind));
  if (kind.kind === "flag") {
    if (text !== "true" && text !== "false") return invalid(command, span, `--${name}`, text, kind);
    given.set(name, text === "true");
    return undefined;
  }
  if (kind.kind !== "list") return readInto(command, span, `--${name}`, name, text, kind, given);
  const before = given.get(name);
  const values = new Set(Array.isArray(before) ? before : []);
  for (const item of text.split(",")) {
    const read = readValue(kind.of, item);
    if (read === undefined) return invalid(command, span, `--${name}`, item, kind);
    values.add(String(read));
  }
  given.set(name, [...values]);
  return undefined;
}

function readArgument(command: WrittenCommand, word: Word, argument: ArgumentSpec, given: Given): CommandProblem | undefined {
  const before = given.get(argument.name);
  const text = before === undefined ? word.text : `${String(before)} ${word.text}`;
  return readInto(command, word, argument.name, argument.name, text, argument.value, given);
}

function readInto(
  command: WrittenCommand,
  span: Word,
  shown: string,
  name: string,
  text: string,
  kind: ValueKind,
  given: Given,
): CommandProblem | undefined {
  const value = readValue(kind, text);
  if (value === undefined) return invalid(command, span, shown, text, kind);
  given.set(name, value);
  return undefined;
}

function invalid(command: WrittenCommand, span: Word, name: string, written: string, kind: OptionSpec["value"]): CommandProblem {
  const single = kind.kind === "list" ? kind.of : kind;
  const known = single.kind === "word" ? (single.known ?? []) : [];
  const meant = nearest(written, known, written.length < 5 ? 1 : 2);
  return commandErrors.invalidValue(command, span, { name, written, expected: expectedOf(kind), meant });
}

function parsedOf(given: Given): ParsedLine {
  return {
    flag: (name) => given.get(name) === true,
    list: (name) => {
      const value = given.get(name);
      return Array.isArray(value) ? value : [];
    },
    word: (name) => {
      const value = given.get(name);
      return typeof value === "string" ? value : undefined;
    },
    integer: (name) => {
      const value = given.get(name);
      return typeof value === "number" ? value : undefined;
    },
  };
}

function wrong(problem: CommandProblem): LineOutcome {
  return { ok: false, problem };
}
