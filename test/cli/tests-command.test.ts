import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { build, flibs } from "./cli-world.ts";

let scratch: ScratchDirectory;
beforeEach(async () => {
  scratch = await scratchDirectory();
});
afterEach(() => scratch.remove());

const smoke = {
  ...({ id: 5, suite: "smoke", platform: "linux/amd64", outcome: "fail", message: "b: returned 1", durationMs: 1500 } as const),
  cases: [
    { name: "a", outcome: "pass", message: "", durationMs: 1 },
    { name: "b\u001b[2J", outcome: "fail", message: "returned 1\nreally", durationMs: 1, log: "test.log" },
  ],
  ...{ artifacts: ["logs/test.log"], flaky: true, finishedAt: "2026-11-23T11:58:00.000Z", run: "b1", latest: true, attempt: 2 },
} as const;
const older = { ...smoke, id: 3, outcome: "pass", message: "fine", latest: false, attempt: 1 } as const;
const slow = { ...smoke, id: 6, suite: "slow", outcome: "pass", message: "fine", cases: [], flaky: false, attempt: 1 } as const;
const history = [slow, smoke, older];
const record = { ...build, tests: [smoke, slow] };
const artifacts = [
  { result: 5, name: "logs/test.log", mediaType: "text/plain; charset=utf-8", content: Buffer.from("words\n") },
  { result: 5, name: "../escaped", mediaType: "text/plain; charset=utf-8", content: Buffer.from("evil\n") },
  { result: 3, name: "old", mediaType: "text/plain; charset=utf-8", content: Buffer.from("old\n") },
];
const story = { build: record, history, artifacts };

test("what counts, with the cases that did not pass; nothing of it steers the terminal", async () => {
  const { out, code } = await flibs(["tests", "b1"], story);
  expect(code).toBe(0);
  expect(out.split("\n").map((line) => line.replaceAll(/ {2,}/g, "  "))).toEqual([
    "ID  OUTCOME  SUITE  CASES  TOOK  ENDED  MARKS  WHAT HAPPENED",
    expect.stringMatching(/^6 {2}pass {2}slow {2}- {2}1.5 s {2}.* {2}- {2}fine$/),
    expect.stringMatching(/^5 {2}fail {2}smoke {2}1 pass, 1 fail {2}1.5 s {2}.* {2}flaky, try 2 {2}b: returned 1$/),
    "",
    "smoke",
    "  fail  b: returned 1",
    "  really (test.log)",
    "",
  ]);
});

test("the history, of one suite", async () => {
  const { out } = await flibs(["tests", "b1", "--history", "--suite", "smoke"], story);
  expect(out.match(/^\d+ .*$/gm)?.map((line) => [line.split(" ")[0], line.includes("replaced")])).toEqual([
    ["5", false],
    ["3", true],
  ]);
});

test("JSON and JUnit", async () => {
  const json = JSON.parse((await flibs(["tests", "b1", "--json"], story)).out);
  expect(json.history.map((one: { id: number }) => one.id)).toEqual([6, 5, 3]);
  expect(json.results[1].artifacts[0].href).toBe("http://127.0.0.1:8080/builds/b1/tests/5/artifacts/logs/test.log");
  const { out } = await flibs(["tests", "b1", "--junit", "--suite", "smoke"], story);
  expect(out).toContain('<testsuites name="hello-container-1.0-1" tests="2" failures="1" errors="0" skipped="0"');
});

test("what counts is written out, below a directory of its own for each result, and over nothing", async () => {
  const { out } = await flibs(["tests", "b1", "--artifacts", scratch.path], story);
  const path = join(scratch.path, "smoke-linux-amd64-5/logs/test.log");
  expect(out).toBe(`${path}\n`);
  expect(await readFile(path, "utf8")).toBe("words\n");
  const again = await flibs(["tests", "b1", "--artifacts", scratch.path], story);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining("is there already")]);
  await mkdir(join(scratch.path, "none"));
  await writeFile(join(scratch.path, "none", "x"), "");
  expect((await flibs(["tests", "b1", "--artifacts", join(scratch.path, "none")], { build: record, history })).out).toBe(
    "the tests left nothing, or it is no longer kept\n",
  );
});

test("a suite that is not there is told with those that are, and a build without results says so", async () => {
  const { code, err } = await flibs(["tests", "b1", "--suite", "smok"], story);
  expect([code, err]).toEqual([2, expect.stringMatching(/no result of a suite "smok"[\s\S]*It has smoke, slow/)]);
  expect((await flibs(["tests", "b1"], { build: { ...build, tests: [] } })).out).toBe("no results\n");
});
