import { formatMarkdown } from "../src/cli/markdown-text.ts";
import { plain } from "../src/cli/terminal.ts";
import type { Pagure } from "../test/fakes/pagure/pagure.ts";
import { hello, manifests } from "./first-manifests.ts";
import { bot } from "./pagure-double.ts";
import { type PagureWatcher, pagureWatcher } from "./pagure-told.ts";
import { type Build, type DemoWorld, pullReleased, type Summary } from "./released.ts";
import { quote, stage, tell } from "./tell.ts";

export interface PagureDemoWorld extends DemoWorld {
  readonly pagure: Pagure;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

/** What people and flibs say to each other on Pagure, from a slip in a Dockerfile to a release, and what a stranger gets to read. */
export async function pagureStory(world: PagureDemoWorld): Promise<Summary> {
  const watch = pagureWatcher(world.pagure, world.signal);
  const number = await mendedPull(world, watch);
  const summary = await releasedPull(world, watch, number);
  await strangersPull(world, watch);
  await world.pagure.hooks.settled();
  return summary;
}

async function mendedPull({ pagure }: PagureDemoWorld, watch: PagureWatcher): Promise<number> {
  const alice = pagure.person("alice");
  const dockerfile = (await pagure.file(hello, "main", "Dockerfile")) ?? "";
  stage("alice opens a pull request whose Dockerfile lost a label");
  const slip = { Dockerfile: dockerfile.replace(/^ +version="1".*\n/m, "") };
  const first = await alice.push(hello, "say-more", slip, { message: "Say less", from: "main" });
  const number = await alice.openPull(hello, { head: "say-more", base: "main", title: "Say more about ports" });
  tell(`${hello} #${number}, by alice`);
  await watch.flags(hello, first, [/lint/]);
  await watch.comment(hello, number, /lint/);

  stage("she puts it back");
  const second = await alice.push(
    hello,
    "say-more",
    { Dockerfile: `${dockerfile}# Nothing listens.\n` },
    { message: "Put the version back" },
  );
  await watch.flags(hello, second, [/lint/]);
  stage("she comments /build: a flag answers at once, and a test build is promoted nowhere");
  alice.comment(hello, number, "Looks right now.\n\n/build");
  const flags = await watch.flags(hello, second, [/command/, /lint/, /build \(/, /test: /]);
  tell(`all about it: ${addressIn(flags)}`);
  return number;
}

async function releasedPull(world: PagureDemoWorld, watch: PagureWatcher, number: number): Promise<Summary> {
  const { pagure, flibs } = world;
  stage(`alice merges #${number}: an official build, and a promotion pull request`);
  const merge = await pagure.person("alice").merge(hello, number);
  const flags = await watch.flags(hello, merge, [/lint/, /build \(/, /test: /, /promotion/]);
  tell(`all about it: ${addressIn(flags)}`);
  const promotion = await watch.until("the promotion pull request", () => pagure.pulls(manifests).find((one) => one.status === "Open"));
  stage(`promotion pull request ${manifests} #${promotion.id}`);
  quote(`${plain(promotion.title)}\nby ${promotion.user}\n\n${formatMarkdown(promotion.initialComment ?? "")}`);
  await watch.flags(manifests, promotion.stop, [/promotion/]);

  stage("rel, a release engineer, merges it: that is the release");
  const released = await pagure.person("rel").merge(manifests, promotion.id);
  await watch.flags(manifests, released, [/release/]);
  await watch.comment(manifests, promotion.id, /is released/);
  const builds = await flibs.json<Build[]>("builds", "--repository", hello);
  const found = builds.filter((build) => build.commit === merge);
  const shown = await Promise.all(found.map(({ id }) => flibs.json<Build>("show", id)));
  const official = shown.find((build) => build.promotion !== undefined);
  if (!official) throw new Error(`no build of ${merge} was promoted`);
  return pullReleased(world, official, promotion.id);
}

async function strangersPull({ pagure }: PagureDemoWorld, watch: PagureWatcher): Promise<void> {
  const mallory = pagure.person("mallory");
  stage("mallory, a stranger, opens a pull request from a fork: nothing of hers runs");
  const fork = await mallory.fork(hello);
  const commit = await mallory.push(
    fork,
    "faster",
    { "root/usr/share/hello/faster": "much\n" },
    { message: "Make it faster", from: "main" },
  );
  const number = await mallory.openPull(hello, { head: "faster", base: "main", fork, title: "Make it <b>faster</b>" });
  await watch.flags(hello, commit, [/lint/, /approval/], /approval/);

  stage("mallory comments /build, and is refused");
  mallory.comment(hello, number, "/build");
  await watch.comment(hello, number, /ok-to-test/);

  stage(`alice has read it and comments /ok-to-test ${commit}: exactly this commit is built`);
  pagure.person("alice").comment(hello, number, `Fine with me.\n\n/ok-to-test ${commit}`);
  const flags = await watch.flags(hello, commit, [/approval/, /build \(/, /test: /]);
  tell(`all about it: ${addressIn(flags)}`);
  tell(`${bot} wrote ${pagure.pull(hello, number).comments.filter((one) => one.user === bot).length} comment, and flags for the rest`);
}

/** Page of the build that the flags are of. */
function addressIn(flags: Awaited<ReturnType<PagureWatcher["flags"]>>): string {
  const found = [...flags.values()].find((one) => one.url.includes("/builds/"));
  return (found?.url ?? "").replace(/#.*$/, "");
}
