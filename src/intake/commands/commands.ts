import type { Verb } from "../../domain/verbs.ts";
import { build } from "./build.ts";
import { cancel } from "./cancel.ts";
import type { Command } from "./command.ts";
import type { CommandOf, CommandSpec, Level, Place } from "./command-spec.ts";
import { help } from "./help.ts";
import { quoteWord } from "./lex-line.ts";
import { okToTest } from "./ok-to-test.ts";
import { promote } from "./promote.ts";
import { rollback } from "./rollback.ts";
import { test } from "./test.ts";
import { unwaive, waive } from "./waive.ts";
import { withdraw } from "./withdraw.ts";

/** Every command, in the order of the help. Parser, permission check, help text and reference page read this table. */
export const commands: { readonly [V in Verb]: CommandSpec<CommandOf<V>> } = {
  build,
  test,
  cancel,
  "ok-to-test": okToTest,
  promote,
  rollback,
  withdraw,
  waive,
  unwaive,
  help,
};

export const commandList: readonly CommandSpec[] = Object.values(commands);

/** Verb, where it may be used, and the least permission: for the reference page and the tests of the check. */
export const permissionTable: readonly {
  readonly verb: Verb;
  readonly places: readonly Place[];
  readonly level: Level;
  readonly on: "here" | "manifests";
}[] = commandList.map(({ verb, places, need }) => ({ verb, places, level: need.level, on: need.on }));

/** The line that asks for this, ready to paste: `/build --arch amd64`. `lead` is `/`, or `/flibs ` with a prefix. */
export function formatCommand(command: Command, lead: string): string {
  // The spec is that of the command's own verb, which the compiler cannot follow through the table.
  const spec: CommandSpec = commands[command.verb];
  const isOption = (word: string) => spec.options.some(({ name }) => word === `--${name}`);
  return [`${lead}${command.verb}`, ...spec.toWords(command).map((word) => (isOption(word) ? word : quoteWord(word)))].join(" ");
}
