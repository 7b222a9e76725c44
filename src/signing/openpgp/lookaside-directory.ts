import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, lstat, mkdir, open, readdir, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import type { Digest } from "../../domain/digest.ts";
import { digestHex, digestOf, parseDigest } from "../../domain/digest.ts";
import { appError } from "../../domain/errors.ts";
import { isRepository } from "../../domain/image-reference.ts";
import type { DigestLock } from "../digest-lock.ts";
import { lookasidePath, maxSignatureBytes, maxSignatures, type SignatureSource, type StoredSignature } from "../signature-source.ts";
import { withDirectoryLock } from "./directory-lock.ts";

/** One stage's lookaside on disk; read by everyone, written under a lock for each digest. */
export interface LookasideDirectory extends SignatureSource {
  /** Names in a digest's directory that are no regular, consecutive `signature-<n>`: nobody reads them, a person should look. */
  listStray(repository: string, digest: Digest): Promise<readonly string[]>;
  /** Gives a writer for as long as `work` runs; one at a time for a digest, over all processes. */
  change<T>(repository: string, digest: Digest, work: (writer: LookasideWriter) => Promise<T>): Promise<T>;
}

export interface LookasideWriter {
  /** Appends after the last one; the file appears whole or not at all and never replaces another. */
  append(bytes: Uint8Array): Promise<void>;
  /** Removes signatures by number (from 1); at every moment what is left stands without a gap. */
  remove(numbers: readonly number[]): Promise<void>;
  /**
   * The same, and keeps what stood there below `.aside`, which nobody serves: what a stranger wrote is a trace that a person wants to look at.
   * Returns where it is now, in the order of the numbers.
   */
  setAside(numbers: readonly number[]): Promise<readonly string[]>;
}

const lockWaitMs = 60_000;

/**
 * Errors: `signing.lookaside-unwritable` (transient: disk full, rights, lock), `signing.lookaside-unreadable`, `signing.lookaside-full` after
 * 128 signatures on one digest; `domain.reference-invalid` for a repository that is no repository (a path that would lead elsewhere).
 */
export function openLookasideDirectory(base: string): LookasideDirectory {
  const root = resolve(base);
  let swept: Promise<void> | undefined;
  const place = (repository: string, digest: Digest, n: number) => join(root, lookasidePath(checked(repository), parseDigest(digest), n));
  return {
    async listStored(repository, digest) {
      const found: StoredSignature[] = [];
      for (let n = 1; n <= maxSignatures; n++) {
        const stored = await readStored(place(repository, digest, n));
        if (stored === undefined) break;
        found.push(stored);
      }
      return found;
    },
    async listStray(repository, digest) {
      const entries = await readdir(dirname(place(repository, digest, 1)), { withFileTypes: true }).catch(() => []);
      const count = (await this.listStored(repository, digest)).length;
      const counted = (name: string) => /^signature-[1-9]\d*$/.test(name) && Number(name.slice(10)) <= count;
      return entries.filter((entry) => !(entry.isFile() && counted(entry.name))).map((entry) => entry.name);
    },
    async change(repository, digest, work) {
      const directory = dirname(place(repository, digest, 1));
      swept ??= removeLeftovers(join(root, ".locks"));
      await swept;
      return await translated(() =>
        withDirectoryLock(lockPath(root, repository, digest), lockWaitMs, () => work(writerOf(directory, root))),
      );
    },
  };
}

/** A lock of its own for signatures that stand elsewhere, kept where all replicas meet: below the lookaside. */
export function lookasideLock(base: string, kind: string): DigestLock {
  const root = resolve(base);
  return (repository, digest, work) =>
    translated(() => withDirectoryLock(`${lockPath(root, repository, digest)}-${kind}`, lockWaitMs, work));
}

/** Outside the digest's directory, so that the lock is never served and the directory holds signatures only. */
function lockPath(root: string, repository: string, digest: Digest): string {
  return join(root, ".locks", digestHex(digestOf(`${checked(repository)}@${parseDigest(digest)}`)));
}

