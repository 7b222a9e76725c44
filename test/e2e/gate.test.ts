import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { formatNvr } from "../../src/domain/nvr.ts";
import { copyTemplate, type Person } from "../support/installation.ts";
import { peopleOf } from "../support/people-of.ts";
import { type RunningService, startRunningService, until } from "../support/running-service.ts";
import { verifyTag } from "../support/verify-tag.ts";

// One story on real parts: a build that two tests hold back is let through by people who say why, is shown so, and is released.
const repository = "containers/gated";
const manifests = "releng/manifests";
const gatingYaml = `--- !Policy
product_versions: ["*"]
decision_contexts: [flibs_promote]
rules:
  - !PassingTestCaseRule {test_case_name: fedora-ci.soak}
`;

let flibs: RunningService;
let person: Person;
let build: BuildRecord;
let pull: number;

beforeAll(async () => {
  flibs = await startRunningService();
  person = await flibs.repository(repository);
  await copyTemplate(person.directory, "gated");
}, 120_000);
afterAll(async () => {
  await flibs?.remove();
}, 60_000);

interface Decision {
  readonly policies_satisfied: boolean;
  readonly summary: string;
  readonly satisfied_requirements: readonly { readonly testcase: string; readonly type: string }[];
  readonly unsatisfied_requirements: readonly { readonly testcase: string; readonly type: string }[];
}

async function decide(subject: { readonly subject_type: string; readonly subject_identifier: string }): Promise<Decision> {
  const body = { product_version: "fedora-rawhide", decision_context: "flibs_promote", ...subject };
  const answer = await fetch(`${flibs.service.address}/greenwave/api/v1.0/decision`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Decision;
}

const byNvr = () => decide({ subject_type: "koji_build", subject_identifier: build.nvr === undefined ? "" : formatNvr(build.nvr) });
const typesOf = ({ satisfied_requirements: satisfied, unsatisfied_requirements: open }: Decision) =>
  Object.fromEntries([...satisfied, ...open].map(({ testcase, type }) => [testcase, type]));

const comment = (who: string, text: string) => peopleOf(flibs.app).addComment(repository, pull, who, text);

/** What was said is heard sooner or later. */
const requirement = (testcase: string, type: string) =>
  until(`${testcase} to be ${type}`, async () => {
    const decision = await byNvr();
    return typesOf(decision)[testcase] === type ? decision : undefined;
  });

const promotionPulls = () => flibs.app.forge.listPulls(manifests, "open");
const promotionPull = () => until("the promotion", async () => (await promotionPulls())[0]);

test("a required test that fails and one that nobody ran hold a build back, each by its name", async () => {
  const yaml = await readFile(join(person.directory, "tests/commands.yaml"), "utf8");
  const held = { "gating.yaml": gatingYaml, "tests/commands.yaml": yaml.replace("output: hello, world", "output: good night") };
  await flibs.endOfBuild(repository, await person.push(held));
  await person.git("checkout", "--quiet", "-b", "topic");
  await person.push({ "root/topic": "1\n" }, "topic");
  const people = peopleOf(flibs.app);
  ({ number: pull } = await people.openPull({
    ...{ repository, headBranch: "topic", baseBranch: "main", title: "Say it at night", body: "", person: "alice" },
  }));
  const { mergeCommit } = await people.mergePull(repository, pull, "alice");
  build = await flibs.endOfBuild(repository, mergeCommit);
  expect(build.state).toBe("complete");
  const decision = await byNvr();
  expect(decision).toMatchObject({ policies_satisfied: false });
  expect(typesOf(decision)).toEqual({
    "fetched-gating-yaml": "fetched-gating-yaml",
    "flibs.smoke": "test-result-failed",
    "flibs.structure": "test-result-passed",
    "fedora-ci.soak": "test-result-missing",
  });
  expect(await promotionPulls()).toEqual([]);
}, 300_000);

test("a waiver of one of them is not enough, and is for no other image", async () => {
  await comment("alice", "/waive smoke the words are being changed --for 7d");
  const waived = await requirement("flibs.smoke", "test-result-failed-waived");
  expect(waived.policies_satisfied).toBe(false);
  expect(typesOf(waived)).toMatchObject({ "fedora-ci.soak": "test-result-missing" });
  expect(await promotionPulls()).toEqual([]);
  const other = { subject_type: "container-image", subject_identifier: `sha256:${"0".repeat(64)}` };
  const answer = await fetch(`${flibs.service.address}/waiverdb/api/v1.0/waivers/?${new URLSearchParams(other)}`);
  expect(((await answer.json()) as { data: unknown[] }).data).toEqual([]);
}, 120_000);

test("once both are waived it is proposed, with who waived what and why at its top; its merge is a release", async () => {
  await comment("alice", "/waive fedora-ci.soak nothing that soaks has changed");
  const promotion = await promotionPull();
  expect(promotion.body).toMatch(/waived/);
  for (const words of ["smoke", "fedora-ci.soak", "the words are being changed", "nothing that soaks has changed", "alice"]) {
    expect(promotion.body).toContain(words);
  }
  expect(await byNvr()).toMatchObject({ policies_satisfied: true, summary: "All required tests passed" });
  const checks = await flibs.finalStatuses(manifests, promotion.head);
  expect(checks.map(({ state }) => state)).toEqual(checks.map(() => "success"));
  await peopleOf(flibs.app).mergePull(manifests, promotion.number, "alice");
  const name = build.plan?.imageRepository ?? "";
  const tag = build.plan?.primaryTag ?? "";
  await until("the release", async () => flibs.app.registries.named("production").findManifest(name, tag));
  const latest = async () => flibs.app.registries.named("production").findManifest(name, "latest");
  await until("the newest tag", latest);
  expect(await verifyTag(flibs.app, "production", name, tag)).toMatchObject({ ok: true, digest: build.digest });
}, 300_000);

test("what was waived is waived for this image only: the next build is held back again, and a waiver that is taken back counts no more", async () => {
  const commit = await person.push({ "root/topic": "2\n" });
  const first = build;
  build = await flibs.endOfBuild(repository, commit);
  expect(build.digest).not.toBe(first.digest);
  expect(typesOf(await byNvr())).toMatchObject({ "flibs.smoke": "test-result-failed", "fedora-ci.soak": "test-result-missing" });
  expect(await promotionPulls()).toEqual([]);
  const nvr = build.nvr === undefined ? "" : formatNvr(build.nvr);
  await comment("alice", `/waive smoke still being changed --nvr ${nvr}`);
  await comment("alice", `/waive fedora-ci.soak still nothing --nvr ${nvr}`);
  const promotion = await promotionPull();
  await requirement("flibs.smoke", "test-result-failed-waived");
  await comment("alice", `/unwaive smoke it is wrong after all --nvr ${nvr}`);
  const failed = await until("the check that fails", async () => {
    const [open] = await promotionPulls();
    const checks = await flibs.app.forge.listStatuses(manifests, open?.head ?? promotion.head);
    return checks.find(({ state }) => state === "failure");
  });
  expect(`${failed.title} ${failed.summary}`).toMatch(/smoke/);
  expect(typesOf(await byNvr())).toMatchObject({ "flibs.smoke": "test-result-failed" });
}, 300_000);
