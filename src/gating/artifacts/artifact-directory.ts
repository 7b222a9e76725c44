import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { formatBytes } from "../../domain/amounts.ts";
import { type Artifact, type ArtifactReader, isArtifactName, mediaTypeOf } from "../artifact.ts";

/** What an opening meets when a path is no file, or no longer there. */
const absent = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "EACCES", "EPERM", "ENAMETOOLONG", "ENXIO", "EMLINK"]);
const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A pipe must not be waited for. */
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const mostProblems = 20;

/** {@link ArtifactReader} for directories of this machine. */
export const readArtifacts: ArtifactReader = async (directory, names, limits, mask) => {
  const artifacts: Artifact[] = [];
  const problems: string[] = [];
  let left = limits.totalBytes;
  for (const name of new Set(names)) {
    if (!isArtifactName(name)) problems.push(`a name that no artifact may have: ${JSON.stringify(name.slice(0, 100))}`);
    else if (artifacts.length === limits.most) problems.push(`${name}: more than ${limits.most} files`);
    else {
      const read = await readOne(directory, name, Math.min(limits.eachBytes, left), mask);
      if (typeof read === "string") problems.push(`${name}: ${read}`);
      else {
        artifacts.push(read);
        left -= read.content.length;
      }
    }
  }
  const more = problems.length - mostProblems;
  return { artifacts, problems: more > 0 ? [...problems.slice(0, mostProblems), `and ${more} more`] : problems };
};

/** The artifact, or why there is none. */
async function readOne(directory: string, name: string, most: number, mask: (text: string) => string): Promise<Artifact | string> {
  const file = await openInside(directory, name.split("/"));
  if (file === undefined) return "there is no such file, or a link on the way to it";
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return "it is no regular file";
    // A second name of a file may be that of one that the test could not have read itself.
    if (stat.nlink > 1) return "it is a link";
    const content = await readContent(file, stat.size, most, mask);
    if (content === undefined) return `${formatBytes(stat.size)}, more than the ${formatBytes(most)} that are kept, and no text`;
    return { name, mediaType: mediaTypeOf(name, textOf(content) !== undefined), content };
  } finally {
    await file.close();
  }
}

/** Part by part from open directories, so that nothing on the way can be exchanged for a link while it is gone along. Linux only, as containers are. */
async function openInside(directory: string, parts: readonly string[]): Promise<FileHandle | undefined> {
  let at = await openQuietly(directory, directoryFlags);
  for (const [index, part] of parts.entries()) {
    if (at === undefined) return undefined;
    const inside = at;
    at = await openQuietly(`/proc/self/fd/${inside.fd}/${part}`, index === parts.length - 1 ? fileFlags : directoryFlags);
    await inside.close();
  }
  return at;
}

async function openQuietly(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags);
  } catch (error) {
    if (absent.has((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** All of it; of a longer text whole lines of its beginning and of its end; undefined for anything else that is too long. */
async function readContent(file: FileHandle, size: number, most: number, mask: (text: string) => string): Promise<Buffer | undefined> {
  if (size <= most) {
    const bytes = await readPart(file, 0, size);
    const text = textOf(bytes);
    const masked = text === undefined ? bytes : Buffer.from(mask(text));
    // What stands in a secret's place may be longer than it.
    return masked.length <= most ? masked : undefined;
  }
  const half = Math.floor((most - 200) / 2);
  if (half <= 0) return undefined;
  const head = cutEnd(await readPart(file, 0, half));
  const tail = cutBeginning(await readPart(file, size - half, half));
  const [first, last] = [textOf(head), textOf(tail)];
  // Without a line end in half of what is kept it is no log.
  if (first === undefined || last === undefined || head.length + tail.length === 0) return undefined;
  const between = `\nflibs: ${size - head.length - tail.length} bytes of ${size} are left out here\n\n`;
  const masked = Buffer.from(`${mask(first)}${between}${mask(last)}`);
  return masked.length <= most ? masked : undefined;
}

/** The file may have become shorter meanwhile. */
async function readPart(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Undefined for what is no text. */
function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) && !bytes.includes(0) ? bytes.toString("utf8") : undefined;
}

/** Up to the end of a line, so that no secret and no character is cut in two; a line without an end is left out to its last whole character. */
function cutEnd(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(10);
  return end >= 0 ? bytes.subarray(0, end + 1) : Buffer.alloc(0);
}

function cutBeginning(bytes: Buffer): Buffer {
  const start = bytes.indexOf(10);
  return start >= 0 ? bytes.subarray(start + 1) : Buffer.alloc(0);
}
