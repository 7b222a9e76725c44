import { describe, expect, test } from "@jest/globals";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { planReleases, releaseScanFlow, startReleases } from "../../src/promotion/release-scan-flow.ts";
import { turnTest } from "../support/turn-test.ts";
import { manifests, run, world } from "./world.ts";

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const intent = { repository: manifests, registry: "production", path, commit: "hint" };

async function promote(at: World, id: string, release: string) {
  const build = await at.build({ id, release });
  const proposed = await proposePromotion(at.ports, id);
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  return { ...proposed, build };
}

async function check(at: World, number: number) {
  const pull = await at.ports.forge.findPull(manifests, number);
  const head = pull?.head ?? "";
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  return at.git.statuses.get(`${head} flibs / promotion`);
}

describe("from a build to production", () => {
  test("a promotion is proposed, checked, merged, released and signed; latest is written last", async () => {
    const at = world();
    const { number, build } = await promote(at, "b1", "1.fc40");
    expect(await check(at, number)).toMatchObject({ state: "success", title: "writes 323-1.fc40, 323, latest" });
    const merge = at.git.merge(number);
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    expect(at.started.map((one) => one.subject)).toEqual([`release production ${path}`]);
    await run(releaseFlow(at.ports), intent);
    expect(at.production.writes).toEqual(["f40/cockpit:323-1.fc40", "f40/cockpit:323", "f40/cockpit:latest"]);
    expect(at.production.tags.get("f40/cockpit:latest")).toBe(build.digest);
    // Index and one platform, three names.
    expect(at.signers.production.signed).toHaveLength(6);
    expect(at.git.comments.get(`#${number} release production ${path} ${at.reconciled.get(`production ${path}`)?.blob}`)).toContain(
      "323-1.fc40",
    );
    expect(at.git.statuses.get(`${merge} flibs / release to production (f40/cockpit)`)?.state).toBe("success");
    expect(at.reports.map((one) => one.outcome)).toEqual(["released"]);
    expect((await startReleases(at.ports, false, "again")).runs).toEqual([]);
    expect(await planReleases(at.ports, true)).toEqual([]);
  });

  test("doing it again changes nothing", async () => {
    const at = world();
    const { number } = await promote(at, "b1", "1.fc40");
    expect((await proposePromotion(at.ports, "b1")).outcome).toBe("unchanged");
    at.git.merge(number);
    await run(releaseFlow(at.ports), intent);
    await run(releaseFlow(at.ports), intent);
    expect(at.production.writes).toHaveLength(3);
    expect(at.reports.map((one) => one.outcome)).toEqual(["released", "nothing-to-do"]);
    expect((await proposePromotion(at.ports, "b1")).outcome).toBe("already-released");
  });

  test("a newer build takes the pull request over and says so; an older one does not", async () => {
    const at = world();
    const first = await promote(at, "b1", "1.fc40");
    const second = await promote(at, "b2", "2.fc40");
    expect(second).toMatchObject({ outcome: "updated", number: first.number });
    expect(at.git.comments.get(`#${first.number} superseded b1 b2`)).toBe("Superseded `323-1.fc40` by `323-2.fc40`.");
    expect(await proposePromotion(at.ports, "b1")).toMatchObject({ outcome: "superseded", by: "b2" });
  });

  test("a person's commit on the branch is left alone: a second branch, and both say so", async () => {
    const at = world();
    const first = await promote(at, "b1", "1.fc40");
    const theirs = at.git.commit(first.branch, { "images/f40/cockpit.yaml": "by hand" });
    const second = await promote(at, "b2", "2.fc40");
    expect(second).toMatchObject({ outcome: "opened", branch: "promote/f40/cockpit-2" });
    expect(at.git.branches.get(first.branch)).toBe(theirs);
    expect(at.git.pulls[1]?.body).toContain("has a person's commit");
    expect(at.git.comments.get("#1 person-owned")).toContain(`#${second.number}`);
  });

  test("rollback moves floating tags back to a former value and nothing else", async () => {
    const at = world();
    const one = await promote(at, "b1", "1.fc40");
    at.git.merge(one.number);
    await run(releaseFlow(at.ports), intent);
    at.git.merge((await promote(at, "b2", "2.fc40")).number);
    await run(releaseFlow(at.ports), intent);
    const main = at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
    at.git.commit("main", { [path]: main.replace('latest: "323-2.fc40"', 'latest: "323-1.fc40"') });
    await run(releaseFlow(at.ports), intent);
    expect(at.production.tags.get("f40/cockpit:latest")).toBe(one.build.digest);
    expect(at.production.tags.get("f40/cockpit:323-2.fc40")).toBeDefined();
    expect(at.reports.at(-1)?.lines.find((line) => line.tag === "latest")?.what).toBe("moved");
  });

  test("the second promotion shows packages, and a body cannot be broken out of by a label", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    await run(releaseFlow(at.ports), intent);
    const build = await at.build({ id: "b2", release: "2.fc40" });
    const image = build.images[0];
    if (!image) throw new Error("no image");
    const labels = { evil: "` | </details> @alice <script>\n/merge --> #1" };
    at.builds.set("b2", { ...build, images: [{ ...image, config: { ...image.config, user: "root", labels } }] });
    const proposed = await proposePromotion(at.ports, "b2");
    const body = at.git.pulls.at(-1)?.body ?? "";
    expect(proposed.outcome).toBe("opened");
    expect(body).toContain("1 upgraded, 0 downgraded, 0 added, 0 removed");
    expect(body).toContain("| `bash.x86_64` | upgraded | `5.2-1.fc40` | `5.2-2.fc40` |");
    expect(body).toContain("the image now runs as root");
    const evil = body.split("\n").filter((line) => line.includes("script"));
    expect(evil).toEqual(["| all | Label evil |  | `' ¦ </details> @alice <script> /merge -\u200b-> #1` |".replace("|  |", "| - |")]);
    expect(body.match(/-->/g)).toHaveLength(1);
  });
});

