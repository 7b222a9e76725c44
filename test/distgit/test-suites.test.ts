import { describe, expect, test } from "@jest/globals";
import { readTestSuites, uniqueSuites } from "../../src/distgit/test-suites.ts";
import { memoryTree } from "../../src/distgit/tree.ts";
import { CommandSuite } from "../../src/gating/command-suite.ts";

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

describe("tests/commands.yaml", () => {
  const read = async (commands: readonly object[]) =>
    await readTestSuites(memoryTree({ "tests/commands.yaml": JSON.stringify({ smoke: { commands } }) }));
  const command = (name: string, output?: string) => ({ name, run: "true", ...(output === undefined ? {} : { expect: { output } }) });

  test.each([
    ["a long name", [command("n".repeat(101))], "smoke.commands.0.name: Too big: expected string to have <=100 characters"],
    [
      "a long expression",
      [command("a", "x".repeat(501))],
      "smoke.commands.0.expect.output: Too big: expected string to have <=500 characters",
    ],
    ["a name twice", [command("a"), command("b"), command("a")], "smoke.commands.2.name: another command above has the same name"],
  ])("%s is refused at once, not by the runner after the build", async (_, commands, message) => {
    expect((await read(commands)).findings).toMatchObject([{ code: "distgit.tests-invalid", severity: "error", message }]);
  });

  test("what lint takes, the runner takes", async () => {
    const commands = Array.from({ length: 100 }, (_, i) => command(`${i}${"n".repeat(98)}`, "x".repeat(500)));
    const { suites, findings } = await read([...commands.slice(0, 98), { ...command("args"), run: ["a", ""], timeout: "5s" }]);
    expect(findings).toEqual([]);
    expect(suites.map(({ definition }) => CommandSuite.safeParse(definition).success)).toEqual([true]);
  });
});
