import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { dockerEngine } from "../../../src/engines/docker/docker-engine.ts";
import { tmtRunner } from "../../../src/gating/tmt/tmt-runner.ts";
import { busyboxTree } from "../../support/busybox-tree.ts";
import { dockerSocket, requireDocker } from "../../support/docker.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

// tmt itself can't be had from Debian or npm: a stand-in that is held to its documentation runs here, see docs/tmt.md.
jest.setTimeout(60_000);

const standIn = join(import.meta.dirname, "../../support/tmt-stand-in");
const limits = { timeoutMs: 50_000, memoryBytes: 64 * 2 ** 20, processes: 64 };
const never = new AbortController().signal;
const goArchitecture: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
const platform = `linux/${goArchitecture[process.arch] ?? process.arch}` as const;
let scratch: ScratchDirectory;
let engine: ReturnType<typeof dockerEngine>;
let image = "";

beforeAll(async () => {
  await requireDocker();
  scratch = await scratchDirectory();
  const context = join(scratch.path, "image");
  await busyboxTree(context);
  const installation = `tmt-${randomBytes(4).toString("hex")}`;
  engine = dockerEngine({ host: `unix://${dockerSocket}`, installation, stateDirectory: join(scratch.path, "state"), slots: 1 });
  const dockerfile = 'FROM scratch\nCOPY bin /bin\nUSER 65534\nENTRYPOINT ["/bin/absent"]\n';
  const outcome = await engine.build(
    "image",
    { platform, context, dockerfile, parents: [], buildArguments: {}, limits },
    () => true,
    never,
  );
  if (outcome.outcome !== "built") throw new Error(JSON.stringify(outcome));
  image = outcome.imageId;
});
afterAll(async () => {
  await engine.cleanUp(() => false);
  await engine.close();
  await scratch.remove();
});

let number = 0;
async function run(tests: Readonly<Record<string, string>>, plan = "/plans/smoke") {
  const at = join(scratch.path, `run-${++number}`);
  const files = { ".fmf/version": "1\n", "plans/smoke.fmf": "execute: {how: tmt}\n", ...tests };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(at, "tree", path)), { recursive: true });
    await writeFile(join(at, "tree", path), text);
  }
  await mkdir(join(at, "artifacts"));
  let log = "";
  const sink = (text: string) => {
    log += text;
    return log.length < 1_000_000;
  };
  const suite = { name: "tmt-smoke", kind: "tmt", definition: { plan }, required: true };
  const request = { suite, image, platform, tree: join(at, "tree"), artifacts: join(at, "artifacts"), limits };
  const result = await tmtRunner({ engine, directories: { [platform]: standIn } }).run(`run-${number}/test tmt`, request, sink, never);
  return { result, log, artifacts: join(at, "artifacts") };
}

test("a plan runs in a container of the image, and leaves cases and JUnit", async () => {
  const { result, log, artifacts } = await run({ "tests/a.sh": "exit 0\n", "tests/b.sh": "echo no; exit 1\n" });
  expect([result, log]).toMatchObject([
    {
      outcome: "fail",
      message: "/tests/b: fail",
      cases: [
        { name: "/tests/a", outcome: "pass", durationMs: 2000 },
        { name: "/tests/b", outcome: "fail" },
      ],
      artifacts: ["junit.xml"],
    },
    expect.stringContaining("fail /tests/b"),
  ]);
  expect(await readFile(join(artifacts, "junit.xml"), "utf8")).toContain('<testcase name="/tests/b"/>');
});

test.each([
  ["pass", { "tests/a.sh": "test ! -e /dirty && touch /dirty\n" }, "pass"],
  ["pass again: nothing of the run before is there", { "tests/a.sh": "test ! -e /dirty\n" }, "pass"],
  ["warn", { "tests/a.sh": "# result: warn\n" }, "fail"],
  ["error", { "tests/a.sh": "exit 9\n" }, "error"],
  ["no results", {}, "error"],
  ["all skipped", { "tests/a.sh": "# result: skip\n" }, "skip"],
  [
    "no network, no engine, no capabilities",
    {
      "tests/a.sh":
        "test ! -e /var/run/docker.sock && ! busybox grep -vqE 'lo:|Inter|face' /proc/net/dev && busybox grep -q 'CapEff:.0000000000000000' /proc/self/status\n",
    },
    "pass",
  ],
])("%s", async (_, tests, outcome) => {
  const { result, log } = await run(tests);
  expect([result.outcome, log]).toEqual([outcome, log]);
});

test("a plan that is not there, and a platform without tmt, are errors", async () => {
  expect((await run({}, "/plans/absent")).result).toMatchObject({ outcome: "error" });
  const suite = { name: "t", kind: "tmt", definition: { plan: "/plans" }, required: true };
  const request = { suite, image, platform: "linux/s390x", tree: scratch.path, artifacts: scratch.path, limits } as const;
  expect(await tmtRunner({ engine, directories: { [platform]: standIn } }).run("x", request, () => true, never)).toMatchObject({
    outcome: "error",
    message: "gating.tmt has no directory for linux/s390x",
  });
});
