import type { Verb } from "../../domain/verbs.ts";
import type { Command } from "./command.ts";
import type { CommandGrammar } from "./command-grammar.ts";
import type { ParsedLine } from "./command-line.ts";

/** Whose pull request it is: of a container repository, or of the registry-manifest repository. */
export type Place = "containers" | "manifests";

/** What a person may do in a repository, least first. Forges that know fewer leave some out. */
export const levels = ["none", "read", "triage", "write", "maintain", "admin"] as const;
export type Level = (typeof levels)[number];

export type PullState = "open" | "merged" | "closed";

/** Who may use a command. */
export interface Need {
  readonly level: Level;
  /** In the repository of the pull request, or in the registry-manifest repository. */
  readonly on: "here" | "manifests";
  /** May the author of an open pull request use it there without that level? */
  readonly author: "never" | "once-approved" | "always";
  /** Runs what stands in the pull request: of an open one only when it is trusted, or its head approved; for everybody. */
  readonly runsHead: boolean;
}

/** A command in one file: grammar, permission and help. */
export interface CommandSpec<Request extends Command = Command> extends CommandGrammar {
  readonly verb: Request["verb"];
  /** What it does, in a line without a full stop. */
  readonly summary: string;
  /** More of it for `/help <verb>`, in Markdown: what is left out, what follows. */
  readonly details: string;
  readonly places: readonly Place[];
  readonly states: readonly PullState[];
  readonly need: Need;
  /** Without the slash. */
  readonly examples: readonly string[];
  /** Pure, for every line that fits the grammar. */
  toRequest(parsed: ParsedLine): Request;
  /** The words behind the verb that are read as this request; quoted later. */
  toWords(command: Request): readonly string[];
}

export type CommandOf<V extends Verb> = Extract<Command, { verb: V }>;
