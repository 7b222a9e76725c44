import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { findNamedTests, findUnchecked, readNamedTests } from "../../scripts/checked-rows.ts";

// That the page itself equals the tests is part of reference.test.ts.
test("every rule has a test whose name begins with its id", () => {
  expect(findUnchecked(readNamedTests(join(import.meta.dirname, "../..")))).toEqual([]);
});

// In parts, or this file would be among those that show rules.
const name = (text: string) => ["S", "G", text].join("");

test("names are found in tests, groups and tables; an id elsewhere, or alone, is none", () => {
  const text = [
    `test("${name("1: one")}", () => {});`,
    `describe("${name('2 two "quoted"').replaceAll('"', '\\"')}", () => {`,
    `test.each(rows)("${name("3, SG4 and SG5: several")}", () => {});`,
    `const rows = [{ name: '${name("6 six")}' }, ["${name("7: seven")}", 1]];`,
    `cosignTest(\`${name("8: in back quotes")}\`, () => {});`,
    `expect(x).toContain("${name("9 said")}"); test("it shows ${name("10")}"); const check = "${name("11")}";`,
  ].join("\n");
  const found = findNamedTests("test/a.test.ts", text);
  expect(found.map((one) => one.rows.join(" "))).toEqual(["SG1", "SG2", "SG3 SG4 SG5", "SG6", "SG7", "SG8"]);
  expect(found[1]?.name).toBe(name('2 two "quoted"'));
});

test("an id that is no rule is a mistake in a name", () => {
  expect(() => findNamedTests("test/a.test.ts", `test("${name("99: nothing")}", () => {})`)).toThrow("SG99, which is no row");
});
