import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Flag } from "../fakes/pagure/state.ts";
import { requireDocker } from "../support/docker.ts";
import { bot } from "../support/pagure-forge.ts";
import { type PagureService, startPagureService } from "../support/pagure-installation.ts";
import { until } from "../support/running-service.ts";

// One story after the other, through Pagure's API and webhooks: real HTTP, real git, engine, registries, PostgreSQL and gpg.
const hello = "containers/hello";
let world: PagureService;

beforeAll(async () => {
  await requireDocker();
  world = await startPagureService();
  const files = await world.template("hello");
  await world.pagure.createProject(hello, {
    files,
    owner: "alice",
    defaultBranch: "rawhide",
    users: { ticket: [bot] },
    hookUrls: [world.hookUrl],
  });
}, 180_000);

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, 120_000);

const dockerfile = async () => String((await world.template("hello")).Dockerfile);
const comments = (project: string, number: number) => world.pagure.pull(project, number).comments.filter((one) => one.user === bot);

/** The flags of a commit, once each of `names` is there and none is pending but those in `open`. */
async function flagsOf(project: string, commit: string, names: readonly RegExp[], open?: RegExp): Promise<ReadonlyMap<string, Flag>> {
  return await until(`${names.join(", ")} of ${commit}`, async () => {
    const all = world.pagure.flags(project, commit);
    const isThere = names.every((name) => all.some((flag) => name.test(flag.username)));
    const isOver = all.every((flag) => flag.status !== "pending" || open?.test(flag.username) === true);
    return isThere && isOver ? new Map(all.map((flag) => [flag.username, flag])) : undefined;
  });
}

describe("a maintainer", () => {
  let topic: string;
  let number: number;

  test("opens a pull request and reads in one comment what lint found", async () => {
    const alice = world.pagure.person("alice");
    const broken = (await dockerfile()).replace(/ +version="1".*\n/, "");
    topic = await alice.push(hello, "topic", { Dockerfile: broken }, { from: "rawhide" });
    number = await alice.openPull(hello, { head: "topic", base: "rawhide" });
    const flags = await flagsOf(hello, topic, [/lint/]);
    expect(flags.get("flibs / lint")).toMatchObject({ status: "failure", user: bot });
    const [comment] = await until("the comment", async () => (comments(hello, number).length > 0 ? comments(hello, number) : undefined));
    expect(comment?.text).toMatch(/flibs \/ lint[\s\S]*Dockerfile:/);
  }, 120_000);

  test("mends it, says /build, and gets a flag at once and then those of a scratch build", async () => {
    const alice = world.pagure.person("alice");
    topic = await alice.push(hello, "topic", { Dockerfile: `${await dockerfile()}# mended\n` });
    await flagsOf(hello, topic, [/lint/]);
    const before = comments(hello, number).length;
    alice.comment(hello, number, "Looks right now.\n\n/build");
    const flags = await flagsOf(hello, topic, [/command/, /lint/, /build \(linux\/amd64\)/, /test: /]);
    expect([...flags.values()].map(({ username, status }) => [username, status])).toEqual(
      [...flags.keys()].map((name) => [name, "success"]),
    );
    // All is well, so nobody is told anything.
    expect(comments(hello, number)).toHaveLength(before);
    const [build] = await world.app.store.builds.list({ repository: hello, limit: 1 });
    expect(build).toMatchObject({ scratch: true, pull: number, commit: topic, state: "complete" });
    // Pending first: within seconds everybody sees that the command was heard.
    const told = world.pagure.hooks.queued.filter(
      ({ msg }) => (msg.flag as { username?: string } | undefined)?.username === "flibs / command",
    );
    expect(told.map(({ msg }) => (msg.flag as { status: string }).status)).toEqual(["pending", "success"]);
  }, 180_000);

  test("merges it: an official build, a promotion, its merge, a signed release told on the pull request", async () => {
    const alice = world.pagure.person("alice");
    const merge = await alice.merge(hello, number);
    await flagsOf(hello, merge, [/lint/, /build \(linux\/amd64\)/, /promotion/]);
    const { manifests, registries } = world.settings;
    const promotion = await until("the promotion", async () =>
      world.pagure.pulls(manifests.repository).find((one) => one.status === "Open"),
    );
    expect(promotion.user).toBe(bot);
    await flagsOf(manifests.repository, promotion.stop, [/promotion/]);
    const released = await world.pagure.person("rel").merge(manifests.repository, promotion.id);
    await flagsOf(manifests.repository, released, [/release/]);
    const [build] = (await world.app.store.builds.list({ repository: hello, limit: 5 })).filter((one) => !one.scratch);
    const image = build?.plan?.imageRepository ?? "";
    const found = await world.app.registries.named("production").findManifest(image, build?.plan?.primaryTag ?? "");
    expect(found?.digest).toBe(build?.digest);
    const signed = await world.app.signers
      .named("production")
      .listSignatures(`${registries.production?.endpoint}/${image}`, found?.digest as never);
    expect(signed.some((one) => one.verdict === "valid")).toBe(true);
    await until("the report", async () => comments(manifests.repository, promotion.id).find((one) => /is released/.test(one.text)));
  }, 240_000);
});