describe("the body", () => {
  turnTest("stays below what forges take, and keeps what merging does and the machine block", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    await run(releaseFlow(at.ports), intent);
    const build = await at.build({ id: "b2", release: "2.fc40" });
    const image = build.images[0];
    const rpm = image?.rpms[0];
    if (!image || !rpm) throw new Error("no image");
    const rpms = Array.from({ length: 5000 }, (_, i) => ({ ...rpm, name: `${"long".repeat(40)}${i}` }));
    const labels = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`label${i}`, "<".repeat(100_000)]));
    at.builds.set("b2", { ...build, images: [{ ...image, rpms, config: { ...image.config, labels } }] });
    await proposePromotion(at.ports, "b2");
    const body = at.git.pulls.at(-1)?.body ?? "";
    expect(body.length).toBeLessThanOrEqual(60_000);
    expect(body).toContain("5000 added");
    expect(body).toContain("### What merging does");
    expect(body).toContain("`registry.example.test/f40/cockpit:latest`");
    expect(body).toContain("<!-- flibs:promotion ");
  });

  test("a current release that was built elsewhere is said to be unknown", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    await run(releaseFlow(at.ports), intent);
    at.builds.delete("b1");
    await promote(at, "b2", "2.fc40");
    expect(at.git.pulls.at(-1)?.body).toContain("Not compared: the current release was not built here");
  });
});

describe("one bad thing holds up no other", () => {
  test("a broken image file is told with line and fix, its neighbour is released", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    const head = at.git.commit("main", { "images/f40/broken.yaml": "schema: 1\nrepository: f40/broken\nreleases: []\n" });
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    expect(at.started.map((one) => one.subject).sort()).toEqual([
      "release production images/f40/broken.yaml",
      `release production ${path}`,
    ]);
    const broken = { ...intent, path: "images/f40/broken.yaml" };
    await expect(run(releaseFlow(at.ports), broken)).rejects.toMatchObject({ code: "promotion.file-invalid", file: broken.path });
    await run(releaseFlow(at.ports), intent);
    expect(at.production.writes).toHaveLength(3);
    expect(at.git.statuses.get(`${head} flibs / release to production (f40/broken)`)?.summary).toContain("broken.yaml:3");
  });

  test("a policy that disagrees with the settings releases nothing and is told once", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
    at.git.commit("main", { "policy.yaml": policy.replace("registry.example.test", "evil.example.test") });
    await expect(startReleases(at.ports, false, "k")).rejects.toMatchObject({
      code: "promotion.policy-invalid",
      file: "policy.yaml",
      line: 5,
    });
    expect(at.started).toEqual([]);
  });

  test("when main moves, open promotions of a changed file are computed anew and all are checked again", async () => {
    const at = world();
    const one = await promote(at, "b1", "1.fc40");
    await at.build({ id: "c1", release: "1.fc40", repository: "f40/web" });
    const two = await proposePromotion(at.ports, "c1");
    at.git.commit("main", {
      [path]: (at.git.read(at.git.branches.get(one.branch) ?? "")[path] ?? "").replaceAll("323", "322").replace('"b1"', '"b0"'),
    });
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    const checks = at.started.filter((run) => run.flow === "check-promotion").map((run) => run.intent);
    const heads = await Promise.all(
      [1, 2].map(async (number) => ({ repository: manifests, number, head: (await at.ports.forge.findPull(manifests, number))?.head })),
    );
    expect(checks).toEqual(heads);
    expect(heads[0]?.head).not.toBe(one.head);
    expect(two.outcome).toBe("opened");
    expect(at.git.read(heads[0]?.head ?? "")[path]).toContain('"322-1.fc40"');
  });

  test("a promotion that cannot follow main is told once, and again when it is for another reason", async () => {
    const at = world();
    const { branch, head } = await promote(at, "b1", "1.fc40");
    at.git.commit("main", { [path]: (at.git.read(at.git.branches.get(branch) ?? "")[path] ?? "").replaceAll("323", "322") });
    const said: string[] = [];
    const setStatus: typeof at.ports.forge.setStatus = async (repository, commit, status) => {
      said.push(`${commit} ${status.title}`);
      await at.ports.forge.setStatus(repository, commit, status);
    };
    const build = at.builds.get("b1");
    const scan = (find: typeof at.ports.builds.find) =>
      run(releaseScanFlow({ ...at.ports, builds: { ...at.ports.builds, find }, forge: { ...at.ports.forge, setStatus } }), {
        repository: manifests,
        full: false,
      });
    for (let i = 0; i < 3; i++) await scan(async () => undefined);
    expect(said).toEqual([`${head} cannot follow the base branch: build b1 cannot be promoted: there is no such build`]);
    await scan(async () => build && { ...build, state: "failed" });
    expect(said.slice(1)).toEqual([`${head} cannot follow the base branch: build b1 cannot be promoted: it is failed`]);
  });
});

