import { describe, expect, test } from "@jest/globals";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import type { Client } from "../../src/cli/client.ts";
import { runProgram, type Surroundings } from "../../src/cli/program.ts";
import { parseSettings } from "../../src/config-load.ts";
import { appError } from "../../src/domain/errors.ts";
import { unmanagedNetwork } from "../../src/engines/network/unmanaged-network.ts";
import type { CommitStatus, Pull } from "../../src/forge/forge.ts";
import type { ForgePeople } from "../../src/forge/person.ts";
import type { Run, RunRequest } from "../../src/workflow/run.ts";

const settings = parseSettings(
  `
forge: {kind: local, directory: /git, hookSecrets: [{env: S}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "c.test"}, production: {endpoint: "p.test"}}
signing: {gnupgHome: /g, candidateKey: A, productionKey: B}
`,
  "flibs.yaml",
);
const digest = `sha256:${"d".repeat(64)}` as const;
const build: BuildRecord = {
  id: "b1",
  forge: "local",
  repository: "containers/hello",
  branch: "main",
  commit: "c".repeat(40),
  scratch: false,
  requestedBy: "alice",
  state: "complete",
  nvr: { name: "hello-container", version: "1.0", release: "1" },
  images: [],
  digest,
  tests: [{ suite: "smoke", outcome: "pass", cases: [], message: "2 of 2 passed", durationMs: 5 }],
  createdAt: "2026-11-23T11:00:00.000Z",
  finishedAt: "2026-11-23T11:00:05.000Z",
};
const run: Run = { id: "b1", flow: "build", subject: "s", intent: {}, status: "done", attempt: 1, createdAt: build.createdAt };
const pull: Pull = {
  repository: "releng/manifests",
  number: 7,
  title: "promote hello \u001b[31m1.0-1",
  body: "<!-- machine -->\nwhat it does",
  author: "flibs",
  state: "open",
  headBranch: "promote/hello",
  head: "h",
  baseBranch: "main",
  baseHead: "b",
  mergeable: true,
  fromFork: false,
  openedAt: build.createdAt,
};

interface Story {
  readonly build?: BuildRecord;
  readonly run?: Run;
  readonly statuses?: readonly CommitStatus[];
}

async function flibs(line: string[], story: Story = {}) {
  const said = { out: "", err: "" };
  const asked = { started: [] as RunRequest[], merged: [] as string[], closed: 0, cancelled: [] as string[] };
  const found = story.build ?? build;
  const client = {
    settings,
    builds: {
      find: async (id: string) => (id === found.id ? found : undefined),
      findByNvr: async (nvr: { name: string }) => (nvr.name === "hello-container" ? found : undefined),
      list: async () => [found],
    },
    logs: {
      list: async () => [{ name: "linux/amd64", bytes: 5, closed: true }],
      read: async (_run: string, _name: string, offset: number) =>
        offset === 0 ? { text: "STEP\u001b[2J 1\n", next: 5, closed: true } : { text: "", next: 5, closed: true },
    },
    runs: {
      start: async (request: RunRequest) => {
        asked.started.push(request);
        return "b1";
      },
      find: async () => story.run ?? run,
      journal: async () => [{ step: "lint", result: {}, startedAt: build.createdAt, finishedAt: build.createdAt }],
      cancel: async (id: string) => {
        asked.cancelled.push(id);
        return true;
      },
    },
    releases: { listReports: async () => [] },
    forge: {
      name: "local",
      findHead: async (repository: string) => (repository === "containers/hello" ? "c".repeat(40) : undefined),
      findPull: async (_repository: string, number: number) => (number === 7 ? pull : undefined),
      listPulls: async () => [pull],
      listStatuses: async () => story.statuses ?? [],
      listComments: async () => [],
    },
    people: () =>
      ({
        mergePull: async (_repository: string, number: number, person: string, head: string) => {
          asked.merged.push(`${number} at ${head} by ${person}`);
          return { mergeCommit: "m".repeat(40) };
        },
      }) as unknown as ForgePeople,
    close: async () => {
      asked.closed += 1;
    },
  } as unknown as Client;
  const surroundings: Surroundings = {
    terminal: {
      out: (text) => {
        said.out += text;
      },
      err: (text) => {
        said.err += text;
      },
      colours: false,
      live: false,
      width: 100,
    },
    environment: {},
    person: "alice",
    version: "1.2.3",
    now: () => Date.parse("2026-11-23T12:00:00Z"),
    uniqueId: () => "u1",
    loadSettings: () => settings,
    openClient: async () => client,
    serve: async () => {},
    releaseActions: () => ({
      plan: async () => [{ imageRepository: "hello", tag: "1.0-1", action: "tag-move", digest, message: "another digest is there" }],
      start: async () => [],
    }),
    verifyImage: () => async (image) => ({
      image,
      ok: false,
      digests: [{ digest, what: "linux/amd64", ok: false, message: "no signature" }],
    }),
    buildNetwork: () => unmanagedNetwork("none"),
    doctorChecks: () => [
      { name: "database", look: async () => "PostgreSQL 18" },
      {
        name: "engine",
        look: async () => {
          throw appError("cli.not-running", "no answer", { hint: "Start it" });
        },
      },
    ],
    githubApps: {} as Surroundings["githubApps"],
    onInterrupt: () => () => {},
    init: async () => ["made"],
  };
  const code = await runProgram(line, surroundings);
  return { code, ...said, ...asked };
}

