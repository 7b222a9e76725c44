import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { removeEmbeddedPostgres } from "../src/store/embedded-postgres.ts";
import { startDockerRegistry } from "../test/support/docker-registry.ts";
import { freePort } from "../test/support/free-port.ts";
import { ensureBaseImage } from "./base-image.ts";
import { flibsCommand } from "./flibs-process.ts";
import { type DemoWorld, firstRelease, refuseUnsigned, secondRelease } from "./story.ts";
import { stage, tell } from "./tell.ts";

/** Stands in a directory that a demo made, and in no other: what has it may be emptied. */
const marker = ".flibs-demo";

const usage = `npm run demo [-- --keep] [-- --directory <path>] [-- --help]

The whole line once, for real, on this machine: two registries, PostgreSQL, Docker Engine, flibs; a push is built, tested, promoted,
released, signed, pulled under a policy that refuses everything unsigned, and then once more with an upgraded package.

  --keep              leave everything running afterwards and print the addresses, until Ctrl-C
  --directory <path>  where everything is made, emptied first; var/demo of this checkout when left out
  --help              print this

What it made last is in summary.json of that directory.
`;

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    keep: { type: "boolean", default: false },
    directory: { type: "string", default: join(root, "var/demo") },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
} else {
  await demo(resolve(values.directory), values.keep);
}

async function demo(directory: string, keep: boolean): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close().catch((error: unknown) => tell(`while stopping: ${String(error)}`));
  };
  const interrupted = new Promise<void>((done) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => done());
  });
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

    stage("starting flibs: flibs serve");
    const serve = await flibs.serve(join(directory, "serve.log"));
    closers.push(() => serve.stop());
    const web = `http://${listen}`;
    tell(`web page ${web}, log ${join(directory, "serve.log")}`);

    const world: DemoWorld = { root, directory, flibs, base, production: production.endpoint, web };
    await Promise.race([story(world), interrupted.then(() => Promise.reject(new Error("interrupted")))]);
    if (keep) {
      stage("left running until Ctrl-C");
      tell(`web page     ${web}\ncandidate    ${candidate.endpoint}\nproduction   ${production.endpoint}`);
      tell(`command line npm run flibs -- --config ${settings} --help`);
      tell(`repositories ${join(directory, "flibs/git")}`);
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

async function story(world: DemoWorld): Promise<void> {
  await firstRelease(world);
  await refuseUnsigned(world);
  const summary = await secondRelease(world);
  const file = join(world.directory, "summary.json");
  await writeFile(file, `${JSON.stringify(summary, null, 2)}\n`);
  stage(`${summary.nvr} is released, signed and pulled; ${file} tells the details`);
}
