import { join } from "node:path";
import { z } from "zod";
import { createProgram, everyCommand, type Surroundings } from "../src/cli/program.ts";
import { formatSettingsPage, settingsSchema } from "../src/config-explain.ts";
import { ContainerYaml } from "../src/distgit/container-yaml.ts";
import { ContentSets } from "../src/distgit/content-sets.ts";
import { TestCommands } from "../src/distgit/test-commands.ts";
import { errorCatalogue } from "../src/domain/errors.ts";
import { StructureFile } from "../src/gating/structure-file.ts";
import { PromotionRecord } from "../src/promotion/promotion-record.ts";
import { formatCheckedRows, readNamedTests } from "./checked-rows.ts";
import { formatCommentCommandsPage } from "./comment-commands-page.ts";

/** Every generated file: path from the repository's root to whole text. `npm run generate` writes them, a test compares them. */
export function referencePages(): Readonly<Record<string, string>> {
  return {
    "docs/checked-rows.md": formatCheckedRows(readNamedTests(join(import.meta.dirname, ".."))),
    "docs/reference/settings.md": formatSettingsPage(),
    "docs/reference/errors.md": formatErrorsPage(),
    "docs/reference/commands.md": formatCommandsPage(),
    "docs/reference/commands-in-comments.md": formatCommentCommandsPage(),
    "schemas/settings.json": formatSchema(settingsSchema()),
    "schemas/container-yaml.json": formatSchema(z.toJSONSchema(ContainerYaml, { io: "input" })),
    "schemas/content-sets.json": formatSchema(z.toJSONSchema(ContentSets, { io: "input" })),
    "schemas/test-commands.json": formatSchema(z.toJSONSchema(TestCommands, { io: "input" })),
    "schemas/structure-tests.json": formatSchema(z.toJSONSchema(StructureFile, { io: "input" })),
    "schemas/promotion-record.json": formatSchema(z.toJSONSchema(PromotionRecord, { io: "input" })),
  };
}

/** For editors: completion and red lines while a person types, by the same schema that lint reads with. */
function formatSchema(schema: object): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function formatErrorsPage(): string {
  const rows = Object.entries(errorCatalogue)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { kind, meaning }]) => `| \`${code}\` | ${kind} | ${meaning.replaceAll("|", "\\|")} |`);
  return [
    "# Errors",
    "",
    "Made from `src/domain/errors.ts`; do not edit. The kind says who has to act: `input` the maintainer, `denied` somebody who may, `stale` nobody,",
    "`transient` flibs itself tries again, `internal` an operator looks at the run.",
    "",
    "| code | kind | meaning |",
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function formatCommandsPage(): string {
  // Help does not touch its surroundings.
  const program = createProgram({ terminal: {}, version: "" } as unknown as Surroundings, () => {});
  const sections = [program, ...everyCommand(program)].map((command) => {
    const names: string[] = [];
    for (let at: typeof command | null = command; at; at = at.parent) names.unshift(at.name());
    return [`## ${names.join(" ")}`, "", "```", command.createHelp().formatHelp(command, command.createHelp()).trimEnd(), "```", ""].join(
      "\n",
    );
  });
  return ["# Commands", "", "Made from the commands' own help; do not edit.", "", ...sections].join("\n");
}
