import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { readTestPlaybooks } from "../../src/distgit/test-playbooks.ts";
import { memoryTree } from "../../src/distgit/tree.ts";
import { suiteName } from "../../src/gating/suite-name.ts";

const play = "- hosts: subjects\n  tags: [container]\n  tasks: []\n";
const read = (files: Parameters<typeof memoryTree>[0]) => readTestPlaybooks(memoryTree(files));

test("each tests/tests*.yml is a suite, called by its file", async () => {
  const { suites, findings } = await read({
    "tests/tests.yml": play,
    "tests/tests_smoke.yml": play,
    "tests/tests-2.yml": play,
    "tests/roles/tests.yml": play,
    "tests/other.yml": play,
    "tests/tests.yaml": play,
    "tests.yml": play,
  });
  expect(findings).toEqual([]);
  expect(suites).toEqual(
    ["tests-2", "tests", "tests_smoke"].map((name) => ({
      ...{ name, kind: "sti", file: `tests/${name}.yml`, required: true },
      definition: { playbook: `tests/${name}.yml` },
    })),
  );
});

test.each([
  ["by a variable of its first play", "- hosts: subjects\n  vars: {flibs_required: false}\n", false],
  ["but no other value of it", "- hosts: subjects\n  vars: {flibs_required: 'false'}\n", true],
  ["nor that of another play", `${play}- hosts: subjects\n  vars: {flibs_required: false}\n`, true],
  ["nor with variables of another form", "- hosts: subjects\n  vars: [{flibs_required: false}]\n", true],
])("a suite is not required %s", async (_, text, required) => {
  expect((await read({ "tests/tests.yml": text })).suites).toMatchObject([{ required }]);
});

test("what Ansible alone understands is left to it: its tags, aliases, a key twice", async () => {
  expect(
    (await read({ "tests/tests.yml": "- hosts: &h subjects\n  vars:\n    a: !unsafe '{{x}}'\n    a: 2\n    b: *h\n" })).findings,
  ).toEqual([]);
});

test.each([
  ["a link", "tests/tests.yml", { link: "../other.yml" }, "symbolic link", undefined],
  ["no YAML", "tests/tests.yml", "- hosts: subjects\n  tasks: [\n", "not valid YAML", 3],
  ["a mapping", "tests/tests.yml", "hosts: subjects\n", "not a playbook", undefined],
  ["nothing", "tests/tests.yml", "", "not a playbook", undefined],
  ["nested without end", "tests/tests.yml", `- ${"[".repeat(60_000)}`, "nested too deep", undefined],
  ["too large", "tests/tests.yml", `${play}#${"x".repeat(64 * 1024)}`, "more than 64 KiB", undefined],
  ["upper case", "tests/tests_Smoke.yml", play, "no name of a suite", undefined],
  ["a dot", "tests/tests.smoke.yml", play, "no name of a suite", undefined],
  ["a long name", `tests/tests${"x".repeat(36)}.yml`, play, "no name of a suite", undefined],
  ["a new line", "tests/tests\nx.yml", play, "no name of a suite", undefined],
])("a file that cannot be a suite is told: %s", async (_, file, content, message, line) => {
  const { suites, findings } = await read({ [file]: content });
  expect(suites).toEqual([]);
  expect(findings).toMatchObject([{ code: "distgit.tests-invalid", file, severity: "error", message: expect.stringContaining(message) }]);
  expect(findings[0]?.line).toBe(line);
});

test("bytes that are no text are told", async () => {
  const tree = memoryTree({ "tests/tests.yml": "xx" });
  const { findings } = await readTestPlaybooks({ ...tree, readFile: async () => Buffer.from([0xff, 0xfe]) });
  expect(findings).toMatchObject([{ message: "file is not UTF-8 text" }]);
});

test("more playbooks than anybody waits for are told, and the first ones are suites", async () => {
  const files = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`tests/tests${index}.yml`, play]));
  const { suites, findings } = await read(files);
  expect(suites).toHaveLength(20);
  expect(findings).toMatchObject([{ file: "tests", message: "there are 25 files tests/tests*.yml, at most 20 are suites" }]);
});

/** Half a second of a fast machine's time. */
const slow = "]\n".repeat(32_000);

test("a file that is slow to be read is told", async () => {
  const { suites, findings } = await readTestPlaybooks(memoryTree({ "tests/tests.yml": slow }), { one: 30, all: 2000 });
  expect(suites).toEqual([]);
  expect(findings).toMatchObject([{ code: "distgit.tests-invalid", message: expect.stringContaining("takes too long") }]);
});

test("all playbooks together are read for a few seconds", async () => {
  const files = Object.fromEntries(Array.from({ length: 19 }, (_, index) => [`tests/tests${index}.yml`, slow]));
  const startedAt = performance.now();
  const { suites, findings } = await readTestPlaybooks(memoryTree({ ...files, "tests/tests_quick.yml": play }), { one: 1000, all: 300 });
  expect(performance.now() - startedAt).toBeLessThan(6000);
  // The quick one came last.
  expect([suites.length, findings.length]).toEqual([0, 20]);
});

test("an alias bomb is never expanded", async () => {
  const lines = Array.from(
    { length: 20 },
    (_, index) => `    v${index}: &a${index} [${index === 0 ? "x" : `*a${index - 1}, *a${index - 1}, *a${index - 1}`}]`,
  );
  expect((await read({ "tests/tests.yml": `- hosts: x\n  vars:\n${lines.join("\n")}\n` })).suites).toHaveLength(1);
});

test("whatever stands in a file, it is one suite or one finding", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.string().map((text) => `- hosts: ${text}`),
      ),
      fc.stringMatching(/^[a-zA-Z0-9_.-]{0,45}$/),
      async (text, end) => {
        const { suites, findings } = await read({ [`tests/tests${end}.yml`]: text });
        expect(suites.length + findings.length).toBe(1);
        for (const { name } of suites) expect(name).toMatch(suiteName);
      },
    ),
  );
});
