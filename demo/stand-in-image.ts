import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { madeAt, makeRpm, type RpmRequest } from "./make-rpm.ts";

const run = promisify(execFile);

/** Raised when this file makes another image of the same programs: it is part of the cache's key. */
const recipe = "1";

/** An OCI image of one layer, ready to be pushed: exact bytes. */
export interface StandInImage {
  readonly layer: Uint8Array;
  readonly config: Uint8Array;
  readonly manifest: Uint8Array;
}

/** A package beside those that every stand-in has. */
export interface MorePackage extends Pick<RpmRequest, "name" | "version" | "release" | "summary" | "license"> {
  /** Another one whenever `stage` would lay out other files: it is part of the cache's key. */
  readonly key: string;
  /** Lays the package's files out below the directory. */
  stage(directory: string): Promise<void>;
}

/**
 * An image that looks to flibs as Fedora's base image does: an rpm database in /usr/lib/sysimage/rpm that lists what is in it, DISTTAG
 * in the environment, os-release; with busybox and bash to run scripts and rpm to install packages, no network needed. All programs come
 * from this machine's distribution, each wrapped in a real RPM. Made once for one set of programs (2 to 4 s), then read from
 * `cacheDirectory`. `release` is the Fedora release it stands in for, a number.
 */
export async function standInImage(cacheDirectory: string, release: string, more: readonly MorePackage[] = []): Promise<StandInImage> {
  const programs = await findPrograms();
  const cached = join(cacheDirectory, await cacheKey(programs, release, more));
  const found = await readImage(cached).catch(() => undefined);
  if (found !== undefined) return found;

  const work = `${cached}.${process.pid}.tmp`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    const tree = join(work, "tree");
    await fillTree(work, tree, programs, release, more);
    await writeImage(work, release, await packTree(tree));
    // Whoever renames first wins; the bytes are the same.
    await rename(join(work, "image"), cached).catch(() => undefined);
    return await readImage(cached);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Programs {
  readonly busybox: string;
  readonly bash: string;
  readonly rpm: string;
  /** As the dynamic linker looks for them. */
  readonly libraries: readonly string[];
}

async function findPrograms(): Promise<Programs> {
  const [busybox, bash, rpm] = await Promise.all(["busybox", "bash", "rpm"].map(findProgram));
  if (busybox === undefined || bash === undefined || rpm === undefined) {
    throw new Error("the stand-in base image needs busybox, bash and rpm: run scripts/setup");
  }
  const listed = await run("ldd", [bash, rpm]);
  const libraries = [...new Set(listed.stdout.match(/(?<=\s)\/\S+(?= \()/g) ?? [])].sort();
  return { busybox, bash, rpm, libraries };
}

async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]) {
    const file = await realpath(join(directory, name)).catch(() => undefined);
    if (file !== undefined) return file;
  }
  return undefined;
}

async function cacheKey(programs: Programs, release: string, more: readonly MorePackage[]): Promise<string> {
  const hash = createHash("sha256").update(`${recipe} ${release}\n`);
  for (const file of [programs.busybox, programs.bash, programs.rpm, ...programs.libraries]) {
    hash.update(`${file}\n`).update(await readFile(file));
  }
  for (const { name, key } of more) hash.update(`${name} ${key}\n`);
  return hash.digest("hex").slice(0, 32);
}