describe("a stranger", () => {
  test("PG7: waits for an approval of exactly this commit, and again after a push to the fork", async () => {
    const mallory = world.pagure.person("mallory");
    const fork = await mallory.fork(hello);
    const first = await mallory.push(fork, "evil", { "root/extra": "1\n" }, { from: "rawhide" });
    const number = await mallory.openPull(hello, { head: "evil", base: "rawhide", fork });
    const waiting = await flagsOf(hello, first, [/lint/, /approval/], /approval/);
    expect(waiting.get("flibs / approval")).toMatchObject({ status: "pending" });

    mallory.comment(hello, number, "/build");
    const refusal = await until("the refusal", async () => comments(hello, number)[0]);
    expect(refusal.text).toContain(`/ok-to-test ${first}`);
    expect(refusal.text).toContain("somebody with write access");

    const alice = world.pagure.person("alice");
    alice.comment(hello, number, `/ok-to-test ${first}`);
    const built = await flagsOf(hello, first, [/approval/, /build \(linux\/amd64\)/, /test: /]);
    expect(built.get("flibs / approval")).toMatchObject({ status: "success" });
    expect(built.get("flibs / build (linux/amd64)")).toMatchObject({ status: "success" });
    const build = (await world.app.store.builds.list({ repository: hello, limit: 10 })).find((one) => one.commit === first);
    expect(build?.plan?.imageRepository).toMatch(/^untrusted\//);

    const second = await mallory.push(fork, "evil", { "root/extra": "2\n" });
    const again = await flagsOf(hello, second, [/lint/, /approval/], /approval/);
    expect(again.get("flibs / approval")).toMatchObject({ status: "pending" });
    alice.comment(hello, number, `/ok-to-test ${first}`);
    await until("the refusal of the old commit", async () => comments(hello, number).find((one) => /is not the head/.test(one.text)));
    expect((await world.app.store.builds.list({ repository: hello, limit: 10 })).filter((one) => one.commit === second)).toEqual([]);
  }, 240_000);
});

describe("what no webhook tells", () => {
  test("PG4: a tag that calls itself a branch is not built", async () => {
    const alice = world.pagure.person("alice");
    const commit = await alice.tag(hello, "f99", "rawhide", { "root/tagged": "1\n" });
    await world.pagure.hooks.settled();
    await until("the delivery to be heard", async () => {
      const all = await world.app.store.inbox.list({ limit: 500 });
      return all.some(({ outcome }) => outcome?.includes("branch f99") === true) && all.every(({ status }) => status !== "stored")
        ? true
        : undefined;
    });
    expect((await world.app.store.builds.list({ repository: hello, limit: 20 })).filter((one) => one.commit === commit)).toEqual([]);
  }, 60_000);

  test("a command whose webhook was lost is carried out after the next sweep, once", async () => {
    const alice = world.pagure.person("alice");
    const head = await alice.push(hello, "lost", { "root/lost": "1\n" }, { from: "rawhide" });
    const number = await alice.openPull(hello, { head: "lost", base: "rawhide" });
    await flagsOf(hello, head, [/lint/]);
    await world.app.sweepForge();
    world.pagure.hooks.fate = ({ topic }) => (topic === "pull-request.comment.added" ? "lost" : "twice");
    alice.comment(hello, number, "/build");
    await world.app.sweepForge();
    await world.app.sweepForge();
    const flags = await flagsOf(hello, head, [/command/, /build \(linux\/amd64\)/]);
    expect(flags.get("flibs / build (linux/amd64)")).toMatchObject({ status: "success" });
    expect((await world.app.store.builds.list({ repository: hello, limit: 20 })).filter((one) => one.commit === head)).toHaveLength(1);
  }, 180_000);
});
