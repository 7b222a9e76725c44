import { formatMarkdown } from "../src/cli/markdown-text.ts";
import { plain } from "../src/cli/terminal.ts";
import type { Github } from "../test/fakes/github/github.ts";
import { hello, manifests } from "./first-manifests.ts";
import { type Watcher, watcherOf } from "./github-told.ts";
import { type Build, type DemoWorld, pullReleased, type Summary } from "./released.ts";
import { quote, stage, tell } from "./tell.ts";

export interface GithubDemoWorld extends DemoWorld {
  readonly github: Github;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

/** What people and flibs say to each other on pull requests, from a slip in a Dockerfile to a release, and what a stranger gets to read. */
export async function githubStory(world: GithubDemoWorld): Promise<Summary> {
  const watch = watcherOf(world.github, world.signal);
  const number = await mendedPull(world, watch);
  const summary = await releasedPull(world, watch, number);
  await strangersPull(world, watch);
  await world.github.hooks.settled();
  const { violations } = world.github;
  if (violations.length > 0) throw new Error(`GitHub would have refused, or not have said:\n${violations.join("\n")}`);
  tell("The double noticed nothing that GitHub would have refused.");
  return summary;
}

async function mendedPull({ github, web }: GithubDemoWorld, watch: Watcher): Promise<number> {
  const alice = github.person("alice");
  const dockerfile = (await github.reads.file(hello, "main", "Dockerfile")) ?? "";
  const help = (await github.reads.file(hello, "main", "help.md")) ?? "";
  stage("alice opens a pull request whose Dockerfile lost a label");
  const slip = {
    Dockerfile: dockerfile.replace(/^ +version="1".*\n/m, ""),
    "help.md": help.replace("None.", "Nothing listens, nothing is kept."),
  };
  const first = await alice.push(hello, "say-more", slip, { message: "Say more about ports" });
  const body = "help.md said `None.`, which left people *wondering*.";
  const number = await alice.openPull(hello, { head: "say-more", title: "Say more about ports", body });
  tell(`${hello} #${number}, by alice`);
  await watch.checks(hello, first, [/lint/]);

  stage("she puts it back");
  const second = await alice.push(hello, "say-more", { Dockerfile: dockerfile }, { message: "Put the version back" });
  await watch.checks(hello, second, [/lint/]);
  stage("she comments /build: a test build, promoted nowhere");
  const asked = await alice.comment(hello, number, "Looks right now.\n\n/build");
  const checks = await watch.checks(hello, second, [/lint/, /build \(/, /test: /]);
  const reaction = await watch.until("the reaction", () => github.reads.reactions(asked).find((one) => one.content === "+1"));
  tell(`${reaction.author} reacts with ${reaction.content}; all about it: ${addressIn(web, checks)}`);
  return number;
}

async function releasedPull(world: GithubDemoWorld, watch: Watcher, number: number): Promise<Summary> {
  const { github, flibs, web } = world;
  stage(`alice merges #${number}: an official build, and a promotion pull request`);
  const merge = await github.person("alice").merge(hello, number);
  const checks = await watch.checks(hello, merge, [/lint/, /build \(/, /test: /, /promotion/]);
  tell(`all about it: ${addressIn(web, checks)}`);
  const promotion = await watch.until("the promotion pull request", () =>
    github.reads.pulls(manifests).find((one) => one.author === github.app.bot && one.state === "open"),
  );
  stage(`promotion pull request ${manifests} #${promotion.number}`);
  quote(`${plain(promotion.title)}\nby ${promotion.author}\n\n${formatMarkdown(promotion.body ?? "")}`);
  await watch.checks(manifests, promotion.headSha, [/promotion/]);

  stage("rel, a release engineer, merges it: that is the release");
  const released = await github.person("rel").merge(manifests, promotion.number);
  await watch.checks(manifests, released, [/release/]);
  await watch.comment(manifests, promotion.number, /is released/);
  const builds = await flibs.json<Build[]>("builds", "--repository", hello);
  const found = builds.find((build) => build.commit === merge);
  if (!found) throw new Error(`no build of ${merge}`);
  return pullReleased(world, await flibs.json<Build>("show", found.id), promotion.number);
}

async function strangersPull({ github, web }: GithubDemoWorld, watch: Watcher): Promise<void> {
  const mallory = github.person("mallory");
  stage("mallory, a stranger, opens a pull request from a fork: nothing of hers runs");
  const fork = await mallory.fork(hello);
  const commit = await mallory.push(fork, "faster", { "root/usr/share/hello/faster": "much\n" }, { message: "Make it faster" });
  const body = "Trust me, it is **much** faster. <img src=x onerror=\"alert('mine')\">";
  const number = await mallory.openPull(hello, { head: "faster", fromFork: true, title: "Make it <b>faster</b>", body });
  await watch.checks(hello, commit, [/lint/, /approval/]);

  stage("mallory comments /build, and is refused");
  await mallory.comment(hello, number, "/build");
  await watch.comment(hello, number, /ok-to-test/);
  stage("mallory asks what she may do: /help");
  await mallory.comment(hello, number, "/help");
  await watch.comment(hello, number, /Commands that you may use/);

  stage(`alice has read it and comments /ok-to-test ${commit}: exactly this commit is built`);
  await github.person("alice").comment(hello, number, `Fine with me.\n\n/ok-to-test ${commit}`);
  const checks = await watch.checks(hello, commit, [/approval/, /build \(/, /test: /]);
  tell(`all about it: ${addressIn(web, checks)}`);
}

/** Page of the build that the checks are of. */
function addressIn(web: string, checks: Awaited<ReturnType<Watcher["checks"]>>): string {
  const run = [...checks.values()].find((one) => one.detailsUrl.startsWith(`${web}/builds/`));
  return run?.detailsUrl ?? web;
}
