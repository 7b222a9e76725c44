// One file out of a published npm package that is too heavy to be a dependency: packed by npm into the cache directory, checked against
// the integrity that is written here in the repository, and read as a stream.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";

export interface NpmTarball {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity as the registry publishes it: `sha512-<base64>`. */
  readonly integrity: string;
}

/** The registry did not answer at all; any other trouble is an error of its own. */
export class RegistryUnreachable extends Error {}

const unreachable = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT)\b/;

/** Path of the checked tarball in the cache directory; packed there first when it is not there yet. Throws {@link RegistryUnreachable}. */
export async function ensureTarball(wanted: NpmTarball): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "flibs", "npm");
  const path = join(cache, `${Buffer.from(wanted.integrity.slice("sha512-".length), "base64").toString("hex").slice(0, 32)}.tgz`);
  if (!(await stat(path).catch(() => undefined))) {
    await mkdir(cache, { recursive: true });
    const scratch = await mkdtemp(join(cache, "pack-"));
    try {
      const [name] = await pack(wanted, scratch);
      await rename(join(scratch, name ?? ""), path);
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }
  const found = `sha512-${await hashFile(path, "sha512", "base64")}`;
  if (found === wanted.integrity) return path;
  await rm(path);
  throw new Error(`${wanted.name}@${wanted.version} has integrity ${found}, expected ${wanted.integrity}`);
}

async function pack({ name, version }: NpmTarball, directory: string): Promise<readonly string[]> {
  const args = ["pack", `${name}@${version}`, "--json", "--ignore-scripts", "--fetch-retries=0", "--pack-destination", directory];
  try {
    const { stdout } = await promisify(execFile)("npm", args, { cwd: directory, timeout: 300_000, maxBuffer: 2 ** 24 });
    const packed: readonly { readonly filename: string }[] = JSON.parse(stdout);
    return packed.map(({ filename }) => filename.replace("@", "").replace("/", "-"));
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    if (unreachable.test(said)) throw new RegistryUnreachable(`npm registry: ${unreachable.exec(said)?.[0]}`, { cause: error });
    throw error;
  }
}

export async function hashFile(path: string, algorithm: "sha256" | "sha512", encoding: "hex" | "base64"): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest(encoding);
}

/** Bytes of one file of a tarball (`package/…`); what comes after it is not unpacked. */
export async function readFromTarball(tarball: string, file: string): Promise<Buffer> {
  const entries = extract();
  const input = createReadStream(tarball);
  const unpacking = pipeline(input, createGunzip(), entries);
  let found: Buffer | undefined;
  for await (const entry of entries) {
    if (entry.header.name !== file) {
      entry.resume();
      continue;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found = Buffer.concat(chunks);
    break;
  }
  input.destroy();
  // Reading is broken off on purpose once the file is there.
  await unpacking.catch(() => {});
  if (!found) throw new Error(`${tarball} has no ${file}`);
  return found;
}
