import { posix } from "node:path";
import { pipeline } from "node:stream";
import type Docker from "dockerode";
import tar from "tar-stream";
import { appError } from "../../domain/errors.ts";
import type { ImageContent, ImageEntry, ImageReader } from "../engine.ts";
import { ask, messageOf, statusOf, translate } from "./docker-client.ts";
import { lookAtPath } from "./link-target.ts";

/** A container in which nothing runs, and that is read through. */
export interface ContainerFiles {
  readonly container: Docker.Container;
  readonly socket: string;
  readonly signal: AbortSignal;
}

type Entry = { readonly header: tar.Header; readonly body: AsyncIterable<Uint8Array> };

const maxDirectories = 20_000;
/** Bytes of one directory that are passed over on the way to its names. */
const maxPassed = 4 * 2 ** 30;

export function readerOf(files: ContainerFiles): Omit<ImageReader, "config"> {
  return {
    find: (path) => findEntry(files, path),
    read: (path, maxBytes) => readContent(files, path, maxBytes),
    directories: (path) => readDirectories(files, path),
  };
}

/** See `ImageReader.find`. The daemon follows links in the middle of a path within the image's own tree. */
export async function findEntry(files: ContainerFiles, path: string): Promise<ImageEntry | undefined> {
  const found = await withArchive(files, posix.resolve("/", path), async (entries) => {
    for await (const { header } of entries) return entryOf(header);
    return undefined;
  });
  return typeof found === "string" ? undefined : found;
}

/** See `ImageReader.read`. */
export async function readContent(files: ContainerFiles, path: string, maxBytes: number): Promise<ImageContent> {
  const asked = posix.resolve("/", path);
  const content = await readAt(files, asked, maxBytes);
  if (content === "circle") return { kind: "link" };
  if (content.kind !== "link") return content;
  // The daemon tells where a link ends after all further ones, so what stands there is no link, unless nothing does.
  const target = (await lookAtPath(files.container, files.socket, asked))?.linkTarget;
  const end = target === undefined ? content : await readAt(files, target, maxBytes);
  return end === "circle" || end.kind === "absent" ? { kind: "link" } : end;
}

/** See `ImageReader.directories`. */
export async function readDirectories(files: ContainerFiles, path: string): Promise<readonly string[] | undefined> {
  const names: string[] = [];
  let passed = 0;
  const found = await withArchive(files, posix.resolve("/", path), async (entries) => {
    let isDirectory = false;
    for await (const { header } of entries) {
      passed += header.size ?? 0;
      const parts = header.name.replace(/\/+$/, "").split("/");
      if (parts.length === 1) isDirectory = header.type === "directory";
      if (parts.length === 2 && header.type === "directory") names.push(parts[1] ?? "");
      if (names.length > maxDirectories || passed > maxPassed) {
        throw appError("engine.file-too-large", `${path} in the image has more files than are looked at`);
      }
    }
    return isDirectory;
  });
  return found === true ? names : undefined;
}

async function readAt(files: ContainerFiles, path: string, maxBytes: number): Promise<ImageContent | "circle"> {
  const found = await withArchive(files, path, async (entries): Promise<ImageContent> => {
    for await (const { header, body } of entries) {
      const { kind, size } = entryOf(header);
      if (kind !== "file") return { kind };
      if (size > maxBytes) return { kind: "too-large" };
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      return { kind: "content", bytes: Buffer.concat(pieces) };
    }
    return { kind: "absent" };
  });
  return found === "nothing" ? { kind: "absent" } : found;
}

/** What `read` makes of the archive of a path, which ends with `read`, however long it is; or why there is none. */
async function withArchive<T>(
  { container, socket, signal }: ContainerFiles,
  path: string,
  read: (entries: AsyncIterable<Entry>) => Promise<T>,
): Promise<T | "nothing" | "circle"> {
  signal.throwIfAborted();
  const body = await ask(
    socket,
    `read ${path}`,
    container.getArchive({ path }).catch((error: unknown) => {
      const why = whyAbsent(error);
      if (why !== undefined) return why;
      throw error;
    }),
  );
  if (typeof body === "string") return body;
  const extract = tar.extract();
  const stop = () => extract.destroy(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
  signal.addEventListener("abort", stop);
  // Its error is the extract's, which is read.
  pipeline(body, extract, () => {});
  try {
    return await read(entriesOf(extract));
  } catch (error) {
    signal.throwIfAborted();
    throw translate(socket, `read ${path}`, error);
  } finally {
    signal.removeEventListener("abort", stop);
    extract.destroy();
    (body as unknown as { destroy(): void }).destroy();
  }
}

async function* entriesOf(extract: tar.Extract): AsyncIterable<Entry> {
  for await (const entry of extract) {
    yield { header: entry.header, body: entry as unknown as AsyncIterable<Uint8Array> };
    entry.resume();
  }
}

/** The daemon says so with 404, and with 500 and the system's words for a path through a file or over a circle of links. */
function whyAbsent(error: unknown): "nothing" | "circle" | undefined {
  const message = messageOf(error);
  if (statusOf(error) === 404) return "nothing";
  if (statusOf(error) !== 500) return undefined;
  if (/^evalSymlinksInScope: too many links in |: too many levels of symbolic links$/.test(message)) return "circle";
  return /: (?:not a directory|file name too long|no such file or directory)$/.test(message) ? "nothing" : undefined;
}

function entryOf({ type, mode = 0, uid = 0, gid = 0, size = 0, pax }: tar.Header): ImageEntry {
  // Ids of more than 21 bits stand in the extended header only.
  const long = (pax ?? {}) as Readonly<Record<string, string>>;
  const owner = { uid: Number(long.uid ?? uid), gid: Number(long.gid ?? gid) };
  return { kind: kinds[type ?? "file"] ?? "other", mode: mode & 0o7777, ...owner, size };
}

const kinds: Readonly<Record<string, ImageEntry["kind"]>> = {
  file: "file",
  "contiguous-file": "file",
  link: "file",
  directory: "directory",
  symlink: "link",
};
