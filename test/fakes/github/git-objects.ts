import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync, inflateSync } from "node:zlib";

export type ObjectKind = "blob" | "tree" | "commit" | "tag";

export interface GitObject {
  readonly kind: ObjectKind;
  readonly bytes: Buffer;
}

/** The objects of a network of repositories, in git's own files, so that git reads what is written here and the other way round. */
export interface GitObjects {
  find(id: string): GitObject | undefined;
  /** Throws when it is not there, or of another kind. */
  read(id: string, kind: ObjectKind): Buffer;
  /** Stores it; the id is what git gives it. */
  write(kind: ObjectKind, bytes: Uint8Array): string;
  /** The whole id of an object, when the text begins just one. */
  complete(abbreviated: string): string | undefined;
}

/**
 * A process of git for each object would be most of what the double does: a big process forks slowly. Only loose objects: nothing packs here.
 */
export function gitObjects(directory: string): GitObjects {
  // Objects never change, so what was seen once is known for good.
  const known = new Map<string, GitObject>();
  const fileOf = (id: string) => join(directory, id.slice(0, 2), id.slice(2));

  function find(id: string): GitObject | undefined {
    const found = known.get(id) ?? (existsSync(fileOf(id)) ? parse(inflateSync(readFileSync(fileOf(id)))) : undefined);
    if (found) known.set(id, found);
    return found;
  }
  return {
    find,
    read(id, kind) {
      const found = find(id);
      if (found?.kind !== kind) throw new Error(`there is no ${kind} ${id}`);
      return found.bytes;
    },
    write(kind, bytes) {
      const whole = Buffer.concat([Buffer.from(`${kind} ${bytes.length}\0`), bytes]);
      const id = createHash("sha1").update(whole).digest("hex");
      if (find(id)) return id;
      mkdirSync(join(directory, id.slice(0, 2)), { recursive: true });
      writeFileSync(fileOf(id), deflateSync(whole, { level: 1 }), { mode: 0o444 });
      known.set(id, { kind, bytes: Buffer.from(bytes) });
      return id;
    },
    complete(abbreviated) {
      const folder = join(directory, abbreviated.slice(0, 2));
      const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(abbreviated.slice(2))) : [];
      return names.length === 1 ? `${abbreviated.slice(0, 2)}${names[0]}` : undefined;
    },
  };
}

function parse(whole: Buffer): GitObject {
  const end = whole.indexOf(0);
  const [kind] = whole.toString("latin1", 0, end).split(" ");
  return { kind: kind as ObjectKind, bytes: whole.subarray(end + 1) };
}
