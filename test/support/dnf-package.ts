import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type MorePackage, versionOf } from "../../demo/stand-in-image.ts";
import { runProgram } from "./skopeo.ts";

/** Raised when this file lays out other files of the same programs. */
const recipe = "1";

/** What dnf never imports, and what this machine has put into its own Python. */
const left = new Set(["__pycache__", "test", "tests", "idlelib", "lib2to3", "ensurepip", "pydoc_data", "turtledemo", "sitecustomize.py"]);
const isLeft = (name: string) => left.has(name) || /^(?:config-|dist-packages$|site-packages$)|\.a$/.test(name);

/**
 * This machine's dnf with Python, its modules and every shared library they name, as one package for the stand-in base image; with GnuPG and
 * rpmkeys, by which it reads keys and checks signatures. No network, no package of another distribution.
 */
export async function dnfPackage(): Promise<MorePackage> {
  const paths = await said("/usr/bin/python3", ["-I", "-c", pathsOfPython]);
  const { interpreter, library, modules }: { interpreter: string; library: string; modules: readonly string[] } = JSON.parse(paths);
  const python = [library, ...modules];
  const programs = [interpreter, "/usr/bin/rpmkeys", "/usr/bin/gpg", "/usr/bin/gpgconf"];
  const files = ["/usr/bin/dnf-3", ...programs];
  for (const directory of python) files.push(...(await filesBelow(directory)));
  const linked = await said("ldd", [...programs, ...files.filter((file) => file.endsWith(".so"))]);
  files.push(...new Set(linked.match(/(?<=\s)\/\S+(?= \()/g) ?? []));

  const hash = createHash("sha256").update(recipe);
  for (const file of files.toSorted()) hash.update(`${file}\n`).update(await readFile(file));
  return {
    ...{ name: "dnf", ...(await versionOf("dnf", "python3-dnf")), license: "GPL-2.0-or-later" },
    ...{ summary: "Package manager, with all that it needs", key: hash.digest("hex") },
    stage: (directory) => stage(directory, files, { interpreter, python }),
  };
}

const pathsOfPython = `
import json, os, sys, sysconfig
import dnf, gpg, hawkey, libcomps, libdnf, rpm
modules = [os.path.dirname(one.__file__) for one in (dnf, gpg, hawkey, libcomps, libdnf, rpm)]
print(json.dumps({"interpreter": os.path.realpath(sys.executable), "library": sysconfig.get_path("stdlib"), "modules": modules}))
`;

async function filesBelow(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (isLeft(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(path)));
    else if ((await stat(path).catch(() => undefined))?.isFile()) found.push(path);
  }
  return found;
}

async function stage(
  tree: string,
  files: readonly string[],
  { interpreter, python }: { readonly interpreter: string; readonly python: readonly string[] },
): Promise<void> {
  for (const file of files) {
    // What is in /lib on one distribution is in /usr/lib here, where /lib is a link to it.
    const to = join(tree, file.startsWith("/usr/") ? file : `/usr${file}`);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(file, to);
    await chmod(to, ((await stat(file)).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
  await symlink(basename(interpreter), join(tree, "usr/bin/python3"));
  await symlink("dnf-3", join(tree, "usr/bin/dnf"));
  await mkdir(join(tree, "etc/dnf"), { recursive: true });
  await writeFile(join(tree, "etc/dnf/dnf.conf"), configuration);
  // Else every build would do it, and leave it in its image. Known by content, since the times of the files are flattened.
  const byContent = ["--invalidation-mode", "unchecked-hash"];
  const directories = python.map((directory) => join(tree, directory));
  await said(interpreter, ["-I", "-m", "compileall", "-q", ...byContent, "-s", tree, "-p", "/", ...directories]);
}

/** As Fedora has it. */
const configuration = `[main]
gpgcheck=True
installonly_limit=3
clean_requirements_on_remove=True
best=False
skip_if_unavailable=True
`;

async function said(program: string, args: readonly string[]): Promise<string> {
  const result = await runProgram(program, args);
  if (result.exitCode !== 0)
    throw new Error(`${program} ended with ${result.exitCode}: ${result.stdout}${result.stderr}; run scripts/setup --tests`);
  return result.stdout;
}
