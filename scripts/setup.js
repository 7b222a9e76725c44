// Gets a machine ready: npm packages, the distribution's packages, a running Docker Engine. Called by `scripts/setup`, on Node 20 or
// newer and before any npm package is there, hence JavaScript without dependencies. Safe to run again at any time, also after a crash:
// every part looks before it acts.
import { spawnSync } from "node:child_process";
import { chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { cosignProblem, installCosign } from "./setup-cosign.js";
import { engineAnswers, hasServiceManager, startDockerd } from "./setup-docker.js";
import { withLock } from "./setup-lock.js";
import { findProgram, missingNeeds } from "./setup-needs.js";
import { installNpmPackages, mendNode, mendPostgres, nodeCurrent, npmPackagesCurrent, postgresCurrent } from "./setup-npm.js";

const help = `Usage: scripts/setup [--yes] [--tests] [--check]

Finds out what flibs needs on this machine and does not have, and gets it: npm packages with Node 24 and PostgreSQL, the
distribution's packages (Debian or Fedora), a Docker Engine that answers. Does nothing when nothing is missing.

  --yes     may install packages and start Docker (as root, or with a sudo that asks for no password);
            root without a terminal and CI=true count as yes; otherwise the one command to run is printed
  --tests   also what only "npm test" needs (Ansible's collections, Chromium, createrepo_c, dnf, iproute2, iptables, podman, xmllint);
            and cosign
            where the distribution, or the next Debian release, has it: without it the tests that ask it are skipped
  --check   only report, change nothing; ends with 1 when something is missing
  --help    this text
`;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const setupDirectory = join(root, "var/setup");
// The variable is for machines (and tests) whose engine listens elsewhere.
const usualSocket = "/var/run/docker.sock";
const socketPath = process.env.FLIBS_DOCKER_SOCKET ?? usualSocket;
// Programs of the administrator are not in every person's PATH, but apt-get and dockerd need them.
const path = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
process.env.PATH = path;
const aptDirectory = process.env.FLIBS_APT_DIRECTORY ?? "/etc/apt";
const options = new Set(process.argv.slice(2));

process.exitCode = await main();

async function main() {
  const unknown = [...options].find((option) => !["--yes", "--tests", "--check", "--help"].includes(option));
  if (unknown !== undefined) return fail(`unknown option ${unknown}\n${help}`);
  if (options.has("--help")) {
    process.stdout.write(help);
    return 0;
  }
  if (options.has("--check")) return report();
  if (await isReady()) return 0;
  makeVar();
  const waiting = () => say("another setup of this clone is at work; waiting for it");
  return withLock(join(root, "var/setup/lock"), waiting, async () => setUpNpm() ?? (await setUpSystem()) ?? setUpCosign());
}

/** Is it of use, not here, and not looked for in vain today? */
function wantsCosign() {
  return options.has("--tests") && !findProgram("cosign", path) && cosignProblem(setupDirectory) === undefined;
}

/** Nothing that goes wrong here is a failure. */
function setUpCosign() {
  if (!wantsCosign()) return 0;
  const sudo = permission();
  const problem =
    sudo === undefined
      ? "it needs --yes"
      : packageManager() === "debian"
        ? installCosign({ run: runAs(sudo), aptDirectory, directory: setupDirectory, say })
        : "it is not looked for on this distribution";
  if (problem !== undefined) say(`without cosign (${problem}): tests that ask it are skipped`);
  return 0;
}

/** The usual answer, in a tenth of a second. */
async function isReady() {
  if (!npmPackagesCurrent(root) || !nodeCurrent(root) || !postgresCurrent(root)) return false;
  if (wantsCosign()) return false;
  const answers = await engineAnswers(socketPath);
  return answers === "yes" && missingNeeds({ engineAnswers: true, forTests: options.has("--tests"), path }).length === 0;
}

/** One line a part, whether it is there or not. */
async function report() {
  const answers = await engineAnswers(socketPath);
  const missing = missingNeeds({ engineAnswers: answers !== "no", forTests: options.has("--tests"), path });
  const parts = [
    ["npm packages", npmPackagesCurrent(root)],
    ["Node 24 for npm scripts", nodeCurrent(root)],
    ["embedded PostgreSQL", postgresCurrent(root)],
    [`distribution's packages${missing.length > 0 ? `: ${packagesOf(missing).join(" ")}` : ""}`, missing.length === 0],
    [`Docker Engine on ${socketPath}${answers === "denied" ? " (it refuses you)" : ""}`, answers === "yes"],
  ];
  for (const [name, there] of parts) process.stdout.write(`${there ? "ok     " : "missing"} ${name}\n`);
  // Nobody has to have it: what is skipped without it says so.
  if (options.has("--tests") && !findProgram("cosign", path)) {
    process.stdout.write(`without cosign: ${cosignProblem(setupDirectory) ?? "scripts/setup --yes --tests tries to get it"}\n`);
  }
  return parts.every(([, there]) => there) ? 0 : 1;
}

/** Made first, by whoever owns the clone: a `var` that sudo made would lock its owner out. */
function makeVar() {
  mkdirSync(setupDirectory, { recursive: true });
  const owner = statSync(root);
  if (process.getuid?.() !== 0 || owner.uid === 0) return;
  for (const made of [join(root, "var"), setupDirectory]) chownSync(made, owner.uid, owner.gid);
}

/** Returns an exit code when it must end here. */
function setUpNpm() {
  if (!npmPackagesCurrent(root)) {
    say("installing the npm packages of package-lock.json");
    const result = installNpmPackages(root);
    if (!result.ok) return fail(`npm ci failed:\n${result.output}`);
  }
  if (!nodeCurrent(root)) {
    say("fetching Node 24 from npm for the project's scripts");
    const result = mendNode(root);
    if (!result.ok || !nodeCurrent(root)) return fail(`the npm package "node" gives no Node 24 here:\n${result.output}`);
  }
  if (!postgresCurrent(root)) {
    say("linking the libraries of the embedded PostgreSQL");
    const result = mendPostgres(root);
    if (!result.ok) return fail(`the embedded PostgreSQL does not run here:\n${result.output}`);
  }
  return undefined;
}

async function setUpSystem() {
  let answers = await engineAnswers(socketPath);
  const missing = missingNeeds({ engineAnswers: answers !== "no", forTests: options.has("--tests"), path });
  if (missing.length === 0 && answers === "yes") return undefined;
  if (missing.length === 0 && answers === "denied") return tellRefused();
  const sudo = permission();
  if (sudo === undefined) return tellWhatIsMissing(missing, answers);
  if (missing.length > 0) {
    const problem = installPackages(missing, sudo);
    if (problem !== undefined) return fail(problem);
    answers = await engineAnswers(socketPath);
  }
  if (answers === "no") {
    const problem = await startEngine(sudo);
    if (problem !== undefined) return fail(`Docker Engine does not start: ${problem}`);
    answers = await engineAnswers(socketPath);
  }
  return answers === "denied" ? tellRefused() : undefined;
}

function tellRefused() {
  return tell(`Docker Engine runs but refuses you on ${socketPath}`, "sudo usermod -aG docker $USER   (then log in again)");
}

/** The words to put before a command that needs root; undefined when we may not. */
function permission() {
  const granted = options.has("--yes") || process.env.CI === "true";
  if (process.getuid?.() === 0) return granted || !process.stdin.isTTY ? [] : undefined;
  const mayWithoutPassword = granted && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0;
  return mayWithoutPassword ? ["sudo", "-n"] : undefined;
}

function tellWhatIsMissing(missing, answers) {
  const parts = [
    ...(missing.length > 0 ? [`missing: ${missing.map((need) => need.what).join(", ")} (packages ${packagesOf(missing).join(" ")})`] : []),
    ...(answers === "no" ? [`no Docker Engine answers on ${socketPath}`] : []),
  ];
  const command = [
    process.getuid?.() === 0 ? "" : "sudo ",
    join(root, "scripts/setup"),
    " --yes",
    options.has("--tests") ? " --tests" : "",
  ];
  return tell(parts.join("; "), command.join(""));
}

function installPackages(missing, sudo) {
  const packages = packagesOf(missing);
  const run = runAs(sudo);
  const manager = packageManager();
  if (manager === undefined) return `neither apt-get nor dnf is here; install by hand: ${missing.map((need) => need.what).join(", ")}`;
  say(`installing with ${manager === "debian" ? "apt-get" : "dnf"}: ${packages.join(" ")}`);
  if (manager === "fedora") {
    const result = run("dnf", "install", "-y", "--setopt=install_weak_deps=False", ...packages);
    return result.status === 0 ? undefined : `dnf failed:\n${result.stdout}${result.stderr}`;
  }
  const update = () => {
    say("fetching the lists of Debian packages");
    run("apt-get", "-q", "update");
  };
  const install = () =>
    run(
      "env",
      "DEBIAN_FRONTEND=noninteractive",
      "apt-get",
      "-qy",
      "-o",
      "DPkg::Lock::Timeout=300",
      "install",
      "--no-install-recommends",
      ...packages,
    );
  if (!hasPackageLists()) update();
  let result = install();
  if (result.status !== 0) {
    // Most often the lists are older than the mirror's packages.
    update();
    result = install();
  }
  return result.status === 0 ? undefined : `apt-get failed:\n${result.stdout}${result.stderr}`;
}

/** Runs a program with the words before it that make us root. */
function runAs(sudo) {
  return (...command) => {
    const [program, ...args] = [...sudo, ...command];
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    return spawnSync(program, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 2 ** 26 });
  };
}

