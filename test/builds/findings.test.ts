import { expect, test } from "@jest/globals";
import { annotationsOf } from "../../src/builds/findings-text.ts";
import { type Finding, finding, warning } from "../../src/distgit/finding.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, goodFiles, request } from "./build-world.ts";

const lint = "flibs / lint";
const from = "FROM registry.fedoraproject.org/fedora:42\n";
const missing = finding("distgit.label-missing", "Dockerfile", 2, "it is missing", "Add it");

test("findings become remarks at lines, errors first, each once", () => {
  const later = warning("distgit.container-yaml-invalid", "container.yaml", undefined, "not yet", "Leave it");
  expect(annotationsOf([later, missing, missing], undefined, {})).toEqual([
    { path: "Dockerfile", line: 2, level: "failure", message: "it is missing\nFix: Add it", title: "distgit.label-missing" },
    { path: "container.yaml", line: 1, level: "warning", message: "not yet\nFix: Leave it", title: "distgit.container-yaml-invalid" },
  ]);
});

test("what is read from the base branch is no remark on a stranger's pull request", () => {
  const files = ["container.yaml", "tests/commands.yaml", "tests", "tests.md", "Dockerfile"];
  const findings = files.map((file) => finding("distgit.tests-invalid", file, undefined, "x", "y"));
  const paths = annotationsOf(findings, undefined, { stranger: { base: "b".repeat(40) } }).map((one) => one.path);
  expect(paths).toEqual(["tests.md", "Dockerfile"]);
});

test("remarks are bounded in number and size", () => {
  const many = Array.from({ length: 400 }, (_, i): Finding => ({ ...missing, line: i + 1, message: "\u{1F600}".repeat(5000) }));
  const remarks = annotationsOf(many, undefined, {});
  expect(remarks).toHaveLength(250);
  expect(Buffer.byteLength(remarks[0]?.message ?? "")).toBeLessThan(8001);
  expect(remarks[0]?.message.isWellFormed()).toBe(true);
});

test("lint saves what it found with the build and says it at the lines", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.files = { Dockerfile: `${from}LABEL name=f42/hello version=1-2\n`, "container.yaml": "compose: {}\n" };
  await world.run("run-1");
  expect(world.records.get("run-1")?.findings?.map(({ severity, file, line }) => [severity, file, line])).toEqual([
    ["error", "Dockerfile", 1],
    ["error", "Dockerfile", 2],
    ["warning", "container.yaml", 1],
  ]);
  expect(world.statuses.get(lint)?.annotations?.map(({ level, path, line }) => [level, path, line])).toEqual([
    ["failure", "Dockerfile", 1],
    ["failure", "Dockerfile", 2],
    ["warning", "container.yaml", 1],
  ]);
});

test("what only the parent's ENV shows is found and saved too", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.files = { Dockerfile: `${from}LABEL com.redhat.component=hello-container name=f42/hello version=$NOPE\n` };
  expect(await world.run("run-1")).toMatchObject({ code: "distgit.variable-undefined" });
  expect(world.records.get("run-1")?.findings).toMatchObject([{ code: "distgit.variable-undefined", line: 2 }]);
  expect(world.statuses.get(lint)?.annotations).toMatchObject([{ path: "Dockerfile", line: 2, level: "failure" }]);
});

test("a parent that is not allowed and an instruction that fails are remarks at their lines", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.files = { Dockerfile: goodFiles.Dockerfile?.replace("registry.fedoraproject.org", "evil.example.test") ?? "" };
  await world.run("run-1");
  expect(world.statuses.get(lint)?.annotations).toMatchObject([{ path: "Dockerfile", line: 1, title: "builds.parent-not-allowed" }]);

  world.files = { Dockerfile: `${goodFiles.Dockerfile}RUN false\n` };
  world.outcome = { outcome: "failed", message: "RUN false returned 1", instruction: "RUN false", step: 3 };
  await world.run("run-2");
  expect(world.statuses.get(lint)?.annotations).toBeUndefined();
  expect(world.statuses.get("flibs / build (linux/amd64)")?.annotations).toMatchObject([
    { path: "Dockerfile", line: 3, level: "failure", title: "builds.build-failed" },
  ]);
});

test("secrets that stand in a file are masked before a finding is kept", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  world.files = { ...goodFiles, "container.yaml": "hunter22: 1\n" };
  await world.run("run-1");
  expect(JSON.stringify([...world.statuses.values()])).not.toContain("hunter22");
  expect(JSON.stringify(world.records.get("run-1")?.findings)).toContain("(masked)");
});

test("a journal of a release that kept no findings is gone on with", async () => {
  await using scratch = await scratchDirectory();
  const world = buildWorld(scratch.path);
  const at = { startedAt: "2026-11-23T21:00:00Z", finishedAt: "2026-11-23T21:00:00Z", phase: "run" } as const;
  world.journal.runOf("run-1").journal.set("lint", { step: "lint", result: null, ...at });
  expect(await world.run("run-1", request)).toBeUndefined();
});