/** Lays the packages out side by side, wraps each in an RPM, then lays them into one tree with a database that lists them. */
async function fillTree(work: string, tree: string, programs: Programs, release: string, more: readonly MorePackage[]): Promise<void> {
  const stage = (name: string) => join(work, "stage", name);
  await stageRelease(stage("fedora-release-stand-in"), release);
  await stageGreeting(stage("greeting"), "1.0");
  await install(programs.bash, stage("bash"), "/usr/bin/bash");
  await install(programs.busybox, stage("busybox"), "/usr/bin/busybox");
  const applets = (await run(programs.busybox, ["--list"])).stdout.split("\n");
  // sh is bash in Fedora; rpm is the real one.
  for (const name of applets.filter((name) => name !== "" && !["busybox", "sh", "bash", "rpm"].includes(name))) {
    await symlink("busybox", join(stage("busybox"), "usr/bin", name));
  }
  await symlink("bash", join(stage("bash"), "usr/bin/sh"));
  await install(programs.rpm, stage("rpm"), "/usr/bin/rpm");
  for (const name of ["rpmrc", "macros", "platform"]) {
    await install(join("/usr/lib/rpm", name), stage("rpm"), `/usr/lib/rpm/${name}`).catch(() => undefined);
  }
  await text(stage("rpm"), "/etc/rpm/macros", "%_dbpath /usr/lib/sysimage/rpm\n%_db_backend sqlite\n");
  for (const library of programs.libraries) {
    await install(library, stage("runtime-libraries"), library.startsWith("/usr/") ? library : `/usr${library}`);
  }
  for (const one of more) await one.stage(await made(stage(one.name)));

  const requests: readonly (Omit<RpmRequest, "license" | "files" | "output"> & { readonly license?: string })[] = [
    { name: "fedora-release-stand-in", version: release, release: "1", arch: "noarch", summary: "Files that tell the release" },
    { name: "greeting", version: "1.0", release: "1", arch: "noarch", summary: "A package that the demo upgrades" },
    { name: "bash", ...(await versionOf("bash")), summary: "The shell" },
    { name: "busybox", ...(await versionOf("busybox-static", "busybox")), summary: "Small programs for everything" },
    { name: "rpm", ...(await versionOf("rpm")), summary: "The package manager" },
    { name: "runtime-libraries", ...(await versionOf("libc6", "glibc")), summary: "Libraries of bash and rpm" },
    // Only recorded, and they may be large.
    ...more.map(({ name, version, release, summary, license }) => ({
      ...{ name, version, release, summary, license, payload: "w0.ufdio" as const },
    })),
  ];
  const packages: string[] = [];
  for (const request of requests) {
    packages.push(await makeRpm({ license: "MIT", ...request, files: stage(request.name), output: join(work, "packages") }));
    await run("cp", ["-a", `${stage(request.name)}/.`, await made(tree)]);
  }
  await recordPackages(tree, packages);
}

async function stageRelease(directory: string, release: string): Promise<void> {
  const lines = [
    'NAME="flibs stand-in for Fedora Linux"',
    `PRETTY_NAME="flibs stand-in for Fedora Linux ${release}"`,
    "ID=fedora-stand-in",
    "ID_LIKE=fedora",
    `VERSION_ID=${release}`,
  ];
  await text(directory, "/etc/os-release", `${lines.join("\n")}\n`);
  await text(directory, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n");
  await text(directory, "/etc/group", "root:x:0:\nnobody:x:65534:\n");
  for (const [link, target] of Object.entries({ bin: "usr/bin", sbin: "usr/sbin", lib: "usr/lib", lib64: "usr/lib64" })) {
    await symlink(target, join(directory, link));
  }
}

/** The content of the package that the demo upgrades; also what its second commit packs, with a newer version. */
export async function stageGreeting(directory: string, version: string): Promise<void> {
  await text(directory, "/usr/share/greeting/text", `Hello from version ${version}\n`);
}

/** Version and release of a package of this machine's distribution, whichever name it has there, in rpm's alphabet. */
export async function versionOf(...names: string[]): Promise<{ readonly version: string; readonly release: string }> {
  for (const name of names) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's, not ours
    const debian = await run("dpkg-query", ["-W", "-f", "${Version}", name]).catch(() => undefined);
    const fedora = debian ?? (await run("rpm", ["-q", "--qf", "%{VERSION}-%{RELEASE}", name]).catch(() => undefined));
    const [, version, release] = /^(?:\d+:)?(.+?)(?:-([^-]+))?$/.exec(fedora?.stdout.trim() ?? "") ?? [];
    if (version !== undefined) return { version: version.replaceAll("-", "."), release: (release ?? "1").replaceAll("+", ".") };
  }
  return { version: "0", release: "1" };
}

