import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type RowId, rowTitles } from "./row-titles.ts";

/** A test or group of tests whose name begins with ids of rows. */
export interface NamedTest {
  /** From the repository's root. */
  readonly file: string;
  readonly name: string;
  readonly rows: readonly RowId[];
}

const id = "(?:SG|LA|MA|CS|RG|RL|CK|DG|TR)[1-9]\\d*";
const leadingIds = new RegExp(`^${id}(?:(?:, | and )${id})*(?=:? )`);
/** Where a name stands: in a call of a test function (`fact` is the registry contract's), of what `each` gave back, as `name` of a table's row or as its first column. */
const place = new RegExp(
  `(?:\\b\\w*(?:test|Test|describe|fact)\\w*(?:\\.\\w+)*\\(|\\)\\(|\\bname:|\\[)\\s*(?:"(${id}(?:[^"\\\\]|\\\\.)*)"|'(${id}(?:[^'\\\\]|\\\\.)*)'|\`(${id}[^\`]*)\`)`,
  "g",
);

/** Names in the text of one test file that begin with ids. Pure. Throws for an id that is no row. */
export function findNamedTests(file: string, text: string): readonly NamedTest[] {
  return [...text.matchAll(place)].flatMap((match): readonly NamedTest[] => {
    const name = (match[1] ?? match[2] ?? match[3] ?? "").replace(/\\(.)/g, "$1");
    const ids = leadingIds.exec(name)?.[0].split(/, | and /);
    if (ids === undefined) return [];
    const unknown = ids.find((one) => !Object.hasOwn(rowTitles, one));
    if (unknown !== undefined) throw new Error(`${file}: "${name}" begins with ${unknown}, which is no row`);
    return [{ file, name, rows: ids as RowId[] }];
  });
}

/** All of them, by file and then in the order of the text. */
export function readNamedTests(root: string): readonly NamedTest[] {
  const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" });
  const tests = files.filter((file) => file.endsWith(".ts")).map((file) => `test/${file.replaceAll("\\", "/")}`);
  return tests.sort().flatMap((file) => findNamedTests(file, readFileSync(join(root, file), "utf8")));
}

/** Rows that no test shows. Pure. */
export function findUnchecked(tests: readonly NamedTest[]): readonly RowId[] {
  const checked = new Set(tests.flatMap((one) => one.rows));
  return (Object.keys(rowTitles) as RowId[]).filter((row) => !checked.has(row));
}

/** docs/checked-rows.md. Pure. */
export function formatCheckedRows(tests: readonly NamedTest[]): string {
  const rows = Object.entries(rowTitles).map(([row, title]) => {
    const shown = tests.filter((one) => one.rows.includes(row as RowId)).map((one) => `\`${one.file}\`: ${formatName(one.name)}`);
    return `| ${row} | ${title} | ${shown.join("<br>")} |`;
  });
  return [
    "# Rules, and the tests that show them",
    "",
    "Made from the names of the tests by `npm run generate`; do not edit. A rule without a test makes the tests fail.",
    "SG, LA, MA, CS: what podman, skopeo and cosign accept and refuse. RG: how registries behave. RL: what a release does to a tag",
    "(docs/registry-manifest.md), CK: the checks on a promotion, DG: dangers, TR: traps of tests and gates.",
    "",
    "| id | rule | tests |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Without the ids, safe in a table's cell. */
function formatName(name: string): string {
  const text = name.replace(leadingIds, "").replace(/^:?\s+/, "");
  return text.replace(/\s+/g, " ").replace(/[|<>*_`[\]\\]/g, "\\$&");
}
