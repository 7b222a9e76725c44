import { expect, test } from "@jest/globals";
import { readTestSuites, uniqueSuites } from "../../src/distgit/test-suites.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

const suite = (name: string, file: string) => ({ name, kind: "command", file, definition: {}, required: true });

test("a suite says which file declares it", async () => {
  const tree = memoryTree({ "tests/commands.yaml": 'smoke:\n  commands: [{name: runs, run: "true"}]\n' });
  expect(await readTestSuites(tree)).toMatchObject({ suites: [{ name: "smoke", file: "tests/commands.yaml" }], findings: [] });
});

test("two suites of one name are told, whatever their forms", () => {
  const first = { suites: [suite("smoke", "tests/commands.yaml"), suite("other", "tests/commands.yaml")], findings: [] };
  const second = { suites: [suite("smoke", "tests/smoke.yml")], findings: [] };
  const { suites, findings } = uniqueSuites([first, second]);
  expect(suites.map(({ name, file }) => `${name} ${file}`)).toEqual(["smoke tests/commands.yaml", "other tests/commands.yaml"]);
  expect(findings).toMatchObject([{ code: "distgit.tests-invalid", file: "tests/smoke.yml", severity: "error" }]);
  expect(findings[0]?.message).toContain("tests/commands.yaml");
});
