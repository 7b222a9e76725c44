import { describe, expect, test } from "@jest/globals";
import type { BuildDocument } from "../../src/documents/document.ts";
import type { CommitStatus } from "../../src/forge/forge.ts";
import { build, flibs, run } from "./cli-world.ts";

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
  test("documents are listed, and printed byte for byte", async () => {
    const text = (name: string) => `{"of": "${name}"}\n`;
    const document = (name: string, mediaType: string): BuildDocument => ({ name, mediaType, text: text(name) });
    const documents = [
      document("metadata.json", "application/json"),
      document("x86_64.spdx.json", "application/spdx+json"),
      document("x86_64.cdx.json", "application/vnd.cyclonedx+json; version=1.6"),
      document("provenance.intoto.json", "application/vnd.in-toto+json"),
    ];
    const run = async (...line: string[]) => (await flibs(line, { documents })).out;
    expect(await run("documents", "b1")).toBe(
      "NAME                    SIZE  TYPE\n" +
        "metadata.json           24 B  application/json\n" +
        "x86_64.spdx.json        27 B  application/spdx+json\n" +
        "x86_64.cdx.json         26 B  application/vnd.cyclonedx+json; version=1.6\n" +
        "provenance.intoto.json  33 B  application/vnd.in-toto+json\n",
    );
    expect(await run("documents", "b1", "x86_64.cdx.json")).toBe(text("x86_64.cdx.json"));
    expect(await run("metadata", "hello-container-1.0-1")).toBe(text("metadata.json"));
    expect(await run("show", "b1", "--metadata")).toBe(text("metadata.json"));
    expect(await run("provenance", "b1")).toBe(text("provenance.intoto.json"));
    expect(await run("sbom", "b1")).toBe(text("x86_64.spdx.json"));
    expect(await run("sbom", "b1", "--arch", "x86_64", "--format", "cyclonedx")).toBe(text("x86_64.cdx.json"));
    expect(await run("show", "b1")).toContain("documents   metadata.json, x86_64.spdx.json, x86_64.cdx.json, provenance.intoto.json\n");
    expect(JSON.parse(await run("show", "b1", "--json"))).toMatchObject({ documents: [{ name: "metadata.json", bytes: 24 }, {}, {}, {}] });
  });
  test("a document that is not there is told with those that are", async () => {
    const two = ["aarch64", "x86_64"].map((name) => ({ name: `${name}.spdx.json`, mediaType: "m", text: "{}\n" }));
    expect(await flibs(["metadata", "b1"])).toMatchObject({
      code: 2,
      err: 'flibs: build b1 has no document "metadata.json"\n  It has none: it has not got that far, or an older release built it\n',
    });
    expect((await flibs(["documents", "b1"])).out).toBe("no documents\n");
    expect((await flibs(["documents", "b1", "x\u001b[2J"], { documents: two })).err).toBe(
      'flibs: build b1 has no document "x"\n  It has aarch64.spdx.json, x86_64.spdx.json\n',
    );
    expect(await flibs(["sbom", "b1"], { documents: two })).toMatchObject({
      code: 2,
      err: "flibs: build b1 has an image for each of aarch64, x86_64\n  Add --arch aarch64\n",
    });
    expect(await flibs(["sbom", "b1"])).toMatchObject({
      code: 2,
      err: "flibs: build b1 has no bill of materials\n  It has not got that far, or an older release built it\n",
    });
    expect(await flibs(["sbom", "b1", "--format", "csv"], { documents: two })).toMatchObject({
      code: 2,
      closed: 0,
      err: 'flibs: "csv" is not a format\n  Write spdx or cyclonedx\n',
    });
  });
  test("a log whose text is gone is told as such", async () => {
    expect(await flibs(["logs", "b1"], { prunedAt: "2026-11-20T01:02:03.000Z" })).toMatchObject({
      code: 0,
      out: "",
      err: "--- linux/amd64 was removed on 2026-11-20: logs are not kept for ever\n",
    });
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
  test.each([
    ["lost", 1],
    ["tag-move", 1],
    ["drift", 1],
    ["refused", 1],
    ["failed", 1],
    ["copy", 0],
    ["withdrawn", 0],
  ])("release status with a tag that is to be %s ends with %d", async (action, code) => {
    expect(await flibs(["release", "status"], { planned: action })).toMatchObject({ code, out: expect.stringContaining(action) });
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
