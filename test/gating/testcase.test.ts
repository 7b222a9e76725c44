import { expect, test } from "@jest/globals";
import { suiteOf, testcaseOf } from "../../src/gating/testcase.ts";

test("a suite's testcase is told apart from those of others", () => {
  expect(testcaseOf("smoke")).toBe("flibs.smoke");
  expect(["flibs.smoke", "flibs.", "other.smoke", "smoke", "flibs.a\0"].map(suiteOf)).toEqual([
    "smoke",
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
