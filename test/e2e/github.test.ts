import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readAppManifest } from "../support/app-manifest.ts";
import { completedChecks } from "../support/completed-checks.ts";
import { requireDocker } from "../support/docker.ts";
import { type GithubService, startGithubService } from "../support/github-service.ts";
import { until } from "../support/running-service.ts";

// One story after the other, through GitHub's API and deliveries: real HTTP, real git, engine, registries, PostgreSQL and gpg.
const hello = "containers/hello";
let world: GithubService;

beforeAll(async () => {
  await requireDocker();
  world = await startGithubService();
  const files = await world.template("hello");
  await world.github.createRepository(hello, { files, roles: { alice: "write" } });
}, 180_000);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, 120_000);

const runsOf = (repository: string, commit: string) => world.github.reads.runs(repository, commit);
const dockerfile = async () => String((await world.template("hello")).Dockerfile);
const completed = (repository: string, commit: string, names: readonly RegExp[]) =>
  completedChecks(world.github, repository, commit, names);

describe("a maintainer", () => {
  let topic: string;
  let number: number;

  test("opens a pull request and finds lint's remarks on the diff", async () => {
    const alice = world.github.person("alice");
    const broken = (await dockerfile()).replace(/ +version="1".*\n/, "");
    topic = await alice.push(hello, "topic", { Dockerfile: broken });
    number = await alice.openPull(hello, { head: "topic", base: "main" });
    const checks = await completed(hello, topic, [/lint/]);
    const lint = checks.get("flibs / lint");
    expect(lint).toMatchObject({ conclusion: "failure" });
    expect(lint?.annotations.length).toBeGreaterThan(0);
    expect(lint?.annotations[0]).toMatchObject({ path: "Dockerfile", annotation_level: "failure" });
  }, 120_000);

  test("mends it, says /build, and gets check runs of a scratch build", async () => {
    const alice = world.github.person("alice");
    topic = await alice.push(hello, "topic", { Dockerfile: `${await dockerfile()}# mended\n` });
    await completed(hello, topic, [/lint/]);
    const comment = await alice.comment(hello, number, "Looks right now.\n\n/build");
    const checks = await completed(hello, topic, [/lint/, /build \(linux\/amd64\)/, /test: /]);
    expect([...checks.values()].map(({ name, conclusion }) => [name, conclusion])).toEqual(
      [...checks.keys()].map((name) => [name, "success"]),
    );
    await until("the reaction", async () => world.github.reads.reactions(comment).find((one) => one.content === "+1"));
    // All is well, so nobody is told anything.
    expect(world.github.reads.comments(hello, number).filter((one) => one.author.endsWith("[bot]"))).toEqual([]);
    const [build] = await world.app.store.builds.list({ repository: hello, limit: 1 });
    expect(build).toMatchObject({ scratch: true, pull: number, commit: topic, state: "complete" });
  }, 180_000);

  test("merges it: an official build, a promotion, its merge, a signed release told on the pull request", async () => {
    const alice = world.github.person("alice");
    const merge = await alice.merge(hello, number);
    await completed(hello, merge, [/lint/, /build \(linux\/amd64\)/, /promotion/]);
    const { manifests, registries } = world.settings;
    const promotion = await until("the promotion", async () =>
      world.github.reads.pulls(manifests.repository).find((one) => one.state === "open"),
    );
    expect(promotion.author).toBe("flibs[bot]");
    await completed(manifests.repository, promotion.headSha, [/promotion/]);
    const rel = world.github.person("rel");
    const released = await rel.merge(manifests.repository, promotion.number, "squash");
    await completed(manifests.repository, released, [/release/]);
    const [build] = (await world.app.store.builds.list({ repository: hello, limit: 5 })).filter((one) => !one.scratch);
    const image = build?.plan?.imageRepository ?? "";
    const found = await world.app.registries.named("production").findManifest(image, build?.plan?.primaryTag ?? "");
    expect(found?.digest).toBe(build?.digest);
    const signed = await world.app.signers
      .named("production")
      .listSignatures(`${registries.production?.endpoint}/${image}`, found?.digest as never);
    expect(signed.some((one) => one.verdict === "valid")).toBe(true);
    await until("the report", async () =>
      world.github.reads.comments(manifests.repository, promotion.number).find((one) => /is released/.test(one.body ?? "")),
    );
  }, 240_000);
});

