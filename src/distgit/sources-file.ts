import { type Finding, finding, warning } from "./finding.ts";
import { readTextFile } from "./text-file.ts";
import type { Tree } from "./tree.ts";

/** One file of the lookaside cache, as dist-git's `sources` names it. */
export interface SourceFile {
  readonly name: string;
  readonly hashType: HashType;
  /** Hex, lower case. */
  readonly hash: string;
}

export type HashType = "md5" | "sha1" | "sha224" | "sha256" | "sha384" | "sha512";

const digits: Readonly<Record<HashType, number>> = { md5: 32, sha1: 40, sha224: 56, sha256: 64, sha384: 96, sha512: 128 };
const file = "sources";
const maxBytes = 64 * 1024;
const maxFiles = 200;
const maxName = 200;

/**
 * The files that `sources` lists, in both of dist-git's formats: `MD5  name` and `SHA512 (name) = hex`. Each becomes a file at the root of the build
 * context, so a name is never a path, never one of the repository's own, and never one that the build itself is read from.
 */
export async function readSourcesFile(
  tree: Tree,
): Promise<{ readonly sources: readonly SourceFile[]; readonly findings: readonly Finding[] }> {
  const read = await readTextFile(tree, file, maxBytes);
  if (read === undefined) return { sources: [], findings: [] };
  const wrong = (line: number | undefined, message: string, fix: string) => finding("distgit.sources-invalid", file, line, message, fix);
  if ("problem" in read) return { sources: [], findings: [wrong(undefined, `sources ${read.problem}`, read.fix)] };
  const taken = new Set(tree.entries.map(({ path }) => path.split("/")[0] ?? "")).add("Dockerfile").add(".dockerignore");
  const findings: Finding[] = [];
  const sources = new Map<string, SourceFile>();
  for (const [index, text] of read.text.split("\n").entries()) {
    const line = index + 1;
    const plain = text.trim();
    if (plain === "") continue;
    const source = parseSourceLine(plain);
    if (source === undefined) {
      const fix = "Write it as fedpkg does: SHA512 (name) = checksum";
      findings.push(wrong(line, `"${clip(plain)}" names no file with a checksum`, fix));
      continue;
    }
    const { name } = source;
    if (!isFileName(name))
      findings.push(wrong(line, `"${clip(name)}" is not a plain file name`, "Use letters, digits and . _ + ~ -, no path"));
    else if (sources.has(name)) findings.push(wrong(line, `${name} is there twice`, "Remove one of the lines"));
    else if (taken.has(name) || name.startsWith(".flibs")) {
      const message = `${name} would take the place of a file of the repository or of the build system`;
      findings.push(wrong(line, message, "Give it another name"));
    } else if (sources.size >= maxFiles) {
      findings.push(wrong(line, `sources has more than ${maxFiles} files`, "Put them into one archive"));
      break;
    } else {
      if (source.hashType === "md5" || source.hashType === "sha1") {
        const message = `${name} is named by ${source.hashType.toUpperCase()}, which can be forged`;
        findings.push(warning("distgit.sources-invalid", file, line, message, "Upload it again: fedpkg new-sources writes SHA512"));
      }
      sources.set(name, source);
    }
  }
  return { sources: [...sources.values()], findings };
}

/** Undefined for what is neither `MD5  name` nor `TYPE (name) = hex` with as many digits as the type has. */
export function parseSourceLine(text: string): SourceFile | undefined {
  const old = /^([0-9a-fA-F]{32})[ \t]+\*?(\S+)$/.exec(text);
  if (old !== null) return { name: old[2] ?? "", hashType: "md5", hash: (old[1] ?? "").toLowerCase() };
  const [, type = "", name = "", hash = ""] = /^([A-Za-z0-9]+) \(([^)]+)\) = ([0-9a-fA-F]+)$/.exec(text) ?? [];
  const hashType = Object.keys(digits).find((one): one is HashType => one === type.toLowerCase());
  return hashType !== undefined && hash.length === digits[hashType] ? { name, hashType, hash: hash.toLowerCase() } : undefined;
}

function isFileName(name: string): boolean {
  return name.length <= maxName && /^[A-Za-z0-9_.][A-Za-z0-9_.+~-]*$/.test(name) && name !== "." && name !== "..";
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
