import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { badPromotions, path, type Texts } from "./bad-promotions.ts";
import { manifests, type RealWorld, realWorld } from "./real-world.ts";

/**
 * What people do to promotions, pushed to a real branch: the status that they then see, word for word; and when it is merged past the check,
 * what the release says, that it touches nothing of that image, and that another image is released by the same look at main.
 */
let at: RealWorld;
type Built = Awaited<ReturnType<RealWorld["build"]>>;
const image = "f40/cockpit";
const built = new Map<string, Built>();
/** The text of the promotion that flibs proposed, before anybody touched it. */
let good = "";
let base = "";
let policy = "";
let count = 0;
/** Where the other image's latest shall go next. */
let webTag: string | undefined;

beforeAll(async () => {
  at = await realWorld(["linux/amd64", "linux/arm64"]);
  const add = async (fields: Parameters<RealWorld["build"]>[0]) => {
    const build = await at.build(fields);
    built.set(build.id, build);
    return build;
  };
  const release = async (id: string) => {
    const { number } = await at.propose(id);
    await at.merge(number);
    await at.scan();
  };
  for (const [id, number] of [
    ["web1", "1.fc40"],
    ["web2", "2.fc40"],
  ] as const) {
    await add({ id, release: number, repository: "f40/web", version: "7" });
    await release(id);
  }
  await add({ id: "zero", release: "0.fc40" });
  await release("zero");
  await add({ id: "one", release: "1.fc40" });
  await release("one");
  await add({ id: "two", release: "2.fc40" });
  await add({ id: "child", release: "3.fc40" });
  await add({ id: "narrow", release: "4.fc40", platforms: ["linux/amd64"] });
  await add({ id: "unsigned", release: "5.fc40", signed: false });
  const failed = [{ suite: "smoke", outcome: "fail" as const, cases: [], message: "1 of 3 failed: answers on port 9090", durationMs: 1 }];
  await add({ id: "failing", release: "6.fc40", tests: failed });
  await add({ id: "tilde", version: "1.0~a", release: "1", tag: "1.0_a-1" });
  await add({ id: "caret", version: "1.0^a", release: "1", tag: "1.0_a-1" });
  base = await at.read(path);
  policy = await at.read("policy.yaml");
  const proposed = await at.propose("two");
  good = await at.read(path, proposed.branch);
  // The edits below are pull requests of their own.
  await at.forge.closePull(manifests, proposed.number, "alice");
}, 120_000);
afterAll(() => at.stop());

const digest = (id: string) => built.get(id)?.digest ?? "";
const added: Texts["added"] = (tag, build, what = digest(build)) =>
  base.replace("floating:\n", `  "${tag}":\n    digest: ${what}\n    build: "${build}"\nfloating:\n`);
const texts = (): Texts => ({ base, good, policy, digest, added, child: built.get("child")?.children[0] ?? "" });

/** Digests by the names of their builds, so that the text can stand here. */
function readable(text: string): string {
  let result = text;
  for (const [id, build] of built) {
    result = result.replaceAll(build.digest, `<${id}>`).replaceAll(build.digest.slice(7, 19), `<${id}>`);
    for (const [i, child] of build.children.entries())
      result = result.replaceAll(child, `<${id}/${i}>`).replaceAll(child.slice(7, 19), `<${id}/${i}>`);
  }
  return result.replaceAll("a".repeat(64), "<absent>");
}

describe("a promotion edited by hand", () => {
  // Main as it was, whatever the case did; and another image has something to do at the next look.
  afterEach(async () => {
    webTag = `7-${2 - (count % 2)}.fc40`;
    const web = (await at.read("images/f40/web.yaml")).replace(/latest: ".*"/, `latest: "${webTag}"`);
    const stray = { "images/f41/Cockpit.yaml": null, "images/f41/cockpit.yaml": null };
    await (await at.person(manifests)).push({ ...stray, [path]: base, "policy.yaml": policy, "images/f40/web.yaml": web });
  }, 60_000);

  test.each(badPromotions)(
    "$name",
    async ({ files, title, faults, merged, state = "failure" }) => {
      const edit = files(texts());
      const clone = await at.person(manifests);
      const branch = `edit-${++count}`;
      await clone.push(edit, branch);
      const request = { repository: manifests, headBranch: branch, baseBranch: "main", title: branch, body: "", person: "bob" };
      const { number } = await at.forge.openPull(request);
      const status = await at.check(number);
      expect(status).toMatchObject({ state: "failure", url: expect.stringContaining("http://flibs.example.test/builds/run-") });
      expect(readable(status.title)).toBe(title);
      expect(readable(status.summary).split("\n")).toEqual(["Merging this would not release what it says.", "", ...faults]);

      const before = await tags();
      const mergeCommit = await at.merge(number);
      const runs = await at.scan();
      expect(await tags()).toEqual(before);
      const said = (await at.forge.listStatuses(manifests, mergeCommit)).find((one) => isOfRelease.test(one.name));
      expect(said?.state).toBe(state);
      const lines = readable(said?.summary ?? "").split("\n");
      if (merged === "nothing") {
        expect(lines).toEqual([
          `**Nothing of \`${Object.keys(edit)[0]}\` is released.** What was released before stays as it is.`,
          "",
          ...faults,
        ]);
        // The same stands on the pull request that was merged.
        expect((await at.forge.listComments(manifests, number)).map((one) => one.text)).toEqual([said?.summary]);
      } else expect(lines.filter((line) => /^(\| `|- )/.test(line))).toEqual(merged);
      // The other image, which had something to do since the case before, was released all the same.
      if (webTag !== undefined) {
        expect(runs.map((run) => [run.subject, run.ending.status])).toContainEqual(["release production images/f40/web.yaml", "done"]);
        expect(await at.tag("f40/web", "latest")).toBe(await at.tag("f40/web", webTag));
      }
    },
    60_000,
  );

  test("CK9, DG15 a build whose tag another build has already is not proposed", async () => {
    await at.scan();
    const { number } = await at.propose("tilde");
    await at.merge(number);
    await expect(at.propose("caret")).rejects.toMatchObject({
      code: "promotion.tag-taken",
      message: `f40/cockpit:1.0_a-1 is ${digest("tilde")} of build tilde already`,
      hint: "Build again with a new release",
    });
  }, 60_000);
});

const isOfRelease = /^flibs \/ release( to production \(f4[01]\/cockpit\))?$/;

async function tags() {
  const found = (await at.clients.production.listTags(image)).filter((tag) => !tag.startsWith("sha256-"));
  return Object.fromEntries(await Promise.all(found.map(async (tag) => [tag, await at.tag(image, tag)])));
}
