import { execFileSync } from "node:child_process";
import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isArtifactName, isInert, mediaTypeOf } from "../../src/gating/artifact.ts";
import { readArtifacts } from "../../src/gating/artifacts/artifact-directory.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";

let scratch: ScratchDirectory;
let directory: string;
beforeEach(async () => {
  scratch = await scratchDirectory();
  directory = join(scratch.path, "left");
  await mkdir(join(directory, "sub"), { recursive: true });
});
afterEach(() => scratch.remove());

const limits = { most: 100, eachBytes: 1000, totalBytes: 10_000 };
const same = (text: string) => text;
const read = async (names: string[], more: Partial<typeof limits> = {}, mask = same) => {
  const { artifacts, problems } = await readArtifacts(directory, names, { ...limits, ...more }, mask);
  return { texts: artifacts.map((one) => [one.name, Buffer.from(one.content).toString()]), problems };
};

test("files come back byte for byte, in the order in which they are named, each once", async () => {
  await writeFile(join(directory, "sub/results.yml"), "results: []\n");
  await writeFile(join(directory, "test.log"), "ü\n");
  expect(await read(["test.log", "sub/results.yml", "test.log"])).toEqual({
    texts: [
      ["test.log", "ü\n"],
      ["sub/results.yml", "results: []\n"],
    ],
    problems: [],
  });
});

test.each([
  "",
  "/etc/passwd",
  "../x",
  "a/../x",
  "a//b",
  "./a",
  "a/.",
  "a\0b",
  "a\nb",
  "a\u001bb",
  "a\\b",
  "\ud800",
  "a\u202eb",
  "ü".repeat(126),
])("a name that may lead elsewhere, or cannot be shown, is refused: %j", async (name) => {
  expect(isArtifactName(name)).toBe(false);
  const { texts, problems } = await read([name]);
  expect([texts, problems.length]).toEqual([[], 1]);
  expect(problems[0]).toMatch(/^a name that no artifact may have: /);
});

test("no link is followed, wherever it stands; a second name of a file, a pipe and a directory are no artifacts", async () => {
  const secret = join(scratch.path, "secret");
  await writeFile(secret, "secret");
  await mkdir(join(scratch.path, "outside"));
  await writeFile(join(scratch.path, "outside/file"), "secret");
  await symlink(secret, join(directory, "absolute"));
  await symlink("../secret", join(directory, "relative"));
  await symlink("../outside", join(directory, "away"));
  await symlink("nowhere", join(directory, "dangling"));
  await link(secret, join(directory, "hard"));
  execFileSync("mkfifo", [join(directory, "pipe")]);
  const { texts, problems } = await read(["absolute", "relative", "away/file", "dangling", "hard", "pipe", "sub", "none"]);
  expect(texts).toEqual([]);
  expect(problems).toEqual([
    "absolute: there is no such file, or a link on the way to it",
    "relative: there is no such file, or a link on the way to it",
    "away/file: there is no such file, or a link on the way to it",
    "dangling: there is no such file, or a link on the way to it",
    "hard: it is a link",
    "pipe: it is no regular file",
    "sub: it is no regular file",
    "none: there is no such file, or a link on the way to it",
  ]);
});

test("a directory that was itself exchanged for a link is not gone into", async () => {
  await symlink("/etc", join(scratch.path, "link"));
  const { artifacts, problems } = await readArtifacts(join(scratch.path, "link"), ["passwd"], limits, same);
  expect([artifacts, problems.length]).toEqual([[], 1]);
});

test("of a longer text whole lines of its beginning and its end are kept, with what is left out; of other files nothing", async () => {
  const lines = Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join("");
  await writeFile(join(directory, "long.log"), lines);
  await writeFile(join(directory, "core"), Buffer.alloc(2000));
  const { texts, problems } = await read(["long.log", "core"]);
  const text = texts[0]?.[1] ?? "";
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1000);
  expect(text).toMatch(/^line 0\nline 1\n[\s\S]*\nline 998\nline 999\n$/);
  const [, left, size] = /\n\nflibs: (\d+) bytes of (\d+) are left out here\n\n/.exec(text) ?? [];
  expect(Number(size)).toBe(lines.length);
  expect(Number(left)).toBe(lines.length - text.replace(/\nflibs: .*\n\n/, "").length);
  expect(problems).toEqual([expect.stringMatching(/^core: .*, more than the .* that are kept, and no text$/)]);
});

test("number and size of all together are bounded, and so are the words about it", async () => {
  const names = Array.from({ length: 60 }, (_, n) => `f${n}`);
  for (const name of names) await writeFile(join(directory, name), "x".repeat(100));
  const few = await read(names, { most: 30 });
  expect(few.texts).toHaveLength(30);
  expect(few.problems).toHaveLength(21);
  expect(few.problems.at(-1)).toBe("and 10 more");
  expect((await read(names, { totalBytes: 250 })).texts).toHaveLength(2);
});

test("secrets are masked, also beside the cut of a long text", async () => {
  const secret = "hunter22";
  const mask = (text: string) => text.replaceAll(secret, "***");
  await writeFile(join(directory, "long.log"), `${secret}\n`.repeat(1000));
  const { texts } = await read(["long.log"], {}, mask);
  expect(texts[0]?.[1]).not.toMatch(/hunt|er22/);
});

test("whatever a name is, reading it neither throws nor leaves the directory", async () => {
  await writeFile(join(scratch.path, "secret"), "secret");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("..", "../secret", "sub", ".", "/"))),
      async (names) => {
        const { texts } = await read(names);
        expect(texts.map(([, text]) => text)).not.toContain("secret");
      },
    ),
    { numRuns: 50 },
  );
});

test("what a browser may show by itself has no scripts", () => {
  expect(["a.html", "a.svg", "a.xml", "a.xhtml", "a.HTM", "a.gz"].map((name) => isInert(mediaTypeOf(name, true)))).toEqual([
    ...[false, false, false, false, false, false],
  ]);
  expect(["test.log", "results.yml", "a.json", "shot.png", "noend"].map((name) => isInert(mediaTypeOf(name, true)))).toEqual([
    ...[true, true, true, true, true],
  ]);
  expect([mediaTypeOf("__proto__.constructor", false), mediaTypeOf("a.constructor", true)]).toEqual([
    "application/octet-stream",
    "text/plain; charset=utf-8",
  ]);
});
