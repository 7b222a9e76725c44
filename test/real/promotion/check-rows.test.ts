import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { openGitCheckout } from "../../../src/promotion/checkout/git-checkout.ts";
import { planCheckout } from "../../../src/promotion/plan-checkout.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { manifests, type RealWorld, realWorld } from "./real-world.ts";

/** The rows of the check table that are about what registries and signatures are, on real docker-registry and GnuPG. */
let at: RealWorld;
const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
let base = "";
let count = 0;

beforeAll(async () => {
  at = await realWorld(["linux/amd64", "linux/arm64"]);
  await at.build({ id: "one", release: "1.fc40" });
  const { number } = await at.propose("one");
  await at.merge(number);
  await at.scan();
  base = await at.read(path);
}, 120_000);
afterAll(() => at.stop());

/** A pull request of a person's that adds a release; its status. */
async function judge(tag: string, digest: string, build: string) {
  const branch = `edit-${++count}`;
  const text = base.replace("floating:\n", `  "${tag}":\n    digest: ${digest}\n    build: "${build}"\nfloating:\n`);
  await (await at.person(manifests)).push({ [path]: text }, branch);
  const request = { repository: manifests, headBranch: branch, baseBranch: "main", title: branch, body: "", person: "bob" };
  const { number } = await at.forge.openPull(request);
  const status = await at.check(number);
  await at.forge.closePull(manifests, number, "bob");
  return status;
}

const failed = (row: string, says: RegExp) => ({
  state: "failure",
  summary: expect.stringMatching(new RegExp(`${says.source}[^\n]*\\(${row}\\)`)),
});
const production = () => at.clients.production;
const candidate = () => at.clients.candidate;

/** Production as it is after the first release. */
afterEach(async () => {
  expect(await at.tag(image, "latest")).toBe(at.builds.get("one")?.digest);
});

test("CK2: the release tag stands in production with another digest", async () => {
  const build = await at.build({ id: "two", release: "2.fc40" });
  expect(await judge("323-2.fc40", build.digest, "two")).toMatchObject({ state: "success" });
  const first = at.builds.get("one")?.digest;
  if (!first) throw new Error("no release");
  await production().putManifest(image, "323-2.fc40", await production().readManifest(image, first));
  expect(await judge("323-2.fc40", build.digest, "two")).toMatchObject(failed("CK2", /323-2.fc40 is immutable and stands at/));
});

test("CK3: the digest is in neither registry, and the candidate lost a platform", async () => {
  const absent = `sha256:${"a".repeat(64)}`;
  expect(await judge("323-3.fc40", absent, "nobody")).toMatchObject(failed("CK3", /is neither in candidate nor in production/));
  const build = await at.build({ id: "three", release: "3.fc40" });
  const [child] = build.children;
  if (!child) throw new Error("no platform");
  await candidate().deleteManifest(image, child);
  expect(await judge("323-3.fc40", build.digest, "three")).toMatchObject(failed("CK3", /in candidate is not whole/));
});

test("CK4, CK5: the image of one platform after a manifest list", async () => {
  const build = await at.build({ id: "four", release: "4.fc40" });
  const status = await judge("323-4.fc40", build.children[0] ?? "", "four");
  expect(status).toMatchObject(failed("CK4", /is the image of one platform, the release before it is a manifest list/));
  expect(status).toMatchObject(failed("CK5", /the image has no linux\/arm64, only linux\/amd64/));
});

test("CK5: a manifest list without a required platform", async () => {
  const build = await at.build({ id: "five", release: "5.fc40", platforms: ["linux/amd64"] });
  expect(await judge("323-5.fc40", build.digest, "five")).toMatchObject(failed("CK5", /the image has no linux\/arm64/));
});

test("CK6: a candidate that nobody signed", async () => {
  const build = await at.build({ id: "six", release: "6.fc40", signed: false });
  expect(await judge("323-6.fc40", build.digest, "six")).toMatchObject(
    failed("CK6", /has no valid signature of the candidate key \(index, linux\/amd64, linux\/arm64\)/),
  );
});

test("a clone is tried on the registries: what would be copied, moved and refused, and nothing is written", async () => {
  const build = await at.build({ id: "eight", release: "8.fc40" });
  await using scratch = await scratchDirectory();
  const directory = join(scratch.path, "clone");
  const origin = (await at.person(manifests)).bare;
  execFileSync("git", ["clone", "-q", origin, directory]);
  const text = base
    .replace("floating:\n", `  "323-8.fc40":\n    digest: ${build.digest}\n    build: "eight"\nfloating:\n`)
    .replace(/latest: ".*"/, 'latest: "323-8.fc40"');
  const plan = async (written: string) => {
    await writeFile(join(directory, path), written);
    const checkout = await openGitCheckout(directory);
    const settings = { repository: manifests, registries: at.ports.settings.registries };
    return await planCheckout({ registries: at.ports.registries, settings }, checkout, { since: "HEAD", all: false });
  };
  const found = await plan(text);
  expect(found).toMatchObject({ images: 1, faults: [], plans: [{ path, registry: "production" }] });
  const actions = found.plans[0]?.tags.map((one) => `${one.tag} ${one.action}`) ?? [];
  expect(actions).toEqual(expect.arrayContaining(["323-8.fc40 copy", "latest move"]));
  expect(await at.tag(image, "323-8.fc40")).toBeUndefined();
  const lost = await plan(text.replace(build.digest, `sha256:${"b".repeat(64)}`));
  expect(lost.faults).toMatchObject([{ check: "CK3", file: path }]);
});

test("DG6: a candidate that is collected while its pull request is open fails the next check, and is released when it is back", async () => {
  const build = await at.build({ id: "seven", release: "7.fc40" });
  const { number } = await at.propose("seven");
  expect(await at.check(number)).toMatchObject({ state: "success" });
  const index = await candidate().readManifest(image, build.digest);
  await candidate().deleteManifest(image, build.digest);
  expect(await at.check(number)).toMatchObject(failed("CK3", /is neither in candidate nor in production/));
  await candidate().putManifest(image, build.digest, index);
  expect(await at.check(number)).toMatchObject({ state: "success" });
});
