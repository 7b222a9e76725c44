// cosign, the judge of cosign signatures in tests: Debian has it from trixie on, so on bookworm this one package is taken from there. Node 20.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The suite after one that has no cosign. */
const nextSuites = { bookworm: "trixie" };
/** So long is nothing asked again after cosign could not be had. */
const patienceMs = 86_400_000;

/** Why cosign is not here, as an earlier setup found out in the last day; undefined when nobody tried. */
export function cosignProblem(directory) {
  const file = problemFile(directory);
  if (!existsSync(file) || Date.now() - statSync(file).mtimeMs > patienceMs) return undefined;
  return readFileSync(file, "utf8").trim();
}

/**
 * Installs the one package and nothing else: apt is given the next suite in a place of its own, pinned low, and what it would do is looked at
 * before it may do it. Nothing of that stays: the system's own sources are only read. Returns undefined, or why it is not there; that is no
 * failure of setup. `run` runs a program as root, `aptDirectory` is /etc/apt but for tests.
 */
export function installCosign({ run, aptDirectory, directory, say }) {
  const problem = tryToInstall({ run, aptDirectory, directory, say });
  if (problem === undefined) rmSync(problemFile(directory), { force: true });
  else writeFileSync(problemFile(directory), `${problem}\n`);
  return problem;
}

function tryToInstall({ run, aptDirectory, directory, say }) {
  say("installing cosign for its tests");
  const sources = nextSources(aptDirectory);
  if (sources === undefined) return install(run, []);
  const place = join(directory, "next-suite");
  run("rm", "-rf", place);
  mkdirSync(join(place, "lists/partial"), { recursive: true });
  const file = join(place, sources.name);
  writeFileSync(file, sources.text);
  writeFileSync(join(place, "preferences"), "Package: *\nPin: release *\nPin-Priority: 100\n");
  const options = {
    "Dir::Etc::SourceList": file,
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::Preferences": join(place, "preferences"),
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Dir::State::Lists": join(place, "lists"),
    "Dir::Cache::pkgcache": "",
    "Dir::Cache::srcpkgcache": "",
  };
  const words = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  try {
    const updated = run("apt-get", "-q", ...words, "update");
    if (updated.status !== 0) return lastLine(updated);
    return install(run, words);
  } finally {
    run("rm", "-rf", place);
  }
}

function install(run, words) {
  const command = ["-qy", "-o", "DPkg::Lock::Timeout=300", ...words, "install", "--no-install-recommends", "cosign"];
  const trial = run("apt-get", "-s", ...command);
  if (trial.status !== 0) return lastLine(trial);
  const changes = trial.stdout.split("\n").filter((line) => /^(Inst|Remv) /.test(line));
  const others = changes.filter((line) => !line.startsWith("Inst cosign ") || line.startsWith("Inst cosign ["));
  if (others.length > 0) return `it would change other packages: ${others.map((line) => line.split(" ")[1]).join(" ")}`;
  const result = run("apt-get", ...command);
  return result.status === 0 ? undefined : lastLine(result);
}

/** The system's own Debian source with the next suite in it; undefined where cosign is in the system's own suite, or it has no such source. */
function nextSources(aptDirectory) {
  for (const file of sourceFiles(aptDirectory)) {
    const isStanzas = file.endsWith(".sources");
    const parts = readFileSync(file, "utf8").split(isStanzas ? /\n\s*\n/ : "\n");
    for (const part of parts) {
      const suite = Object.keys(nextSuites).find((name) =>
        new RegExp(isStanzas ? `^Suites:.*\\b${name}(\\s|$)` : `^deb .*\\s${name}\\s`, "m").test(part),
      );
      if (suite === undefined) continue;
      const next = nextSuites[suite];
      if (isStanzas) return { name: "next.sources", text: `${part.replace(/^Suites:.*$/m, `Suites: ${next}`).trim()}\n` };
      return { name: "next.list", text: `${part.replace(new RegExp(`\\s${suite}\\s`), ` ${next} `)}\n` };
    }
  }
  return undefined;
}

function sourceFiles(aptDirectory) {
  const parts = join(aptDirectory, "sources.list.d");
  const named = existsSync(parts) ? readdirSync(parts).filter((name) => /\.(sources|list)$/.test(name)) : [];
  return [...named.sort().map((name) => join(parts, name)), join(aptDirectory, "sources.list")].filter((file) => existsSync(file));
}

function problemFile(directory) {
  return join(directory, "no-cosign");
}

function lastLine({ stdout, stderr }) {
  const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => /^[EW]: /.test(line));
  return (lines.at(-1) ?? "apt-get failed").slice(0, 300);
}