function writerOf(directory: string, root: string): LookasideWriter {
  const writer: LookasideWriter = {
    async append(bytes) {
      await ensureDirectory(directory, root);
      const temporary = join(root, ".locks", `new-${randomUUID()}`);
      try {
        const file = await open(temporary, "wx", 0o644);
        await file
          .writeFile(bytes)
          .then(() => file.sync())
          .finally(() => file.close());
        await linkNext(temporary, directory);
      } finally {
        await rm(temporary, { force: true });
      }
      await syncDirectory(directory);
    },
    async remove(numbers) {
      const count = await countSignatures(directory);
      let last = count;
      for (const n of [...new Set(numbers)].sort((a, b) => b - a)) {
        if (n < 1 || n > last) continue;
        // One system call each: the last one takes the removed one's place, so that a crash leaves no gap.
        if (n === last) await unlink(join(directory, `signature-${n}`));
        else await rename(join(directory, `signature-${last}`), join(directory, `signature-${n}`));
        last -= 1;
      }
      if (last < count) await syncDirectory(directory);
    },
    async setAside(numbers) {
      const kept = join(root, ".aside", relative(root, directory));
      await mkdir(kept, { recursive: true });
      const places: string[] = [];
      for (const n of numbers) {
        const place = join(kept, `signature-${n}-${randomUUID()}`);
        await keep(join(directory, `signature-${n}`), place);
        places.push(place);
      }
      await syncDirectory(kept);
      await writer.remove(numbers);
      return places;
    },
  };
  return writer;
}

/** A second name for a file; what is no file (a directory, a link) can't have one and is moved, for a client can't read it either way. */
async function keep(from: string, to: string): Promise<void> {
  if ((await lstat(from)).isFile()) return await link(from, to);
  await rename(from, to);
  // So that there is no gap while the last one takes its place.
  await writeFile(from, "", { flag: "wx" });
}

async function linkNext(temporary: string, directory: string): Promise<void> {
  for (let n = 1; n <= maxSignatures; n++) {
    try {
      // link(2) refuses an existing name, also a symbolic link's: nothing is ever overwritten, even by a writer without the lock.
      return await link(temporary, join(directory, `signature-${n}`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  throw appError("signing.lookaside-full", `${maxSignatures} signatures stand in one lookaside directory, clients read no more`, {
    hint: "Remove signatures of tags that are no longer used",
    details: { directory },
  });
}

async function countSignatures(directory: string): Promise<number> {
  const names = new Set(await readdir(directory).catch(() => []));
  let count = 0;
  while (names.has(`signature-${count + 1}`)) count += 1;
  return count;
}

/** Temporary files of writers that were killed; a live one has its file for milliseconds. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!/^new-|\./.test(name)) continue;
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > 3_600_000) await rm(path, { force: true });
  }
}

async function readStored(path: string): Promise<StoredSignature | undefined> {
  try {
    // O_NOFOLLOW and O_NONBLOCK: a symbolic link leads nowhere and a pipe does not hold us.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size, ...found } = await file.stat();
      const readable = (found.mode & constants.S_IFMT) === constants.S_IFREG && size <= maxSignatureBytes;
      return { location: path, bytes: readable ? await file.readFile() : undefined };
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "ELOOP" || code === "ENXIO" || code === "EISDIR") return { location: path, bytes: undefined };
    throw appError("signing.lookaside-unreadable", `reading a signature came back with ${code}`, { cause: error, details: { path } });
  }
}

async function ensureDirectory(directory: string, root: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true, mode: 0o755 });
  if (made === undefined) return;
  // A directory entry is durable only when the directory above was synced.
  for (let path = dirname(directory); path.startsWith(root); path = dirname(path)) await syncDirectory(path);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  await directory.sync().finally(() => directory.close());
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw appError("signing.lookaside-unwritable", `writing signatures: ${syscall} came back with ${code}`, {
      cause: error,
      hint: "Look at the lookaside directory's owner, rights and free space",
    });
  }
}

function checked(repository: string): string {
  if (isRepository(repository)) return repository;
  throw appError("domain.reference-invalid", `"${repository.slice(0, 200)}" is no repository path`);
}