describe("container-build", () => {
  test("starts a build of the branch's head, watches it and ends with 0", async () => {
    const { code, out, err, started, closed } = await flibs(["container-build", "hello", "--scratch"]);
    expect(code).toBe(0);
    expect(started[0]).toMatchObject({ flow: "build", intent: { repository: "containers/hello", scratch: true, requestedBy: "alice" } });
    expect(out).toBe("STEP 1\n");
    expect(err).toContain("hello-container-1.0-1 is built\n");
    expect(closed).toBe(1);
  });
  test("--nowait prints the id and goes", async () => {
    expect(await flibs(["container-build", "hello", "--nowait"])).toMatchObject({ code: 0, out: "b1\n" });
  });
  test("a failed build ends with 1 and says file, line and fix", async () => {
    const error = {
      code: "x",
      kind: "input" as const,
      message: "label version is missing",
      file: "Dockerfile",
      line: 3,
      hint: "Add LABEL version",
    };
    const { code, err } = await flibs(["container-build", "hello"], {
      build: { ...build, state: "failed", error },
      run: { ...run, status: "failed" },
    });
    expect(code).toBe(1);
    expect(err).toContain("hello-container-1.0-1 failed: label version is missing (Dockerfile:3)\n  Add LABEL version\n");
  });
  test("--json keeps standard output for the machine", async () => {
    const { out } = await flibs(["container-build", "hello", "--json"]);
    expect(JSON.parse(out)).toMatchObject({ id: "b1", state: "complete" });
  });
  test("watch follows a build by id or NVR", async () => {
    expect(await flibs(["watch", "hello-container-1.0-1"])).toMatchObject({
      code: 0,
      out: "STEP 1\n",
      err: expect.stringContaining("is built"),
    });
  });
  test("an unknown repository is usage, not a crash", async () => {
    expect(await flibs(["container-build", "nothing"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("containers/nothing has no branch main"),
    });
  });
});

describe("looking", () => {
  test("builds lists, show tells, by id or NVR", async () => {
    expect((await flibs(["builds"])).out).toContain("hello-container-1.0-1");
    expect((await flibs(["show", "b1"])).out).toContain("containers/hello main");
    expect((await flibs(["show", "hello-container-1.0-1"])).out).toContain("pass  smoke");
    expect(JSON.parse((await flibs(["show", "b1", "--json"])).out)).toMatchObject({ id: "b1", journal: [{ step: "lint" }] });
  });
  test("an unknown build says how to find one", async () => {
    expect(await flibs(["show", "zzz"])).toMatchObject({ code: 2, err: expect.stringContaining("flibs builds lists them") });
  });
  test("logs come without escape sequences; an unknown log names those that exist", async () => {
    expect((await flibs(["logs", "b1"])).out).toBe("STEP 1\n");
    expect((await flibs(["logs", "b1", "nope"])).err).toContain("It has linux/amd64");
  });
  test("a wrong state or count is refused before anything is asked", async () => {
    expect(await flibs(["builds", "--state", "green"])).toMatchObject({ code: 2, closed: 0 });
    expect(await flibs(["builds", "--limit", "0"])).toMatchObject({ code: 2 });
  });
  test("cancel names who did it", async () => {
    expect(await flibs(["cancel", "b1"])).toMatchObject({ code: 0, cancelled: ["b1"], out: "b1 is being cancelled\n" });
  });
});

describe("pull requests", () => {
  const passed: CommitStatus = { name: "flibs / promotion", state: "success", title: "ok", summary: "" };
  test("are shown without machine blocks and control sequences", async () => {
    const { out } = await flibs(["pr", "show", "7"], { statuses: [passed] });
    expect(out).toContain("#7 promote hello 1.0-1");
    expect(out).not.toContain("machine");
  });
  test("a promotion is merged only after its checks", async () => {
    expect(await flibs(["pr", "merge", "7"])).toMatchObject({
      code: 4,
      merged: [],
      err: expect.stringContaining("it has not been checked yet"),
    });
    const foreign = { ...passed, name: "somebody / else" };
    expect(await flibs(["pr", "merge", "7"], { statuses: [foreign] })).toMatchObject({ code: 4, merged: [] });
    const failed = { ...passed, state: "failure" as const };
    expect(await flibs(["pr", "merge", "7"], { statuses: [failed] })).toMatchObject({ code: 4, merged: [] });
    expect(await flibs(["pr", "merge", "7"], { statuses: [passed] })).toMatchObject({ code: 0, merged: ["7 at h by alice"] });
    expect(await flibs(["pr", "merge", "#7", "--force"])).toMatchObject({ code: 0, merged: ["7 at h by alice"] });
  });
  test("an unknown number is told", async () => {
    expect(await flibs(["pr", "show", "8"])).toMatchObject({ code: 2, err: expect.stringContaining("no pull request #8") });
    expect((await flibs(["pr", "list", "--state", "x"])).code).toBe(2);
  });
});

describe("release, verify, doctor", () => {
  test("release run without --confirm only tells", async () => {
    const { code, out } = await flibs(["release", "run"]);
    expect(code).toBe(0);
    expect(out).toContain("tag-move");
    expect(out).toContain("Nothing was done; add --confirm.");
  });
  test("release status fails when production contradicts git", async () => {
    expect((await flibs(["release", "status"])).code).toBe(1);
  });
  test("verify of an unsigned image ends with 1", async () => {
    expect(await flibs(["verify", "p.test/hello:1.0-1"])).toMatchObject({ code: 1, out: expect.stringContaining("no signature") });
  });
  test("doctor names what is wrong and how to mend it", async () => {
    const { code, out } = await flibs(["doctor"]);
    expect(code).toBe(1);
    expect(out).toMatch(/ok {3}database +PostgreSQL 18/);
    expect(out).toMatch(/BAD {2}engine +no answer\n +Start it/);
  });
});

describe("the command line itself", () => {
  test("has help with exit codes, a version, and suggestions", async () => {
    expect(await flibs(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("Exit codes: 0 done") });
    expect(await flibs(["pr", "list", "--help"])).toMatchObject({ code: 0, out: expect.stringContaining("--state <state>") });
    expect(await flibs(["--version"])).toMatchObject({ code: 0, out: "1.2.3\n" });
    expect(await flibs(["buildz"])).toMatchObject({ code: 2, err: expect.stringContaining("Did you mean builds?") });
    expect(await flibs(["show"])).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument") });
  });
  test("config explain tells each setting, check prints them without secrets", async () => {
    expect((await flibs(["config", "explain", "limits."])).out).toContain('limits.memory  string, default "2GiB"');
    expect((await flibs(["config", "check"])).out).toContain("repository: releng/manifests");
  });
});