describe("what a hand-edited promotion is told", () => {
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const edits: { name: string; edit: (text: string) => string | undefined; check: string; says: string }[] = [
    {
      name: "wrong digest",
      edit: (text) => text.replace(/(2\.fc40":\n {4}digest: )\S+/, `$1${digest("a")}`),
      check: "CK3",
      says: "neither in candidate nor in production",
    },
    {
      name: "moved immutable tag",
      edit: (text) => text.replace(/(1\.fc40":\n {4}digest: )\S+/, `$1${digest("a")}`),
      check: "CK2",
      says: "would move",
    },
    { name: "unknown key", edit: (text) => `${text}colour: red\n`, check: "CK1", says: "unknown field" },
    { name: "alias bomb", edit: (text) => `${text}withdrawn: &a [*a, *a]\n`, check: "CK1", says: "anchor" },
    { name: "deleted file", edit: () => undefined, check: "CK2", says: "deleted" },
    { name: "dropped release", edit: (text) => text.replace(/ {2}"323-1.fc40":\n.*\n.*\n/, ""), check: "CK2", says: "append" },
    { name: "unquoted key", edit: (text) => text.replace('"323":', "323:"), check: "CK1", says: "not text" },
    {
      name: "floating to nothing",
      edit: (text) => text.replace('latest: "323-2.fc40"', 'latest: "9-9"'),
      check: "CK1",
      says: "not among the releases",
    },
    {
      name: "withdrawn and floating",
      edit: (text) => `${text}withdrawn:\n  "323-2.fc40": {reason: x, by: alice}\n`,
      check: "CK8",
      says: "withdrawn",
    },
    { name: "another build's id", edit: (text) => text.replace('build: "b2"', 'build: "b1"'), check: "CK7", says: "build b1 made" },
  ];
  test.each(edits)("$name: $check", async ({ edit, check: row, says }) => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    await run(releaseFlow(at.ports), intent);
    const { number, branch } = await promote(at, "b2", "2.fc40");
    const text = at.git.read(at.git.branches.get(branch) ?? "")[path] ?? "";
    at.git.commit(branch, { [path]: edit(text) });
    const status = await check(at, number);
    expect(status?.state).toBe("failure");
    expect(status?.summary).toContain(`(${row})`);
    expect(status?.summary.replace(/&#(\d+);/g, (_all, code) => String.fromCodePoint(Number(code)))).toContain(says);
  });

  test("CK1, CK5 and CK10: the policy together with an image, a platform that is missing, main that changed the file since", async () => {
    const at = world();
    const { number, branch } = await promote(at, "b1", "1.fc40");
    at.git.commit(branch, {
      "policy.yaml": at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"]?.replace("gates: [signature]", "gates: []") ?? "",
    });
    at.git.commit("main", { [path]: "other" });
    const status = await check(at, number);
    expect(status?.summary).toContain("changed together");
    expect(status?.summary).toContain("CK10");
    const other = world(["linux/amd64"]);
    const policy = other.git.read(other.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
    other.git.commit("main", { "policy.yaml": policy.replace("require: [linux/amd64]", "require: [linux/amd64, linux/arm64]") });
    expect((await check(other, (await promote(other, "b1", "1.fc40")).number))?.summary).toContain("CK5");
  });

  test("CK6 and CK7: unsigned and untested candidates", async () => {
    const at = world();
    const build = await at.build({ id: "b1", release: "1.fc40" });
    await at.signers.candidate.removeSignatures({
      digest: build.digest as `sha256:${string}`,
      publicName: "candidate.example.test/f40/cockpit:323-1.fc40",
    });
    at.builds.set("b1", { ...build, tests: [{ suite: "smoke", outcome: "error", cases: [], message: "no engine", durationMs: 1 }] });
    const proposed = await proposePromotion(at.ports, "b1");
    const status = "number" in proposed ? await check(at, proposed.number) : undefined;
    expect(status?.summary).toContain("CK6");
    expect(status?.summary).toContain("CK7");
  });
});

describe("production is never harmed", () => {
  test("DG11, RL5: a merged move of an immutable tag is refused, and said loudly", async () => {
    const at = world();
    const one = await promote(at, "b1", "1.fc40");
    at.git.merge(one.number);
    await run(releaseFlow(at.ports), intent);
    const other = await at.build({ id: "b9", release: "9.fc40" });
    const text = at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
    at.git.commit("main", { [path]: text.replace(one.build.digest ?? "", other.digest ?? "") });
    await expect(run(releaseFlow(at.ports), intent)).rejects.toMatchObject({ code: "promotion.release-incomplete" });
    expect(at.production.tags.get("f40/cockpit:323-1.fc40")).toBe(one.build.digest);
    expect(at.reports.at(-1)?.lines.map((line) => line.what)).toEqual(["tag-move", "refused", "refused"]);
  });

  test("RL7: an unknown value of latest is left alone while the release is tagged", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    const stranger = await at.production.push("f40/cockpit", "stranger", ["linux/amd64"]);
    at.production.tags.set("f40/cockpit:latest", stranger.digest);
    await expect(run(releaseFlow(at.ports), intent)).rejects.toMatchObject({ code: "promotion.release-incomplete" });
    expect(at.production.tags.get("f40/cockpit:latest")).toBe(stranger.digest);
    expect(at.production.tags.get("f40/cockpit:323")).toBeDefined();
  });

  test("DG19: a signer that is away stops everything before any tag", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    at.signers.production.unavailable = true;
    const journal = new Map();
    await expect(run(releaseFlow(at.ports), intent, journal)).rejects.toMatchObject({ kind: "transient" });
    expect(at.production.writes).toEqual([]);
    at.signers.production.unavailable = false;
    await run(releaseFlow(at.ports), intent, journal);
    expect(at.production.writes).toHaveLength(3);
  });

  test("killed before and after each step, a release ends the same", async () => {
    const trial = world();
    trial.git.merge((await promote(trial, "b1", "1.fc40")).number);
    const steps = await run(releaseFlow(trial.ports), intent);
    for (const point of steps.flatMap((name) => [`<${name}`, `>${name}`])) {
      const at = world();
      at.git.merge((await promote(at, "b1", "1.fc40")).number);
      const journal = new Map();
      await expect(run(releaseFlow(at.ports), intent, journal, point)).rejects.toThrow("killed");
      await run(releaseFlow(at.ports), intent, journal);
      expect({ point, writes: at.production.writes, signed: at.signers.production.signed }).toEqual({
        point,
        writes: trial.production.writes,
        signed: trial.signers.production.signed,
      });
    }
  });

  test("a withdrawn release loses its signatures; its tag goes only when no other tag shares the digest", async () => {
    const at = world();
    at.git.merge((await promote(at, "b1", "1.fc40")).number);
    await run(releaseFlow(at.ports), intent);
    const two = await promote(at, "b2", "2.fc40");
    at.git.merge(two.number);
    await run(releaseFlow(at.ports), intent);
    const old = at.production.tags.get("f40/cockpit:323-1.fc40") as `sha256:${string}`;
    at.production.tags.set("f40/cockpit:mirror", old);
    const text = at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
    at.git.commit("main", { [path]: `${text}withdrawn:\n  "323-1.fc40": {reason: CVE, by: alice, removeTag: true}\n` });
    await run(releaseFlow(at.ports), intent);
    expect(at.signers.production.signed.filter((one) => one.digest === old)).toEqual([]);
    expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what} ${line.message ?? ""}`)).toContain(
      "323-1.fc40 withdrawn 6 signatures removed, the tag was not removed: mirror would go with it",
    );
    at.production.tags.delete("f40/cockpit:mirror");
    await run(releaseFlow(at.ports), intent);
    expect(at.production.tags.has("f40/cockpit:323-1.fc40")).toBe(false);
    expect(at.production.tags.get("f40/cockpit:latest")).toBe(two.build.digest);
  });
});
