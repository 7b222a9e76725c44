import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { z } from "zod";
import { planBuild } from "../../src/builds/plan-build.ts";
import { choosePlatforms } from "../../src/builds/platforms.ts";
import { checkedOutTree } from "../../src/distgit/checkout/checked-out-tree.ts";
import { type Dockerfile, parseDockerfile, type Stage } from "../../src/distgit/dockerfile.ts";
import { cutDockerfile } from "../../src/distgit/dockerfile-lines.ts";
import { lintTree } from "../../src/distgit/lint.ts";
import { rewriteDockerfile } from "../../src/distgit/rewrite-dockerfile.ts";
import { stageUsers } from "../../src/distgit/stage-users.ts";
import type { Tree } from "../../src/distgit/tree.ts";
import type { Platform } from "../../src/domain/platform.ts";
import { heredocDialect } from "./dialects.ts";

/**
 * Repositories as people have them, each with what a reader of the handbook expects of it. What is expected is written by hand: when a case fails,
 * find out which of the two is wrong, never copy what came out.
 */
const corpus = join(import.meta.dirname, "../fixtures/corpus");
const served: readonly Platform[] = ["linux/s390x", "linux/amd64", "linux/arm64", "linux/ppc64le"];
const texts = z.record(z.string(), z.string());

const Expected = z.strictObject({
  /** The builder knows here-documents. */
  heredocs: z.boolean().default(false),
  /** Base images, as written in FROM. */
  parents: z
    .record(z.string(), z.strictObject({ env: texts.default({}), labels: texts.default({}), user: z.string().default("") }))
    .default({}),
  /** Keywords in order. */
  instructions: z.string(),
  /** `scratch`, `stage N` or the image. */
  stages: z.array(z.string()),
  /** `file:line severity code`, in order. */
  findings: z.array(z.string()),
  /** `component name version[-release]` */
  identity: z.string().nullable(),
  platforms: z.array(z.string()).optional(),
  floating: z.array(z.string()).optional(),
  /** Of each stage at its end. */
  users: z.array(z.string()).optional(),
  /** Some of the labels in the Dockerfile as Docker reads them. */
  resolved: texts.default({}),
  /** Some of the labels that are added. */
  labels: texts.default({}),
});

const cases = readdirSync(corpus).map((name) => {
  const text = readFileSync(join(corpus, name, "expected.yaml"), "utf8");
  return { name, about: text.split("\n")[0]?.replace(/^# /, "") ?? "", expected: Expected.parse(parse(text)) };
});

test("there are enough of them", () => {
  expect(cases.length).toBeGreaterThanOrEqual(60);
});

describe.each(cases)("$name: $about", ({ name, expected }) => {
  const parent = (image: string) => expected.parents[image] ?? { env: {}, labels: {}, user: "" };
  const read = async () => {
    const tree = withoutExpected(await checkedOutTree(join(corpus, name)));
    const context = { dialectFor: async () => heredocDialect(expected.heredocs), parentLabels: (image: string) => parent(image).labels };
    return await lintTree(tree, (image) => parent(image).env, context);
  };

  test("is read as expected", async () => {
    const { dockerfile, findings, identity } = await read();
    const source = name === "containerfile" ? "" : readFileSync(join(corpus, name, "Dockerfile"), "utf8");
    const instructions = cutDockerfile(source).instructions.map((one) => one.keyword);
    expect(instructions.join(" ")).toBe(expected.instructions);
    expect((dockerfile?.stages ?? []).map(stageName)).toEqual(expected.stages);
    expect(findings.map((one) => `${one.file}:${one.line ?? ""} ${one.severity} ${one.code}`)).toEqual(expected.findings);
    const { component, name: image, version, release } = identity ?? {};
    const named = identity === undefined ? null : `${component} ${image} ${version}${release === undefined ? "" : `-${release}`}`;
    expect(named).toBe(expected.identity);
    expect(identity?.labels ?? {}).toMatchObject(expected.resolved);
  });

  test("is planned and rewritten as expected", async () => {
    const { dockerfile, identity, container, suites, findings } = await read();
    const isGood = identity !== undefined && !findings.some((one) => one.severity === "error");
    expect(isGood).toBe(expected.platforms !== undefined);
    if (!isGood || dockerfile === undefined) return;
    const users = stageUsers(
      dockerfile,
      (image) => parent(image).env,
      (image) => parent(image).user,
    );
    expect(users.map((user) => user ?? "root")).toEqual(expected.users);
    const plan = planBuild({
      ...{ build: "run-1", createdAt: "2026-11-26T12:00:00.000Z", identity, container, suites, parents: [] },
      platforms: choosePlatforms(served, container),
      request: { forge: "local", repository: "containers/a", branch: "f42", commit: "c".repeat(40), scratch: false, requestedBy: "alice" },
      nvr: { name: identity.component, version: identity.version, release: identity.release ?? "1" },
      attempt: 0,
    });
    expect(plan.platforms).toEqual(expected.platforms);
    expect(plan.floatingTags).toEqual(expected.floating);
    expect(plan.labels).toMatchObject(expected.labels);
    expectRewriting(dockerfile, users, plan.labels, expected.heredocs);
  });
});

/** Whatever the style: the result parses, has the repository's instructions in their order, each FROM pinned, and rewriting again changes nothing. */
function expectRewriting(
  dockerfile: Dockerfile,
  users: readonly (string | undefined)[],
  labels: Readonly<Record<string, string>>,
  heredocs: boolean,
): void {
  const pin = `mirror.example.test/x@sha256:${"b".repeat(64)}`;
  const rewriting = {
    pinned: (image: string) => (image === pin ? undefined : pin),
    env: { name: "REL", value: "1" },
    repositories: { source: ".flibs/repos/", names: ["flibs-1.repo"], users },
    buildinfo: ".flibs/buildinfo.tar",
    help: ".flibs/help.1",
    labels,
  };
  const { text, lines } = rewriteDockerfile(dockerfile, rewriting);
  const { dockerfile: after, findings } = parseDockerfile(text, heredocDialect(heredocs));
  if (after === undefined) throw new Error("no stage is left");
  expect(findings.filter((one) => one.severity === "error")).toEqual([]);
  const theirs = after.instructions.filter((_, index) => lines[index] !== undefined);
  expect(theirs.map((one) => one.keyword)).toEqual(dockerfile.instructions.map((one) => one.keyword));
  expect(lines.filter((line) => line !== undefined)).toEqual(dockerfile.instructions.map((one) => one.line));
  expect(after.stages.map(stageName)).toEqual(dockerfile.stages.map((stage) => (stage.base.kind === "image" ? pin : stageName(stage))));
  expect(after.instructions.at(-1)?.keyword).toBe("LABEL");
  expect(rewriteDockerfile(after, rewriting).text).toBe(text);
}

function stageName({ base, image }: Stage): string {
  return base.kind === "stage" ? `stage ${base.index}` : base.kind === "scratch" ? "scratch" : image;
}

function withoutExpected(tree: Tree): Tree {
  return { ...tree, entries: tree.entries.filter((one) => one.path !== "expected.yaml") };
}
