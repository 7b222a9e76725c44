import { chmod, chown, lstat, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../../domain/amounts.ts";
import { closedLimits } from "./closed-command.ts";
import type { Place } from "./read-results.ts";

export interface Collected {
  /** Paths below the target, the one to read first in front. */
  readonly files: readonly string[];
  /** What stayed behind, or is cut, and why, in words that are safe to show. */
  readonly left: readonly string[];
  readonly placeOf: (path: string) => Place;
}

const maxFiles = 200;
const maxEntries = 2000;
const maxDepth = 8;
const maxNameBytes = 100;
const maxTold = 20;

/**
 * Moves what a suite left, and people may want to see, into a directory where nothing else is than that: regular files with harmless names, so many
 * and no more. Links and special files stay behind, and what has a name that could deceive whoever lists it or downloads it. Only for a folder
 * in which nobody writes any more, on the same file system, and that is no link itself. `reserved` are names that the target has already.
 */
export async function collectArtifacts(from: string, to: string, reserved: readonly string[] = []): Promise<Collected> {
  const files: string[] = [];
  const links = new Set<string>();
  const left: string[] = [];
  let entries = 0;
  const leave = (path: string, why: string) => {
    if (left.length < maxTold) left.push(`${JSON.stringify(path.slice(0, 100)).replaceAll(/\p{C}/gu, "?")} ${why}`);
    else if (left.length === maxTold) left.push("and more");
  };

  async function walk(path: string, depth: number): Promise<void> {
    // The suite may have locked it.
    await chmod(join(from, path), 0o700);
    for (const bytes of (await readdir(join(from, path), { encoding: "buffer" })).sort(Buffer.compare)) {
      entries += 1;
      if (entries > maxEntries) return leave(path, `has, with what is before it, more than ${maxEntries} entries`);
      const name = bytes.toString("utf8");
      const inner = path === "" ? name : `${path}/${name}`;
      const problem = reserved.includes(inner) ? "has a name that is flibs' own" : problemOfName(bytes);
      if (problem !== undefined) leave(inner, problem);
      else await takeEntry(inner, depth);
    }
  }

  async function takeEntry(path: string, depth: number): Promise<void> {
    const stat = await lstat(join(from, path));
    if (stat.isSymbolicLink()) {
      links.add(path);
      leave(path, "is a symbolic link");
    } else if (stat.isDirectory()) {
      if (depth < maxDepth) await walk(path, depth + 1);
      else leave(path, `is more than ${maxDepth} directories deep`);
    } else if (!stat.isFile()) {
      leave(path, "is no regular file");
    } else if (files.length >= maxFiles) {
      leave(path, `is one of more than ${maxFiles} files`);
    } else {
      await take(path);
      if (stat.size >= closedLimits.fileBytes) leave(path, `is cut: a file has at most ${formatBytes(closedLimits.fileBytes)}`);
    }
  }

  async function take(path: string): Promise<void> {
    const target = join(to, path);
    await mkdir(join(target, ".."), { recursive: true, mode: 0o700 });
    await rename(join(from, path), target);
    await chmod(target, 0o600);
    if (process.getuid?.() === 0) await chown(target, 0, 0);
    files.push(path);
  }

  await walk("", 0);
  const known = new Set(files);
  const placeOf = (path: string): Place => {
    const parts = path.split("/");
    if (parts.some((_, index) => links.has(parts.slice(0, index + 1).join("/")))) return "link";
    return known.has(path) ? "file" : "absent";
  };
  return { files: [...files.filter((one) => one === "test.log"), ...files.filter((one) => one !== "test.log")], left, placeOf };
}

/** Undefined for a harmless one. */
function problemOfName(bytes: Buffer): string | undefined {
  const name = bytes.toString("utf8");
  if (!Buffer.from(name).equals(bytes)) return "has a name that is not UTF-8";
  // Also the letters that turn the direction of writing around.
  if (/\p{C}|\p{Zl}|\p{Zp}/u.test(name)) return "has a name with control characters";
  if (name.includes("\\")) return "has a name with a backslash";
  return bytes.length > maxNameBytes ? `has a name of more than ${maxNameBytes} bytes` : undefined;
}
