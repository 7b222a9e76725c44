import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { copyTemplate, type Person } from "../test/support/installation.ts";
import { type RunningService, startRunningService } from "../test/support/running-service.ts";
import { scratchDirectory } from "../test/support/scratch-directory.ts";

/**
 * From push to candidate tag against plain `docker build --no-cache` and `docker push` of the same repository on the same engine to the
 * same registry, in turns. flibs also lints, pins, reads the RPM database, makes the manifest list and signs. Two repositories: the
 * template, which takes docker a second, and one whose RUN lines work and leave 150 MB, as installing packages does. Target: at most 1.10x.
 */
const pairs = Number(process.env.FLIBS_BENCH_PAIRS ?? 5);
const run = promisify(execFile);

const busy = ["a", "b", "c"].map((name) => {
  const work = "for i in 1 2 3 4 5 6 7 8 9 10; do sha256sum /tmp/x > /dev/null; done";
  return `RUN head -c 50000000 /dev/urandom > /usr/share/${name} && cp /usr/share/${name} /tmp/x && ${work} && rm /tmp/x`;
});

const flibs = await startRunningService();
try {
  await compare("template", []);
  await compare("150 MB in three RUN lines", busy);
} finally {
  await flibs.remove();
}

async function compare(name: string, lines: readonly string[]): Promise<void> {
  const short = name.replaceAll(/[^a-z]/g, "");
  const repository = `containers/${short}`;
  const person = await flibs.repository(repository);
  await copyTemplate(person.directory, short);
  const dockerfile = (await readFile(join(person.directory, "Dockerfile"), "utf8")).replace(/^USER/m, `${lines.join("\n")}\nUSER`);
  await writeFile(join(person.directory, "Dockerfile"), dockerfile);
  const ours: number[] = [];
  const plain: number[] = [];
  for (let pair = 0; pair <= pairs; pair += 1) {
    const one = await buildWithFlibs(flibs, repository, person, pair);
    const other = await buildWithDocker(flibs, person);
    // The first pair only warms up: parents are pulled, blobs of the base are in the registry.
    if (pair === 0) continue;
    ours.push(one);
    plain.push(other);
  }
  const ratios = ours.map((value, index) => value / (plain[index] ?? value));
  const costs = ours.map((value, index) => value - (plain[index] ?? value));
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  process.stdout.write(
    `build to candidate, ${name}: ${median(ratios).toFixed(2)}x (${spread}, ${pairs} pairs; ${seconds(median(ours))} against ${seconds(median(plain))}), ` +
      `${seconds(median(costs))} more\n`,
  );
}

/** Milliseconds from the push's arrival to the last candidate tag, as the journal tells. */
async function buildWithFlibs({ app, endOfBuild }: RunningService, repository: string, person: Person, pair: number): Promise<number> {
  const commit = await person.push({ pair: String(pair) });
  const build = await endOfBuild(repository, commit);
  if (build.state !== "complete") throw new Error(build.error?.message ?? `the build is ${build.state}`);
  const journal = await app.runs.journal(build.id);
  const tagged = journal.find((entry) => entry.step === "tag candidate");
  return Date.parse(tagged?.finishedAt ?? "") - Date.parse((await app.runs.find(build.id))?.createdAt ?? "");
}

async function buildWithDocker({ installation }: RunningService, person: Person): Promise<number> {
  await using scratch = await scratchDirectory("bench-");
  const context = join(scratch.path, "context");
  await mkdir(context);
  await person.git("checkout-index", "--all", `--prefix=${context}/`);
  const { mirror } = installation.base.parent;
  const dockerfile = await readFile(join(context, "Dockerfile"), "utf8");
  if (mirror !== undefined) await writeFile(join(context, "Dockerfile"), dockerfile.replace("registry.fedoraproject.org", mirror));
  const image = `${installation.candidate.endpoint}/plain/image:latest`;
  const env = { ...process.env, DOCKER_BUILDKIT: "0" };
  const started = performance.now();
  await run("docker", ["build", "--quiet", "--no-cache", "--tag", image, context], { env });
  await run("docker", ["push", "--quiet", image], { env });
  const took = performance.now() - started;
  await run("docker", ["image", "rm", "--force", image], { env });
  return took;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