describe("a stranger", () => {
  test("waits for an approval of exactly this commit, and again after a push", async () => {
    const mallory = world.github.person("mallory");
    const fork = await mallory.fork(hello);
    const first = await mallory.push(fork, "evil", { "root/extra": "1\n" });
    const number = await mallory.openPull(hello, { head: "evil", base: "main", fromFork: true });
    const waiting = await completed(hello, first, [/lint/, /approval/]);
    expect(waiting.get("flibs / approval")).toMatchObject({ conclusion: "action_required" });
    expect(waiting.get("flibs / approval")?.summary).toContain(`/ok-to-test ${first}`);

    await mallory.comment(hello, number, "/build");
    const refusal = await until("the refusal", async () =>
      world.github.reads.comments(hello, number).find((one) => one.author === "flibs[bot]"),
    );
    expect(refusal.body).toContain(`/ok-to-test ${first}`);
    expect(refusal.body).toContain("somebody with write access");

    const alice = world.github.person("alice");
    await alice.comment(hello, number, `/ok-to-test ${first}`);
    const built = await completed(hello, first, [/approval/, /build \(linux\/amd64\)/, /test: /]);
    expect(built.get("flibs / approval")).toMatchObject({ conclusion: "success" });
    expect(built.get("flibs / build (linux/amd64)")).toMatchObject({ conclusion: "success" });
    const build = (await world.app.store.builds.list({ repository: hello, limit: 10 })).find((one) => one.commit === first);
    expect(build?.plan?.imageRepository).toMatch(/^untrusted\//);

    const second = await mallory.push(fork, "evil", { "root/extra": "2\n" });
    const again = await completed(hello, second, [/lint/, /approval/]);
    expect(again.get("flibs / approval")).toMatchObject({ conclusion: "action_required" });
    await alice.comment(hello, number, `/ok-to-test ${first}`);
    await until("the refusal of the old commit", async () =>
      world.github.reads.comments(hello, number).find((one) => one.author === "flibs[bot]" && /is not the head/.test(one.body ?? "")),
    );
    expect((await world.app.store.builds.list({ repository: hello, limit: 10 })).filter((one) => one.commit === second)).toEqual([]);
  }, 240_000);
});

describe("what else GitHub asks", () => {
  test("a re-run of one suite runs just that suite again", async () => {
    const head = (await world.github.reads.head(hello, "main")) ?? "";
    const before = runsOf(hello, head);
    const smoke = before.find((run) => run.name === "flibs / test: smoke");
    await world.github.person("alice").rerunCheck(smoke?.id ?? 0);
    await until("the second run of the suite", async () => {
      const again = runsOf(hello, head).filter((run) => run.name === "flibs / test: smoke" && run.id !== smoke?.id);
      return again.find((run) => run.status === "completed");
    });
    const names = (runs: typeof before) => runs.map((run) => run.name).filter((name) => name !== "flibs / test: smoke");
    expect(names(runsOf(hello, head))).toEqual(names(before));
  }, 120_000);

  test("a merge queue's commit is built before it becomes the branch's head", async () => {
    const alice = world.github.person("alice");
    await alice.push(hello, "queued", { "root/queued": "1\n" });
    const number = await alice.openPull(hello, { head: "queued", base: "main" });
    const group = await world.github.enqueue(hello, number, "alice");
    const checks = await completed(hello, group.headSha, [/lint/, /build \(linux\/amd64\)/, /test: /]);
    expect([...new Set([...checks.values()].map((run) => run.conclusion))]).toEqual(["success"]);
  }, 120_000);
});

describe("the App", () => {
  test("was asked for nothing that GitHub's description does not know", async () => {
    expect(world.github.violations).toEqual([]);
  });
  test("uses each permission of app.yml", async () => {
    expect(world.github.usage.unusedPermissions(await readAppManifest())).toEqual([]);
  });
  test("hears each event of app.yml", async () => {
    expect(world.github.usage.unusedEvents(await readAppManifest())).toEqual([]);
  });
});
