import { expect, test } from "@jest/globals";
import { lintTree } from "../../src/distgit/lint.ts";
import { manPage } from "../../src/distgit/man-page.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

// Lint runs in the process of the web door and of the leases: whoever can push must not be able to hold it up. Each of these took between
// seconds and hours, so two seconds of processor time (not of the clock: others use this machine too) say that one of the bounds is gone.
const longestMs = 10_000;
const from = "FROM registry.fedoraproject.org/fedora:42\n";
const good = `${from}LABEL com.redhat.component="hello-container" name="f42/hello" version="1"\n`;

async function errors(files: Parameters<typeof memoryTree>[0]): Promise<string[]> {
  const tree = memoryTree(files);
  const started = process.cpuUsage();
  const { findings } = await lintTree(tree, () => ({}));
  const { user, system } = process.cpuUsage(started);
  expect((user + system) / 1000).toBeLessThan(longestMs);
  return findings.filter((one) => one.severity === "error").map((one) => `${one.line ?? one.file} ${one.code}: ${one.message}`);
}

const lines = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => `${line(i)}\n`).join("");
const tooLong = "has a value longer than 64 KiB";
const tooMany = "1001 distgit.dockerfile-unsupported: Dockerfile has more than 1000 instructions";
const nested = (depth: number) => `${"$".concat("{X:-").repeat(depth)}${"}".repeat(depth)}`;

test.each([
  ["a RUN of 32,000 words, which is read", `${good}RUN ${"w ".repeat(32_000)}\n`, []],
  ["8,000 ENV lines", good + lines(8000, (i) => `ENV A${i}=$A${i}`), [tooMany]],
  ["4,000 stages", lines(4000, (i) => `FROM registry.fedoraproject.org/fedora:42 AS s${i}`), [tooMany]],
  [
    "20,000 labels in one instruction",
    `${from}LABEL ${lines(20_000, (i) => `l${i}=1 \\`)} z=1\n`,
    ["2 distgit.dockerfile-unsupported: Dockerfile has more than 1000 names in its LABEL, ENV and ARG instructions"],
  ],
  [
    "a variable that doubles 60 times",
    `${from}ENV A=0123456789\n${lines(60, () => "ENV A=$A$A")}LABEL com.redhat.component=a name=f42/a version="$A"\n`,
    [`15 distgit.dockerfile-syntax: ENV A ${tooLong}`],
  ],
  [
    "an ARG that doubles 60 times before FROM",
    `ARG A=0123456789\n${lines(60, () => "ARG A=$A$A")}${good}`,
    [`14 distgit.dockerfile-syntax: ARG A ${tooLong}`],
  ],
  [
    "labels that share one long variable",
    `${good}ENV A=${"x".repeat(60_000)}\n${lines(100, (i) => `LABEL l${i}=$A`)}`,
    ["Dockerfile distgit.label-invalid: the labels are longer than 256 KiB together"],
  ],
  [
    "defaults within defaults",
    `${good}LABEL deep="${nested(10_000)}"\n`,
    ['3 distgit.dockerfile-syntax: label "deep" has more than 100 substitutions within each other'],
  ],
  [
    "a release that could be read in a million ways",
    `${good}LABEL release=1${"a".repeat(60)}-\n`,
    [
      `3 distgit.label-invalid: label "release" is "1${"a".repeat(60)}-"; it must start with a digit and have letters and digits parted by . or _`,
    ],
  ],
  [
    "a name of 60,000 dashes",
    `${from}LABEL com.redhat.component=a name=a${"-".repeat(60_000)}b version=1\n`,
    [`2 distgit.label-invalid: label "name" is longer than 255 characters`],
  ],
  [
    "a FROM of 30,000 slashes",
    `FROM ${"a/".repeat(30_000)}:x\n`,
    ["1 distgit.dockerfile-syntax: FROM names an image with more than 1000 characters"],
  ],
  ["lines of spaces", `${good}RUN true${lines(4, () => `${" ".repeat(60_000)}x \\`)}b\n`, []],
  [
    "60,000 here-documents that never end",
    `${good}RUN ${`${"<<A ".repeat(15_000)}\\\n`.repeat(4)} x\n`,
    ["3 distgit.dockerfile-unsupported: RUN has more than 20 here-documents"],
  ],
  [
    "a here-document of 100,000 lines",
    `${good}RUN <<A\n${lines(100_000, () => "x")}A\n`,
    ["3 distgit.dockerfile-unsupported: the here-documents have more than 5000 lines"],
  ],
  ["a here-document beside 15,000 open braces", `${good}RUN <<A ${"$".concat("{").repeat(15_000)}\nA\n`, undefined],
  ["a COPY with 7,000 flags", `${good}COPY ${"--from=x ".repeat(7_000)} a b\n`, undefined],
  ["100,000 lines that Docker refuses", good + lines(100_000, () => "\0"), undefined],
])("%s", async (_, dockerfile, expected) => {
  const found = await errors({ Dockerfile: dockerfile });
  if (expected === undefined) expect(found.length).toBeGreaterThan(0);
  else expect(found).toEqual(expected);
  expect(found.length).toBeLessThanOrEqual(200);
});

