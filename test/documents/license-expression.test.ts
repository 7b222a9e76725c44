import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseLicense } from "../../src/documents/license-expression.ts";

test.each([
  ["MIT"],
  ["GPL-2.0-or-later"],
  ["GPL-2.0"],
  ["Apache-2.0+"],
  ["MIT AND (GPL-3.0-or-later WITH GCC-exception-3.1 OR LicenseRef-Fedora-Public-Domain)"],
  ["(MIT)"],
  ["LicenseRef-a.b-1 WITH GCC-exception-3.1"],
])("an expression stays as it is: %s", (text) => {
  expect(parseLicense(text)).toMatchObject({ expression: text, isSpdx: true });
});

test.each([
  ["  MIT   AND\nBSD-3-Clause ", "MIT AND BSD-3-Clause"],
  ["( MIT OR Zlib )AND ISC", "(MIT OR Zlib) AND ISC"],
  ["", "NOASSERTION"],
  [undefined, "NOASSERTION"],
])("%j is written %j", (text, expression) => {
  expect(parseLicense(text)).toMatchObject({ expression, isSpdx: true });
});

test.each([
  ["GPLv2+ and MIT", "LicenseRef-GPLv2-and-MIT-f09a483f"],
  ["MIT and BSD-3-Clause", "LicenseRef-MIT-and-BSD-3-Clause-3922e6dc"],
  ["Public Domain", "LicenseRef-Public-Domain-f6960be1"],
  ["(MIT", ""],
  ["MIT)", ""],
  ["()", ""],
  ["MIT Zlib", ""],
  ["AND MIT", ""],
  ["MIT AND", ""],
  ["MIT WITH", ""],
  ["MIT WITH MIT", ""],
  ["(MIT) WITH GCC-exception-3.1", ""],
  ["MIT WITH GCC-exception-3.1 WITH GCC-exception-3.1", ""],
  ["GCC-exception-3.1", ""],
  ["LicenseRef-a_b", ""],
  ["DocumentRef-x:LicenseRef-y", ""],
  ["mit", ""],
  ["MIT (Zlib)", ""],
  ["@MIT", ""],
  ["constructor", ""],
])("%j stands for itself, behind a name of its own", (text, expression) => {
  const license = parseLicense(text);
  expect(license.isSpdx).toBe(false);
  expect(license.references).toEqual(new Map([[license.expression, text]]));
  if (expression !== "") expect(license.expression).toBe(expression);
});

test("a licence that an expression names by reference is declared with what is known of it", () => {
  expect([...parseLicense("LicenseRef-A OR LicenseRef-B AND LicenseRef-A").references.keys()]).toEqual(["LicenseRef-A", "LicenseRef-B"]);
});

test("whatever a package says, the expression is one of SPDX's, and reading it again gives the same", () => {
  const words = fc.array(
    fc.constantFrom("MIT", "AND", "OR", "WITH", "(", ")", "GCC-exception-3.1", "LicenseRef-x", "+", "é", "\u001b", " "),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        words.map((parts) => parts.join(" ")),
      ),
      (text) => {
        const { expression } = parseLicense(text);
        expect(expression).toMatch(/^[A-Za-z0-9.+() -]+$/);
        if (expression !== "NOASSERTION") expect(parseLicense(expression)).toMatchObject({ expression, isSpdx: true });
      },
    ),
    { numRuns: 1000 },
  );
});

test("two texts that differ in what is left out have two names", () => {
  expect(parseLicense("GPL v2").expression).not.toBe(parseLicense("GPL_v2").expression);
});

test("the longest licence that is kept does not stop it", () => {
  expect(parseLicense("(".repeat(4096)).isSpdx).toBe(false);
  expect(parseLicense(`${"(".repeat(2000)}MIT${")".repeat(2000)}`).isSpdx).toBe(true);
});
