import { once } from "node:events";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { exitCodes } from "../src/cli/exit.ts";
import { removeEmbeddedPostgres } from "../src/store/embedded-postgres.ts";
import type { Github } from "../test/fakes/github/github.ts";
import type { Pagure } from "../test/fakes/pagure/pagure.ts";
import { startDockerRegistry } from "../test/support/docker-registry.ts";
import { freePort } from "../test/support/free-port.ts";
import { ensureBaseImage } from "./base-image.ts";
import { repositories } from "./first-manifests.ts";
import { flibsCommand } from "./flibs-process.ts";
import { startDouble } from "./github-double.ts";
import { servePages, writePages } from "./github-pages.ts";
import { githubStory } from "./github-story.ts";
import { startPagureDouble } from "./pagure-double.ts";
import { pagureStory } from "./pagure-story.ts";
import { type DemoWorld, refuseUnsigned, type Summary } from "./released.ts";
import { firstRelease, secondRelease } from "./story.ts";
import { stage, tell } from "./tell.ts";

/** Stands in a directory that a demo made, and in no other: what has it may be emptied. */
const marker = ".flibs-demo";

const forges = ["local", "github-double", "pagure-double"] as const;
type ForgeChoice = (typeof forges)[number];

const usage = `npm run demo [-- --forge local|github-double|pagure-double] [-- --keep] [-- --directory <path>] [-- --help]

The whole line once, for real, on this machine: two registries, PostgreSQL, Docker Engine, flibs; a push is built, tested, promoted,
released, signed, pulled under a policy that refuses everything unsigned, and then once more with an upgraded package.

  --forge <which>     local, when left out: repositories on this machine, as flibs init makes them
                      github-double: pull requests on a GitHub that a test double plays; shows what flibs writes there, also as pages
                      pagure-double: the same with flags and comments, on a Pagure that a test double plays
  --keep              leave everything running afterwards and print the addresses, until Ctrl-C
  --directory <path>  where everything is made, emptied first; var/demo of this checkout when left out
  --help              print this

What it made last is in summary.json of that directory.
`;

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    forge: { type: "string", default: "local" },
    keep: { type: "boolean", default: false },
    directory: { type: "string", default: join(root, "var/demo") },
    help: { type: "boolean", default: false },
  },
});
const forge = forges.find((one) => one === values.forge);
if (values.help) {
  process.stdout.write(usage);
} else if (forge === undefined) {
  process.stderr.write(`There is no forge ${JSON.stringify(values.forge)} for the demo: ${forges.join(", ")}\n`);
  process.exitCode = exitCodes.usage;
} else {
  await demo(resolve(values.directory), forge, values.keep);
}

