import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readTestStructure } from "../../src/distgit/test-structure.ts";
import { memoryTree } from "../../src/distgit/tree.ts";
import { turnTest } from "../support/turn-test.ts";

const good = "schemaVersion: 2.0.0\nfileExistenceTests: [{name: a, path: /a}]\n";

async function read(text: string, file = "tests/structure.yaml") {
  const { suites, findings } = await readTestStructure(memoryTree({ [file]: text }));
  return { suites, said: findings.map((one) => `${one.file}:${one.line ?? ""} ${one.severity}: ${one.message} | ${one.fix}`) };
}

describe("which files are suites", () => {
  test.each([
    ["tests/structure.yaml", "structure"],
    ["tests/structure.yml", "structure"],
    ["tests/structure-web.yaml", "structure-web"],
    ["tests/structure_Web.1.yml", "structure-web-1"],
    ["tests/container-structure-test.yaml", "container-structure-test"],
    ["tests/container-structure-tests.web.yaml", "container-structure-tests-web"],
  ])("%s is %s", async (file, name) => {
    expect(await read(good, file)).toMatchObject({ suites: [{ name, kind: "structure", file, required: true }], said: [] });
  });

  test.each([
    "structure.yaml",
    "tests/structured.yaml",
    "tests/sub/structure.yaml",
    "tests/structure.txt",
    "tests/my-structure.yaml",
    "tests/structure",
  ])("%s is none", async (file) => {
    expect(await read("broken: [", file)).toEqual({ suites: [], said: [] });
  });

  test.each(["tests/structure-\n.yaml", "tests/structure-é.yaml", `tests/structure-${"x".repeat(40)}.yaml`])(
    "%j has no name for a suite",
    async (file) => {
      const { suites, said } = await read(good, file);
      expect(suites).toEqual([]);
      expect(said[0]).toContain("the file's name is no name of a suite");
    },
  );

  test("a link is not followed, and too many files are told", async () => {
    const link = await readTestStructure(memoryTree({ "tests/structure.yaml": { link: "/etc/passwd" } }));
    expect(link).toMatchObject({ suites: [], findings: [{ code: "distgit.link-outside", file: "tests/structure.yaml" }] });
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`tests/structure-${index}.yaml`, good]));
    const { suites, findings } = await readTestStructure(memoryTree(many));
    expect([suites.length, findings.length]).toEqual([20, 1]);
  });
});

test("JSON is read with the same rules", async () => {
  const text = '{"schemaVersion": "2.0.0", "fileExistenceTests": [{"name": "\\ud83d\\ude00\\/", "path": "/a"}]}';
  const { suites } = await read(text, "tests/structure.json");
  expect(suites).toMatchObject([{ definition: { fileExistenceTests: [{ name: "😀/", path: "/a" }] } }]);
});

test("plain values are texts as they are written, but for numbers and yes or no where the format has them", async () => {
  const text = `schemaVersion: 2.0.0
commandTests: [{name: 1.10, command: 0x1F, args: [010, true, yes, 1e3], exitCode: 1}]
fileExistenceTests: [{name: true, path: 8080, shouldExist: off, uid: 0}]
metadataTest: {exposedPorts: [8080, 0080], labels: [{key: version, value: 1.0, isRegex: No}], cmd: ~}
`;
  const { suites, said } = await read(text);
  expect(said).toEqual([]);
  expect(suites[0]?.definition).toEqual({
    schemaVersion: "2.0.0",
    commandTests: [{ name: "1.10", command: "0x1F", args: ["010", "true", "yes", "1e3"], exitCode: 1 }],
    fileExistenceTests: [{ name: "true", path: "8080", shouldExist: false, uid: 0 }],
    metadataTest: { exposedPorts: ["8080", "0080"], labels: [{ key: "version", value: "1.0", isRegex: false }], cmd: null },
  });
});

test("ST1: a test without name, command or path is taken, with a warning and the line", async () => {
  const { suites, said } = await read("schemaVersion: 2.0.0\nfileExistenceTests:\n  - path: /a\n  - name: b\ncommandTests: [{}]\n");
  expect(suites).toHaveLength(1);
  expect(said).toEqual([
    "tests/structure.yaml:5 warning: commandTests.0 has no name, so it will fail | Add name",
    "tests/structure.yaml:5 warning: commandTests.0 has no command, so it will fail | Add command",
    "tests/structure.yaml:3 warning: fileExistenceTests.0 has no name, so it will fail | Add name",
    "tests/structure.yaml:4 warning: fileExistenceTests.1 has no path, so it will fail | Add path",
  ]);
});

