import type { Stats } from "node:fs";
import { constants, createReadStream } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { appError } from "../../domain/errors.ts";
import type { ArchivedFiles, ExtraFile } from "../engine.ts";
import { type Dockerignore, dockerignoreLimits, parseDockerignore } from "./dockerignore.ts";

/** A tar on its way to the engine. Whoever reads it slowly makes it be written slowly; nothing is held in memory but one chunk. */
export interface Archive {
  readonly stream: Readable;
  /** Settles when the last byte is handed over; rejects with the error that also destroys the stream. */
  readonly written: Promise<void>;
}

export interface Context extends Archive {
  /** Name of the given Dockerfile in the archive: the build's `dockerfile` parameter. */
  readonly dockerfile: string;
}

/**
 * The build context as Docker's own client would send it: `.dockerignore` obeyed, symbolic links sent as links and never followed,
 * owner root, times zero, order by name, so that one tree always gives one archive. Devices, sockets and pipes are left out.
 * The Dockerfile given stands beside the tree's own under a free name, and that name is in the `.dockerignore` that is sent: the daemon
 * then takes it out again before the first COPY. Extra files come in whatever `.dockerignore` says, in place of what the tree has under their names.
 * Errors: `engine.context-too-large`, `engine.dockerignore-invalid`.
 */
export async function packContext(
  directory: string,
  dockerfile: string,
  maxBytes: number,
  extraFiles: Readonly<Record<string, ExtraFile>> = {},
): Promise<Context> {
  const ignoreText = await readDockerignore(join(directory, ".dockerignore"));
  const ignore = parseDockerignore(ignoreText ?? "");
  const name = await freeName(directory);
  const extras = sortedExtras(extraFiles);
  const ours = [name, ...(ignoreText === undefined ? [".dockerignore"] : []), ...extras.map(([path]) => `!${path}`)];
  const sent = `${ignoreText === undefined ? "" : `${ignoreText}\n`}${ours.join("\n")}\n`;
  const archive = packFiles(async (pack) => {
    await entry(pack, { ...fixed, name, mode: 0o644 }, dockerfile);
    await entry(pack, { ...fixed, name: ".dockerignore", mode: 0o644 }, sent);
    const spend = budget(maxBytes);
    const own = new Set([".dockerignore", ...Object.keys(extraFiles)]);
    const without = (path: string) => own.has(path) || ignore.ignores(path);
    await packTree(pack, directory, "", { ignores: without, hasExceptions: ignore.hasExceptions }, spend);
    await packExtras(pack, extras, spend);
  });
  return { ...archive, dockerfile: name };
}

function sortedExtras(extraFiles: Readonly<Record<string, ExtraFile>>): readonly (readonly [string, ExtraFile])[] {
  return Object.entries(extraFiles).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Directories of their own come before them, so that no daemon has to guess their mode. */
async function packExtras(pack: tar.Pack, extras: readonly (readonly [string, ExtraFile])[], spend: Budget): Promise<void> {
  const made = new Set<string>();
  for (const [name, content] of extras) {
    const parts = name.split("/").slice(0, -1);
    for (const index of parts.keys()) {
      const above = `${parts.slice(0, index + 1).join("/")}/`;
      if (!made.has(above)) await entry(pack, { ...fixed, name: above, type: "directory", mode: 0o755 });
      made.add(above);
    }
    const header = { ...fixed, name, mode: 0o644 };
    spend(headerBytes, name);
    if ("path" in content) {
      await packFile(pack, content.path, header, spend);
      continue;
    }
    const bytes = "archive" in content ? await packArchive(content.archive) : Buffer.from(content);
    spend(bytes.length, name);
    await entry(pack, { ...header, size: bytes.length }, bytes);
  }
}

async function packArchive(files: ArchivedFiles): Promise<Buffer> {
  const { stream } = packFiles(async (pack) => {
    for (const [name, bytes] of Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (name.endsWith("/")) await entry(pack, { ...fixed, name, type: "directory", mode: 0o755 });
      else await entry(pack, { ...fixed, name, mode: 0o644, size: bytes.length }, Buffer.from(bytes));
    }
  });
  return Buffer.concat(await stream.toArray());
}

/**
 * The same for BuildKit, which has no way to take a file out of a context that comes as an archive: the Dockerfile given stands in the place of
 * the tree's own, so `COPY . /` copies the Dockerfile that was built, as it does in Atomic Reactor.
 */
export async function packBuildkitContext(
  directory: string,
  dockerfile: string,
  maxBytes: number,
  extraFiles: Readonly<Record<string, ExtraFile>> = {},
): Promise<Context> {
  const ignore = parseDockerignore((await readDockerignore(join(directory, ".dockerignore"))) ?? "");
  const name = "Dockerfile";
  const extras = sortedExtras(extraFiles);
  const archive = packFiles(async (pack) => {
    await entry(pack, { ...fixed, name, mode: 0o644 }, dockerfile);
    const spend = budget(maxBytes);
    const own = new Set(Object.keys(extraFiles));
    const without = (path: string) => path === name || path.startsWith(`${name}/`) || own.has(path) || ignore.ignores(path);
    await packTree(pack, directory, "", { ignores: without, hasExceptions: ignore.hasExceptions }, spend);
    await packExtras(pack, extras, spend);
  });
  return { ...archive, dockerfile: name };
}

/** A directory as it is, below `target`, for copying into a container. */
export function packDirectory(directory: string, target: string, maxBytes: number): Archive {
  const below = target.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
  return packFiles(async (pack) => {
    for (const index of below.keys()) {
      await entry(pack, { ...fixed, name: `${below.slice(0, index + 1).join("/")}/`, type: "directory", mode: 0o755 });
    }
    const everything = { ignores: () => false, hasExceptions: false };
    await packTree(pack, directory, "", everything, budget(maxBytes), below.map((part) => `${part}/`).join(""));
  });
}

type HeaderFields = Parameters<tar.Pack["entry"]>[0];
type Budget = (bytes: number, file: string) => void;

const headerBytes = 512;

const fixed = { uid: 0, gid: 0, uname: "", gname: "", mtime: new Date(0) };

function packFiles(write: (pack: tar.Pack) => Promise<void>): Archive {
  const pack = tar.pack();
  const stream = Readable.from(pack, { objectMode: false });
  // A reader that goes away ends the writing too.
  stream.once("close", () => pack.destroy());
  const written = write(pack).then(
    () => pack.finalize(),
    (error: Error) => {
      stream.destroy(error);
      throw error;
    },
  );
  // The reader of the stream sees the error too; nobody has to wait for `written`.
  written.catch(() => {});
  return { stream, written };
}

async function packTree(pack: tar.Pack, root: string, path: string, ignore: Dockerignore, spend: Budget, prefix = ""): Promise<void> {
  const names = await readdir(join(root, path));
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    const inner = path === "" ? name : `${path}/${name}`;
    const stat = await lstat(join(root, inner));
    const ignored = ignore.ignores(inner);
    if (ignored && !(stat.isDirectory() && ignore.hasExceptions)) continue;
    if (!ignored) await packOne(pack, join(root, inner), prefix + inner, stat, spend);
    if (stat.isDirectory()) await packTree(pack, root, inner, ignore, spend, prefix);
  }
}

