import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addUpgrade, greetingUpgrade } from "./base-image.ts";
import { must, until } from "./flibs-process.ts";
import { type Build, type DemoWorld, pullReleased, type Summary } from "./released.ts";
import { quote, stage, tell } from "./tell.ts";

const repository = "containers/hello";
const asPerson = {
  GIT_AUTHOR_NAME: "alice",
  GIT_AUTHOR_EMAIL: "alice@example.test",
  GIT_COMMITTER_NAME: "alice",
  GIT_COMMITTER_EMAIL: "alice@example.test",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

/** The template as it stands, from push to pull. */
export async function firstRelease(world: DemoWorld): Promise<Summary> {
  stage(`pushing containers-repo-template/ to ${repository}`);
  await world.flibs.must("repo", "create", repository);
  const clone = join(world.directory, "hello");
  await mkdir(clone, { recursive: true });
  await cp(join(world.root, "containers-repo-template"), clone, { recursive: true });
  const git = (...args: string[]) => must("git", ["-C", clone, ...args], { env: asPerson });
  await git("init", "--quiet", "--initial-branch=main");
  await git("remote", "add", "origin", join(world.directory, "flibs/git", `${repository}.git`));
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "Start from the template");
  await git("push", "--quiet", "origin", "main");
  return release(world, (await git("rev-parse", "HEAD")).trim());
}

/** A package is upgraded: the second promotion shows it. */
export async function secondRelease(world: DemoWorld): Promise<Summary> {
  stage("pushing a second commit that upgrades a package");
  const clone = join(world.directory, "hello");
  const packages = join(clone, "packages");
  await mkdir(packages, { recursive: true });
  const upgrade = await greetingUpgrade("2.0", packages);
  const dockerfile = join(clone, "Dockerfile");
  await writeFile(dockerfile, addUpgrade(await readFile(dockerfile, "utf8"), upgrade));
  quote(upgrade.dockerfileLines);
  const git = (...args: string[]) => must("git", ["-C", clone, ...args], { env: asPerson });
  await git("add", "--all");
  await git("commit", "--quiet", "--message", "Upgrade greeting to 2.0");
  await git("push", "--quiet", "origin", "main");
  return release(world, (await git("rev-parse", "HEAD")).trim());
}

/** One commit through the whole line. */
async function release(world: DemoWorld, commit: string): Promise<Summary> {
  const { flibs } = world;
  const started = await until("the build to start", async () => {
    const builds = await flibs.json<Build[]>("builds", "--repository", repository);
    return builds.find((build) => build.commit === commit);
  });
  stage(`building: ${world.web}/builds/${started.id}`);
  const watched = await flibs.live((text) => quote(text), "watch", started.id);
  if (watched.code !== 0) throw new Error(`the build failed:\n${watched.err}`);
  const build = await flibs.json<Build>("show", started.id);
  const { promotion, digest } = build;
  if (!promotion || !digest) throw new Error(`build ${build.id} has no promotion: ${build.error?.message ?? "no error"}`);

  stage(`promotion pull request ${promotion.repository} #${promotion.number}`);
  const number = String(promotion.number);
  await until("the check of the promotion", async () => {
    const pull = await flibs.json<{ statuses: { state: string }[] }>("pr", "show", number);
    return pull.statuses.some((status) => status.state !== "pending" && status.state !== "running") ? true : undefined;
  });
  quote(await flibs.must("pr", "show", number));

  stage("merging it: that is the release");
  tell(await flibs.must("pr", "merge", number));
  const report = await until("the release", async () => {
    const { reports } = await flibs.json<{ reports: { outcome: string; lines: { digest: string }[] }[] }>("release", "status");
    return reports.find((one) => one.lines.some((line) => line.digest === digest));
  });
  if (report.outcome !== "released") throw new Error(`the release ended as ${report.outcome}`);
  quote(await flibs.must("release", "status", "--limit", "1"));

  return pullReleased(world, build, promotion.number);
}
