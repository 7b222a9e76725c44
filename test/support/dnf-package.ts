import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, realpath, stat, symlink, writeFile } from "node:fs/promises";
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
  const python = await said("/usr/bin/python3", ["-I", "-c", pathsOfPython]);
  const { interpreter, library, modules }: { interpreter: string; library: string; modules: readonly string[] } = JSON.parse(python);
  const dnf = await realpath("/usr/bin/dnf");
  const files = [interpreter, dnf, "/usr/bin/rpmkeys", "/usr/bin/gpg", "/usr/bin/gpgconf"];
  for (const directory of [library, ...modules]) files.push(...(await filesBelow(directory)));
  const programs = files.filter((file) => file.endsWith(".so") || (file !== dnf && dirname(file) === "/usr/bin"));
  const listed = await said("ldd", programs);
  files.push(...new Set(listed.match(/(?<=\s)\/\S+(?= \()/g) ?? []));

  const hash = createHash("sha256").update(recipe);
  for (const file of files.toSorted()) hash.update(`${file}\n`).update(await readFile(file));
  return {
    ...{ name: "dnf", ...(await versionOf("dnf", "python3-dnf")), license: "GPL-2.0-or-later" },
    ...{ summary: "Package manager, with all that it needs", key: hash.digest("hex") },
    stage: (directory) => stage(directory, files, { interpreter, dnf, library }),
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
  { interpreter, dnf, library }: { readonly interpreter: string; readonly dnf: string; readonly library: string },
): Promise<void> {
  for (const file of files) {
    // What is in /lib on one distribution is in /usr/lib here, where /lib is a link to it.
    const to = join(tree, file.startsWith("/usr/") ? file : `/usr${file}`);
    await mkdir(dirname(to), { recursive: true });
    await copyFile(file, to);
    await chmod(to, ((await stat(file)).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
  await symlink(basename(interpreter), join(tree, "usr/bin/python3"));
  if (basename(dnf) !== "dnf") await symlink(basename(dnf), join(tree, "usr/bin/dnf"));
  await mkdir(join(tree, "etc/dnf"), { recursive: true });
  await writeFile(join(tree, "etc/dnf/dnf.conf"), configuration);
  // By content: the times of the files are flattened. Without, every build would compile, and leave what it compiled in the image.
  await said(interpreter, [
    "-I",
    "-m",
    "compileall",
    "-q",
    "--invalidation-mode",
    "unchecked-hash",
    "-s",
    tree,
    "-p",
    "/",
    ...compiled(tree, library),
  ]);
}

function compiled(tree: string, library: string): readonly string[] {
  return [join(tree, library), join(tree, "usr/lib/python3")];
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