function hasPackageLists() {
  try {
    return readdirSync("/var/lib/apt/lists").some((name) => name.includes("_Packages"));
  } catch {
    return false;
  }
}

/** Returns what went wrong, undefined when the engine answers. */
async function startEngine(sudo) {
  // docker.service listens on the usual socket only.
  if (hasServiceManager() && socketPath === usualSocket) {
    say("starting Docker Engine with systemctl");
    const [program, ...args] = [...sudo, "systemctl", "start", "docker"];
    const result = spawnSync(program, args, { encoding: "utf8" });
    return (await engineAnswers(socketPath)) === "no" ? `systemctl start docker: ${result.stderr}see journalctl -u docker` : undefined;
  }
  say(`starting Docker Engine; log and process id are in ${setupDirectory}`);
  return startDockerd({ dockerd: findProgram("dockerd", path) ?? "dockerd", sudo, socketPath, directory: setupDirectory });
}

function packageManager() {
  if (findProgram("apt-get", path)) return "debian";
  return findProgram("dnf", path) ? "fedora" : undefined;
}

function packagesOf(missing) {
  return [...new Set(missing.flatMap((need) => need[packageManager() ?? "debian"]))];
}

function say(text) {
  process.stdout.write(`setup: ${text}\n`);
}

function tell(what, command) {
  process.stderr.write(`setup: ${what}\nsetup: run this, then try again:\n\n  ${command}\n\n`);
  return 1;
}

function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  return 1;
}