/** Enters the packages in the tree's database; their files are there already, so that neither root nor chroot is needed. */
async function recordPackages(tree: string, packages: readonly string[]): Promise<void> {
  const database = await made(join(tree, "usr/lib/sysimage/rpm"));
  await made(join(tree, "var/lib"));
  await symlink("../../usr/lib/sysimage/rpm", join(tree, "var/lib/rpm"));
  const env = { ...process.env, HOME: tree, SOURCE_DATE_EPOCH: madeAt, LC_ALL: "C" };
  const common = ["--dbpath", database, "--define", "_db_backend sqlite"];
  const debian = await stat("/etc/debian_version").catch(() => undefined);
  // Debian's rpm asks to be told that this is meant.
  const force = debian === undefined ? [] : ["--force-debian"];
  await run("rpm", [...common, "-i", ...force, "--justdb", "--nodeps", "--noscripts", "--ignorearch", ...packages], { env });
  // Readers that take only the main file would miss what is still in a write-ahead log.
  const left = (await readdir(database)).filter((name) => name.endsWith("-wal") || name.endsWith("-shm") || name === ".rpm.lock");
  for (const name of left) {
    if (name.endsWith("-wal") && (await stat(join(database, name))).size > 0) throw new Error("rpm left its database unfinished");
    await rm(join(database, name));
  }
}

async function packTree(tree: string): Promise<{ readonly tar: Uint8Array; readonly layer: Uint8Array }> {
  for (const directory of ["dev", "proc", "sys", "run", "root", "home", "usr/sbin", "usr/lib64", "var/log"])
    await made(join(tree, directory));
  for (const directory of ["tmp", "var/tmp"]) await chmod(await made(join(tree, directory)), 0o1777);
  const args = [
    "--sort=name",
    `--mtime=@${madeAt}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=a+rX",
    "-C",
    tree,
    "-cf",
    "-",
    ".",
  ];
  const { stdout } = await run("tar", args, { encoding: "buffer", maxBuffer: 2 ** 28 });
  return { tar: stdout, layer: gzipSync(stdout) };
}

async function writeImage(
  work: string,
  release: string,
  { tar, layer }: { readonly tar: Uint8Array; readonly layer: Uint8Array },
): Promise<void> {
  const created = new Date(Number(madeAt) * 1000).toISOString();
  const disttag = `f${release}`;
  const config = {
    created,
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    os: "linux",
    config: {
      Env: [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        `DISTTAG=${disttag}container`,
        `FGC=${disttag}`,
        "container=oci",
      ],
      Cmd: ["/bin/bash"],
      Labels: { name: "fedora", version: release, vendor: "flibs stand-in", license: "MIT" },
    },
    rootfs: { type: "layers", diff_ids: [sha256(tar)] },
    history: [{ created, created_by: "flibs demo: stand-in for Fedora's base image" }],
  };
  const configBytes = Buffer.from(JSON.stringify(config));
  const describe = (mediaType: string, bytes: Uint8Array) => ({ mediaType, digest: sha256(bytes), size: bytes.length });
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: describe("application/vnd.oci.image.config.v1+json", configBytes),
    layers: [describe("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
  };
  const image = await made(join(work, "image"));
  await writeFile(join(image, "layer.tar.gz"), layer);
  await writeFile(join(image, "config.json"), configBytes);
  await writeFile(join(image, "manifest.json"), JSON.stringify(manifest));
}

async function readImage(directory: string): Promise<StandInImage> {
  const [layer, config, manifest] = await Promise.all(
    ["layer.tar.gz", "config.json", "manifest.json"].map((name) => readFile(join(directory, name))),
  );
  if (layer === undefined || config === undefined || manifest === undefined) throw new Error("unreachable");
  return { layer, config, manifest };
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function made(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  return directory;
}

async function install(from: string, tree: string, to: string): Promise<void> {
  await made(dirname(join(tree, to)));
  await copyFile(from, join(tree, to));
  await chmod(join(tree, to), ((await stat(from)).mode & 0o111) === 0 ? 0o644 : 0o755);
}

async function text(tree: string, to: string, content: string): Promise<void> {
  await made(dirname(join(tree, to)));
  await writeFile(join(tree, to), content);
  // Whatever the person's umask is.
  await chmod(join(tree, to), 0o644);
}
