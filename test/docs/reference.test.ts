import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { referencePages } from "../../scripts/reference-pages.ts";

const root = join(import.meta.dirname, "../..");

test.each(Object.entries(referencePages()))("%s equals the code (npm run generate writes it)", (path, text) => {
  expect(readFileSync(join(root, path), "utf8")).toBe(text);
});