describe("ST2: a wrong file is no suite, and its line is told", () => {
  const rows: readonly (readonly [what: string, text: string, said: RegExp])[] = [
    ["broken YAML", "schemaVersion: 2.0.0\ncommandTests: [", /^tests\/structure.yaml:2 error: not valid YAML: /],
    ["no YAML mapping", "- 1\n", /:1 error: the file: /],
    ["an empty file", "", /error: the file: /],
    ["bytes that are no text", "schemaVersion: \ud800\u0000", /error: /],
    ["no schemaVersion", "commandTests: []\n", /error: schemaVersion: must be 2\.0\.0/],
    ["another schemaVersion", "\nschemaVersion: 1.0.0\n", /:2 error: schemaVersion: must be 2\.0\.0/],
    ["schemaVersion as a number", "schemaVersion: 2\n", /:1 error: schemaVersion: must be 2\.0\.0/],
    ["an unknown section", `${good}fileTests: []\n`, /:3 error: the file: Unrecognized key: "fileTests" \| Remove or correct "fileTests"/],
    [
      "an unknown key",
      "schemaVersion: 2.0.0\nfileExistenceTests:\n- {name: a, path: /a,\n   shouldExit: true}\n",
      /:4 error: fileExistenceTests\.0: Unrecognized key/,
    ],
    ["a key that stands there twice", `${good}fileExistenceTests: []\n`, /:3 error: not valid YAML: Map keys must be unique/],
    ["an anchor", "schemaVersion: 2.0.0\nfileExistenceTests: &a []\n", /:2 error: anchors and aliases/],
    ["no test", "schemaVersion: 2.0.0\nmetadataTest: {volumes: []}\n", /error: the file has no test/],
    [
      "a number in quotes",
      "schemaVersion: 2.0.0\ncommandTests: [{name: a, command: b, exitCode: '1'}]\n",
      /:2 error: commandTests\.0\.exitCode/,
    ],
    ["a text for a list", "schemaVersion: 2.0.0\ncommandTests: [{name: a, command: b, args: c}]\n", /:2 error: commandTests\.0\.args/],
    ["a NUL in a word", 'schemaVersion: 2.0.0\ncommandTests: [{name: a, command: "b\\0"}]\n', /must not have a NUL character/],
    [
      "an expression that is none",
      "schemaVersion: 2.0.0\nfileContentTests:\n- {name: a, path: /a, expectedContents: [ok,\n   '(']}\n",
      /:4 error: fileContentTests\.0\.expectedContents\.1 is no RE2 expression: missing closing \)/,
    ],
    [
      "an expression that RE2 does not have",
      "schemaVersion: 2.0.0\ncommandTests:\n- {name: a, command: b, excludedError: ['(?!x)']}\n",
      /:3 error: commandTests\.0\.excludedError\.0 is no RE2 expression: .*RE2 has no look-around/,
    ],
    [
      "an expression for a label",
      "schemaVersion: 2.0.0\nmetadataTest: {labels: [{key: a, value: '[', isRegex: true}, {key: b, value: '['}]}\n",
      /:2 error: metadataTest\.labels\.0\.value is no RE2 expression/,
    ],
  ];
  test.each(rows)("%s", async (_, text, expected) => {
    const { suites, said } = await read(text);
    expect(suites).toEqual([]);
    expect(said[0]).toMatch(expected);
  });

  test.each(["privileged: true", "envFile: /etc/environment", "envVars: [TOKEN]", "capabilities: [SYS_ADMIN]", "bindMounts: ['/:/host']"])(
    "ST3: %s is refused with the reason",
    async (option) => {
      const { suites, said } = await read(`${good}containerRunOptions:\n  ${option}\n`);
      expect(suites).toEqual([]);
      expect(said).toEqual([
        expect.stringMatching(/^tests\/structure.yaml:4 error: containerRunOptions\.(\w+): "\1" is refused: .+ \| Remove \1$/),
      ]);
    },
  );

  test.each([
    [
      "a key that stands there twice",
      '{"schemaVersion": "2.0.0",\n "licenseTests": [{}],\n "licenseTests": [{}]}',
      /:3 error: not valid YAML: Map keys must be unique/,
    ],
    ["a comma too much", '{"schemaVersion": "2.0.0", "licenseTests": [{}],}', /error: not valid JSON: /],
    ["YAML in it", "schemaVersion: 2.0.0", /error: not valid JSON: /],
    ["an unknown key", '{"schemaVersion": "2.0.0",\n "licenceTests": []}', /:2 error: the file: Unrecognized key/],
  ])("JSON: %s", async (_, text, expected) => {
    const { suites, said } = await read(text, "tests/structure.json");
    expect(suites).toEqual([]);
    expect(said[0]).toMatch(expected);
  });
});

test("ST4: 10,000 tests in a file are too many, as soon as its size is seen", async () => {
  const text = `schemaVersion: 2.0.0\nfileExistenceTests:\n${"- {name: a, path: /a}\n".repeat(10_000)}`;
  expect(await read(text)).toEqual({ suites: [], said: ["tests/structure.yaml: error: file has more than 64 KiB | Shorten it"] });
  const short = `schemaVersion: 2.0.0\nfileExistenceTests:\n${"- {path: /a}\n".repeat(1001)}`;
  expect((await read(short)).said[0]).toMatch(/^tests\/structure.yaml:2 error: fileExistenceTests: Too big/);
});

turnTest("ST5: expressions that together take too long to be understood are refused", async () => {
  const one = (index: number) => `- {name: a, path: /a, expectedContents: ["((a{31}){31})${index}"]}\n`;
  const file = `schemaVersion: 2.0.0\nfileContentTests:\n${Array.from({ length: 900 }, (_, index) => one(index)).join("")}`;
  const tree = memoryTree(Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`tests/structure-${index}.yaml`, file])));
  const before = performance.now();
  const { findings } = await readTestStructure(tree);
  expect(findings.map(({ message }) => message)).toContain("the expressions are too long to be understood");
  expect(performance.now() - before).toBeLessThan(30_000);
});

test("any text is a suite or has a finding, never both and never an exception", async () => {
  const piece = fc.constantFrom(
    "schemaVersion: 2.0.0\n",
    "commandTests:",
    " [",
    "]",
    "{",
    "}",
    "\n- ",
    "name: a",
    "command: b",
    ", ",
    "~",
    "metadataTest: ",
    "cmd: []",
    "é",
    "\t",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.boolean(), async (pieces, isJson) => {
      const { suites, said } = await read(pieces.join(""), isJson ? "tests/structure.json" : "tests/structure.yml");
      expect(suites.length === 1).toBe(!said.some((line) => line.includes(" error: ")));
    }),
  );
});