test("links that wind through each other are refused after a bounded number of steps", async () => {
  const links = Object.fromEntries(
    Array.from({ length: 160 }, (_, i) => [`l${i}`, { link: `${"a/".repeat(680)}${"../".repeat(680)}l${i + 1}` }]),
  );
  expect(await errors({ Dockerfile: good, ...links })).toEqual([
    "l0 distgit.link-outside: the symbolic links lead over each other too long to be followed to their end",
  ]);
});

test("10,001 links are refused, 10,000 are followed", async () => {
  const links = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`usr/share/doc/l${i}`, { link: "../../a" }]));
  expect(await errors({ Dockerfile: good, ...links(10_000) })).toEqual([]);
  expect(await errors({ Dockerfile: good, ...links(10_001) })).toEqual([
    "usr/share/doc/l0 distgit.link-outside: the repository has more than 10000 symbolic links",
  ]);
});

test("a container.yaml of thousands of keys is refused in a short sentence", async () => {
  const [found] = await errors({ Dockerfile: good, "container.yaml": lines(3000, (i) => `k${i}: 1`) });
  expect(found).toMatch(/^1 distgit.container-yaml-invalid: the file: Unrecognized keys: "k0", "k1"/);
  expect(found?.length).toBeLessThan(600);
  expect(await errors({ Dockerfile: good, "container.yaml": lines(25_000, (i) => `k${i}: 1`) })).toEqual([
    "container.yaml distgit.container-yaml-invalid: file has more than 64 KiB",
  ]);
});

test("a Dockerfile of more than 256 KiB is not read", async () => {
  expect(await errors({ Dockerfile: `${good}# ${"x".repeat(256 * 1024)}\n` })).toEqual([
    "Dockerfile distgit.dockerfile-syntax: Dockerfile has more than 256 KiB",
  ]);
});

test("what is shown is bounded, and no error is hidden by warnings", async () => {
  const floating = lines(900, (i) => `FROM registry.fedoraproject.org/fedora:latest AS s${i}`);
  const { findings } = await lintTree(memoryTree({ Dockerfile: `${floating}NONSENSE\n` }), () => ({}));
  expect(findings.filter((one) => one.severity === "warning")).toHaveLength(100);
  expect(findings.some((one) => one.message === 'unknown instruction "NONSENSE"')).toBe(true);
});

test.each([
  ["container.yaml", `compose: {modules: [${'"a:b:c:d:e", '.repeat(4000)}]}\n`],
  ["content_sets.yml", `x86_64: [${"a-rpms-x, ".repeat(6000)}]\n`],
  ["additional-tags", "x".repeat(16_000)],
  ["additional-tags", `${"a-b\n".repeat(4000)}`],
  ["sources", `SHA512 (${"(".repeat(60_000)}`],
  ["sources", `${"x y\n".repeat(16_000)}`],
  ["sources", `${"SHA512 (a) = 00\n".repeat(4000)}`],
  ["help.md", "[".repeat(65_000)],
  ["help.md", "> ".repeat(32_000)],
  ["help.md", `${"- ".repeat(16_000)}a`],
])("a %s of nothing but traps is read at once", async (name, text) => {
  await errors({ Dockerfile: good, [name]: text });
});

test("a help text of nothing but traps becomes a man page at once", () => {
  const texts = [
    "[".repeat(65_000),
    "> ".repeat(32_000),
    "- ".repeat(32_000),
    "**a ".repeat(16_000),
    "`".repeat(65_000),
    "| a ".repeat(16_000),
  ];
  const tables = `${"| a ".repeat(500)}|\n${"|--".repeat(500)}|\n${"| b |\n".repeat(5000)}`;
  const lists = Array.from({ length: 300 }, (_, depth) => `${"  ".repeat(depth)}- a`).join("\n");
  for (const text of [
    ...texts,
    tables,
    lists,
    "<a ".repeat(20_000),
    "![".repeat(30_000),
    "% a(".repeat(16_000),
    `% ${"a(".repeat(30_000)}`,
  ]) {
    const started = process.cpuUsage();
    expect(manPage(text.slice(0, 65_536))).toContain(".TH");
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 1000).toBeLessThan(longestMs);
  }
});
