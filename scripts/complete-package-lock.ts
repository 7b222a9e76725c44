// Adds to package-lock.json the optional packages of other platforms that `npm install` left out because the registry in use did not
// carry them; `npm ci` refuses such a lock file everywhere ("Missing: … from lock file"). Run it after adding a package:
//   node scripts/complete-package-lock.ts
// The platform is read from the package's name (cli-linux-arm64-musl), as there is no other place to read it from.
import { readFileSync, writeFileSync } from "node:fs";

const systems = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

/** What is read of an entry of the lock file; what else it has is kept. */
interface LockEntry {
  readonly version?: string;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** `[dependent, name, version]` of each optional dependency that the lock file does not have. */
export function missingOptionals(packages: Readonly<Record<string, LockEntry>>): [string, string, string][] {
  const missing: [string, string, string][] = [];
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const above = path.split("/node_modules/").map((_, depth, parts) => parts.slice(0, depth + 1).join("/node_modules/"));
      if (!["", ...above.map((directory) => `${directory}/`)].some((directory) => packages[`${directory}node_modules/${name}`])) {
        missing.push([path, name, version]);
      }
    }
  }
  return missing;
}

if (process.argv[1] === import.meta.filename) {
  const file = new URL("../package-lock.json", import.meta.url);
  const lock: { packages: Record<string, LockEntry> } = JSON.parse(readFileSync(file, "utf8"));
  for (const [dependent, name, version] of missingOptionals(lock.packages)) {
    lock.packages[`node_modules/${name}`] = entryFor(name, version, lock.packages[dependent]?.dev ?? false);
    process.stdout.write(`added ${name} ${version}\n`);
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
}

function entryFor(name: string, range: string, dev: boolean): LockEntry {
  const words = (name.split("/").pop() ?? "").split("-");
  const [os, cpu] = [systems, processors].map((known) => words.find((word) => known.includes(word)));
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : words.some((word) => word.startsWith("gnu")) ? "glibc" : undefined;
  const version = range.replace(/^[\^~]/, "");
  return {
    version,
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(dev ? { dev } : {}),
    ...(libc ? { libc: [libc] } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  };
}