async function packOne(pack: tar.Pack, file: string, name: string, stat: Stats, spend: Budget): Promise<void> {
  spend(headerBytes, name);
  const header = { ...fixed, name, mode: stat.mode & 0o7777 };
  if (stat.isDirectory()) await entry(pack, { ...header, name: `${name}/`, type: "directory" });
  else if (stat.isSymbolicLink()) await entry(pack, { ...header, type: "symlink", linkname: await readlink(file) });
  else if (stat.isFile()) await packFile(pack, file, header, spend);
}

async function packFile(pack: tar.Pack, file: string, header: HeaderFields, spend: Budget): Promise<void> {
  // O_NOFOLLOW and fstat: what was a file a moment ago must not become a way out of the tree.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) return;
    spend(stat.size, header.name);
    if (stat.size === 0) return await entry(pack, { ...header, size: 0 }, "");
    const source = createReadStream("", { fd: handle, autoClose: false, start: 0, end: stat.size - 1 });
    await pipeline(source, pack.entry({ ...header, size: stat.size }));
  } finally {
    await handle.close();
  }
}

function entry(pack: tar.Pack, header: HeaderFields, content?: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content === undefined) pack.entry(header, done);
    else pack.entry(header, content, done);
  });
}

/** Entries are counted too: those without content are not slowed down by the reader, so they stand in memory. */
const maxEntries = 100_000;

function budget(maxBytes: number): Budget {
  let left = maxBytes;
  let entries = 0;
  return (bytes, file) => {
    left -= bytes;
    entries += bytes === headerBytes ? 1 : 0;
    if (left >= 0 && entries <= maxEntries) return;
    const limit = left < 0 ? `larger than ${Math.floor(maxBytes / 2 ** 20)} MiB` : `more than ${maxEntries}`;
    throw appError("engine.context-too-large", `the files to send to the engine are ${limit}`, {
      // The one at which the limit was passed; with a single large file, that one.
      file,
      hint: "Remove large files from the repository, or list them in .dockerignore",
    });
  };
}

async function readDockerignore(file: string): Promise<string | undefined> {
  // Not followed, and not a pipe on which one would wait.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    if (!(await handle.stat()).isFile()) return undefined;
    // One byte more than is allowed, so that the parser sees that it is too long; a huge file must not come into memory.
    const bytes = Buffer.alloc(dockerignoreLimits.bytes + 1);
    let size = 0;
    while (size < bytes.length) {
      const { bytesRead } = await handle.read(bytes, size, bytes.length - size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    return bytes.toString("utf8", 0, size);
  } finally {
    await handle.close();
  }
}

async function freeName(directory: string): Promise<string> {
  for (let number = 0; ; number++) {
    const name = number === 0 ? ".flibs.Dockerfile" : `.flibs.Dockerfile.${number}`;
    const taken = await lstat(join(directory, name)).then(
      () => true,
      () => false,
    );
    if (!taken) return name;
  }
}