async function demo(directory: string, forge: ForgeChoice, keep: boolean): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close().catch((error: unknown) => tell(`while stopping: ${String(error)}`));
  };
  const ending = new AbortController();
  const interrupted = once(ending.signal, "abort");
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort(new Error("interrupted")));
  try {
    await refuseForeign(directory);
    stage("starting two registries");
    await removeDemo(directory);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, marker), "");
    const candidate = await startDockerRegistry();
    closers.push(() => candidate.stop());
    const production = await startDockerRegistry();
    closers.push(() => production.stop());
    tell(`candidate ${candidate.endpoint}, production ${production.endpoint}`);

    stage("finding a base image");
    const cacheDirectory = join(root, "var/cache");
    const base = await ensureBaseImage({ registry: candidate.endpoint, cacheDirectory, log: tell });

    stage("making an installation: flibs init");
    const settings = join(directory, "flibs/flibs.yaml");
    const flibs = flibsCommand(settings);
    const { prefix, mirror } = base.parent;
    const listen = `127.0.0.1:${await freePort()}`;
    tell(
      await flibs.must(
        ...["init", join(directory, "flibs"), "--plain-http", "--listen", listen],
        ...["--candidate", candidate.endpoint, "--production", production.endpoint],
        ...["--parent", mirror === undefined ? prefix : `${prefix}=${mirror}`],
      ),
    );

    const installed = join(directory, "flibs");
    const github = forge === "github-double" ? await doubleOf(installed, closers) : undefined;
    const pagure = forge === "pagure-double" ? await pagureOf(installed, closers) : undefined;
    stage("starting flibs: flibs serve");
    const serve = await flibs.serve(join(directory, "serve.log"));
    closers.push(() => serve.stop());
    const web = `http://${listen}`;
    tell(`web page ${web}, log ${join(directory, "serve.log")}`);

    const world: DemoWorld = { root, directory, flibs, base, production: production.endpoint, web };
    if (github) github.hooks.url = `${web}/hooks/github`;
    for (const project of repositories) pagure?.setHookUrls(project, [`${web}/hooks/pagure`]);
    const { signal } = ending;
    const told = github
      ? githubStory({ ...world, github, signal })
      : pagure
        ? pagureStory({ ...world, pagure, signal })
        : localStory(world);
    const summary = await Promise.race([told, interrupted.then(() => Promise.reject(signal.reason))]);
    await writeSummary(directory, summary);
    if (github) tell(`the pull requests as pages: ${await writePages(join(directory, "github"), github)}`);
    if (keep) {
      const pages = github && (await servePages(github));
      if (pages) closers.push(() => pages.close());
      stage("left running until Ctrl-C");
      tell(`web page     ${web}\ncandidate    ${candidate.endpoint}\nproduction   ${production.endpoint}`);
      tell(`command line npm run flibs -- --config ${settings} --help`);
      tell(pages ? `pull requests ${pages.address}` : `repositories ${pagure?.url ?? join(directory, "flibs/git")}`);
      await interrupted;
    }
  } catch (error) {
    process.exitCode = 1;
    tell(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
    tell(`The service's log is ${join(directory, "serve.log")}; flibs doctor looks at everything that is needed.`);
  } finally {
    stage("stopping what was started");
    await closeAll();
  }
}

/** The directory is emptied, so it must be new, empty, or a demo's. */
async function refuseForeign(directory: string): Promise<void> {
  const found = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (found.length > 0 && !found.includes(marker)) throw new Error(`${directory} holds something else than a demo: name another directory`);
}

/** What the last run left: its database may lie outside of the directory, and a server may still run when that run was killed. */
async function removeDemo(directory: string): Promise<void> {
  await removeEmbeddedPostgres(join(directory, "flibs/state/postgres"));
  const names = await readdir(directory).catch(() => []);
  // The marker goes last: what is left when this is killed is still a demo's.
  for (const name of names.filter((one) => one !== marker)) await rm(join(directory, name), { recursive: true, force: true });
}

async function doubleOf(installation: string, closers: (() => Promise<void>)[]): Promise<Github> {
  stage("starting a GitHub on loopback, and moving the settings to it");
  const github = await startDouble({ root, installation });
  closers.push(() => github.close());
  tell(`API ${github.apiUrl}, settings ${join(installation, "flibs.yaml")}`);
  return github;
}

async function pagureOf(installation: string, closers: (() => Promise<void>)[]): Promise<Pagure> {
  stage("starting a Pagure on loopback, and moving the settings to it");
  const pagure = await startPagureDouble({ root, installation });
  closers.push(() => pagure.close());
  tell(`${pagure.url}, settings ${join(installation, "flibs.yaml")}`);
  return pagure;
}

async function localStory(world: DemoWorld): Promise<Summary> {
  await firstRelease(world);
  await refuseUnsigned(world);
  return secondRelease(world);
}

async function writeSummary(directory: string, summary: Summary): Promise<void> {
  const file = join(directory, "summary.json");
  await writeFile(file, `${JSON.stringify(summary, null, 2)}\n`);
  stage(`${summary.nvr} is released, signed and pulled; ${file} tells the details`);
}
