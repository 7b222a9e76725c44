import { expect, test } from "@jest/globals";
import { runProgram } from "../../support/skopeo.ts";

// `npm test` has just run the setup, so this is the second run.
test("on a machine that is ready, setup does nothing and says nothing", async () => {
  expect(await runProgram("scripts/setup", ["--tests"])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});

test("on a machine that is ready, --check finds every part", async () => {
  const result = await runProgram("scripts/setup", ["--check", "--tests"]);
  expect(result.stdout).not.toContain("missing");
  expect(result.exitCode).toBe(0);
});
