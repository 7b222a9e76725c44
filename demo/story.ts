import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addUpgrade, type BaseImage, greetingUpgrade } from "./base-image.ts";
import { type FlibsCommand, must, run, until } from "./flibs-process.ts";
import { quote, stage, tell } from "./tell.ts";

export interface DemoWorld {
  /** The checkout of flibs. */
  readonly root: string;
  /** Where all of it is made. */
  readonly directory: string;
  readonly flibs: FlibsCommand;
  readonly base: BaseImage;
  readonly production: string;
  readonly web: string;
}

/** What `summary.json` holds. */
export interface Summary {
  readonly nvr: string;
  readonly digest: string;
  readonly candidate: string;
  readonly production: string;
  readonly policy: string;
  readonly registriesD: string;
  readonly publicKey: string;
  readonly web: string;
  readonly build: string;
  readonly promotion: number;
  readonly baseImage: string;
}

interface Build {
  readonly id: string;
  readonly commit: string;
  readonly state: string;
  readonly digest?: string;
  readonly nvr?: { readonly name: string; readonly version: string; readonly release: string };
  readonly plan?: { readonly imageRepository: string; readonly primaryTag?: string };
  readonly promotion?: { readonly repository: string; readonly number: number };
  readonly error?: { readonly message: string };
}

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
  const { promotion, nvr, digest, plan } = build;
  if (!promotion || !nvr || !digest || !plan) throw new Error(`build ${build.id} has no promotion: ${build.error?.message ?? "no error"}`);

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

  const production = `${world.production}/${plan.imageRepository}:${plan.primaryTag}`;
  stage(`pulling ${production} under a policy that demands the signature`);
  await pull(world, production);
  quote(await flibs.must("verify", production));
  const consumer = join(world.directory, "flibs/consumer");
  const shown = await flibs.json<{ registries: { candidate: { endpoint: string } } }>("config", "check");
  return {
    nvr: `${nvr.name}-${nvr.version}-${nvr.release}`,
    digest,
    candidate: `${shown.registries.candidate.endpoint}/${plan.imageRepository}@${digest}`,
    production,
    policy: join(consumer, "policy.json"),
    registriesD: join(consumer, "registries.d"),
    publicKey: join(consumer, "flibs-production.gpg"),
    web: world.web,
    build: build.id,
    promotion: promotion.number,
    baseImage: world.base.why,
  };
}

async function pull(world: DemoWorld, image: string): Promise<void> {
  const target = join(world.directory, "pulled");
  const result = await skopeoCopy(world, image, target);
  if (result.code !== 0) throw new Error(`skopeo refused ${image}:\n${result.err}`);
  quote(`$ skopeo --policy policy.json --registries.d registries.d copy docker://${image} dir:pulled\n${result.out || result.err}`);
  tell("accepted");
}

/** An image that nobody signed, in the same registry, under the same policy. */
export async function refuseUnsigned(world: DemoWorld): Promise<void> {
  const unsigned = `${world.production}/hello:unsigned`;
  stage(`pushing ${unsigned} behind flibs' back, and pulling it under the same policy`);
  const base = world.base.parent.mirror === undefined ? world.base.reference : `${world.base.parent.mirror}/fedora@${world.base.digest}`;
  const copy = ["copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", `docker://${base}`, `docker://${unsigned}`];
  await must("skopeo", ["--insecure-policy", ...copy]);
  const result = await skopeoCopy(world, unsigned, join(world.directory, "refused"));
  if (result.code === 0) throw new Error(`skopeo accepted ${unsigned}, which nobody signed`);
  quote(result.err);
  tell("refused, as it must be");
}

function skopeoCopy(world: DemoWorld, image: string, target: string) {
  const consumer = join(world.directory, "flibs/consumer");
  const trust = ["--policy", join(consumer, "policy.json"), "--registries.d", join(consumer, "registries.d")];
  return run("skopeo", [...trust, "copy", "--quiet", "--src-tls-verify=false", `docker://${image}`, `dir:${target}`]);
}
