import type { ErrorReport } from "../../domain/errors.ts";
import { escapeText } from "../../promotion/escape.ts";
import type { Command } from "./command.ts";
import { type CommandProblem, code, formatProblem } from "./command-errors.ts";
import { formatCommand } from "./commands.ts";
import type { Refusal } from "./permission.ts";

/** What became of one line of a comment. */
export type Outcome = { readonly line: number } & (
  | {
      readonly kind: "accepted";
      readonly command: Command;
      /** Markdown of ours, one line; it needs no full stop: "build started", "proposed in releng/manifests #12". */
      readonly says: string;
      /** False while the work goes on. */
      readonly finished: boolean;
    }
  | { readonly kind: "refused"; readonly command: Command; readonly refusal: Refusal }
  /** Allowed and understood, but it could not be done. */
  | { readonly kind: "failed"; readonly command: Command; readonly error: ErrorReport }
  | { readonly kind: "error"; readonly problem: CommandProblem }
  | { readonly kind: "help"; readonly text: string }
);

/**
 * How much is said in comments; statuses and reactions tell the rest.
 * `quiet`: what the person has to act on, and what was asked for (refusals, errors, failures, help). `outcomes`: also what commands came to.
 * `all`: also that they were begun.
 */
export type Verbosity = "quiet" | "outcomes" | "all";

/**
 * The one reply to a comment, in the order of its lines; undefined when there is nothing to say. Made anew from all outcomes each time one
 * changes, so that it can be edited in place. Every command in it stands in code, so that none of it is ever read as one.
 */
export function formatAnswer(outcomes: readonly Outcome[], verbosity: Verbosity, lead = "/"): string | undefined {
  const told = outcomes.toSorted((a, b) => a.line - b.line).filter((outcome) => isTold(outcome, verbosity));
  return told.length === 0 ? undefined : told.map((outcome) => formatOutcome(outcome, lead)).join("\n\n");
}

function isTold(outcome: Outcome, verbosity: Verbosity): boolean {
  if (outcome.kind !== "accepted" || verbosity === "all") return true;
  return verbosity === "outcomes" && outcome.finished;
}

function formatOutcome(outcome: Outcome, lead: string): string {
  switch (outcome.kind) {
    case "accepted":
      return `${named(outcome.command, lead)}: ${sentence(outcome.says)}`;
    case "refused":
      return formatRefusal(outcome.command, outcome.refusal, lead);
    case "failed":
      return `${named(outcome.command, lead)} could not be carried out${formatFailure(outcome.error)}`;
    case "error":
      return formatProblem(outcome.problem);
    case "help":
      return outcome.text;
  }
}

function named(command: Command, lead: string): string {
  return `**${code(formatCommand(command, lead))}**`;
}

function formatRefusal(command: Command, { code: refused, says, whoCan, paste }: Refusal, lead: string): string {
  const more = `${code(`${lead}help ${command.verb}`)} tells who may use it, and where.`;
  if (paste === undefined) return `${says} ${more}`;
  const who = refused === "no-permission" && whoCan !== undefined ? ` It can be pasted by ${whoCan}:` : " The line to paste:";
  return `${says}${who}\n\n\`\`\`text\n${paste}\n\`\`\``;
}

/** What the operators must look at keeps its words for them. */
function formatFailure({ kind, code: error, message, hint }: ErrorReport): string {
  if (kind === "transient" || kind === "internal") return `. This is not your fault. Code: ${code(error)}.`;
  return `: ${[message, ...(hint === undefined ? [] : [hint])].map((text) => sentence(escapeText(text, 500))).join(" ")}`;
}

/** Messages have no full stop at their end, hints may be questions. */
function sentence(text: string): string {
  return /[.?!…]$/.test(text) ? text : `${text}.`;
}
