import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readTestStructure } from "../../src/distgit/test-structure.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

export const structurePage = join(import.meta.dirname, "../../docs/structure-tests.md");

/** One example of docs/structure-tests.md. */
export interface StructureExample {
  /** For people: field and example, on one line. */
  readonly name: string;
  /** As in the schema: `commandTests[].setup`. */
  readonly field: string;
  readonly expected: "pass" | "fail" | "refused";
  readonly image: "full" | "empty";
  /** A whole file. */
  readonly text: string;
}

const wholeFiles = ["The file", "containerRunOptions"];

/** Every example of the page's tables, in their order. Throws for a row or cell of another form: nothing on the page may go unread. */
export function readStructureExamples(page = readFileSync(structurePage, "utf8")): readonly StructureExample[] {
  const examples: StructureExample[] = [];
  let section = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("#")) section = /^### (.+)$/.exec(line)?.[1] ?? "";
    if (section === "" || !line.startsWith("| `")) continue;
    const [, name, passes, fails, ...rest] = /^\| `([^`]+)` \| [^|]+ \| ([^|]+) \| ([^|]+) \|$/.exec(line) ?? [];
    if (name === undefined || passes === undefined || fails === undefined || rest.length > 0) throw new Error(`no row of four: ${line}`);
    const field = fieldOf(section, name);
    for (const cell of passes.split("<br>")) examples.push(exampleOf(section, field, cell, "pass"));
    for (const cell of fails.split("<br>")) examples.push(exampleOf(section, field, cell, "fail"));
  }
  return examples;
}

function fieldOf(section: string, name: string): string {
  if (section === "The file") return name;
  return `${section}${section.endsWith("Tests") ? "[]" : ""}.${name}`;
}

function exampleOf(section: string, field: string, cell: string, column: "pass" | "fail"): StructureExample {
  const [, mark, code] = /^(Refused: |In an empty image: )?`(.+)`$/.exec(cell) ?? [];
  if (code === undefined) throw new Error(`no example: ${cell}`);
  const entry = section === "metadataTest" ? code : `[${code}]`;
  const text = wholeFiles.includes(section) ? code : `schemaVersion: 2.0.0\n${section}: ${entry}\n`;
  const expected = mark === "Refused: " ? "refused" : column;
  return { name: `${field} ${expected}: ${code}`, field, expected, image: mark === "In an empty image: " ? "empty" : "full", text };
}

/** As lint reads it. */
export function readStructureText(text: string, file = "tests/structure.yaml") {
  return readTestStructure(memoryTree({ [file]: text }));
}
