/** What `git cat-file --batch-command -z` answers to one name. Source specification: git-cat-file(1), "BATCH OUTPUT". */
export interface FoundObject {
  readonly id: string;
  readonly type: string;
  /** Bytes. */
  readonly size: number;
}

export interface ReplyTaker {
  /** Begins the reply to the next name. */
  begin(found: FoundObject | undefined): void;
  /** A part of the contents, when they were asked for. */
  piece?(part: Buffer): void;
  end?(): void;
}

/** A name may hold anything but NUL, which ends it. */
export function requestOf(command: "info" | "contents", names: readonly string[]): string {
  if (names.some((name) => name.includes("\0"))) throw new Error("no name of an object holds a NUL");
  return names.map((name) => `${command} ${name}\0`).join("");
}

const header = /^([0-9a-f]{40}|[0-9a-f]{64}) (blob|tree|commit|tag) (\d{1,15})$/;
/** Newer gits say so of the place of a submodule in a tree, when they do not have its commit. */
const submodule = /^([0-9a-f]{40}|[0-9a-f]{64}) submodule\n$/;
const lineFeed = 10;

/**
 * Takes the replies to `names` apart, however they are cut into pieces; `withContents`: each is followed by its bytes and a line feed. Gives true
 * with the last piece, and throws for what cannot be a reply.
 */
export function replyReader(names: readonly string[], withContents: boolean, taker: ReplyTaker): (piece: Buffer) => boolean {
  let next = 0;
  let line = Buffer.alloc(0);
  /** Bytes of contents that are still to come; the line feed after them is the last one. */
  let left = 0;

  function takeLine(piece: Buffer, at: number): number {
    const stop = piece.indexOf(lineFeed, at);
    line = Buffer.concat([line, piece.subarray(at, stop < 0 ? piece.length : stop + 1)]);
    const name = names[next]?.toWellFormed();
    if (name === undefined) throw new Error("git said more than it was asked");
    const text = line.toString("utf8");
    if (stop >= 0) readLine(text, name);
    else if (line.length > Buffer.byteLength(name) + 100) throw new Error(`unexpected reply ${text.slice(0, 100)}`);
    return stop < 0 ? piece.length : stop + 1;
  }
  function readLine(text: string, name: string): void {
    const [, id, type = "", size] = header.exec(text.slice(0, -1)) ?? [];
    // The name comes back as it was given, with the line feeds that it may hold.
    if (id === undefined && `${name} `.startsWith(text)) return;
    if (id === undefined && text !== `${name} missing\n` && text !== `${name} ambiguous\n` && !submodule.test(text)) {
      throw new Error(`unexpected reply ${text.slice(0, 100)}`);
    }
    line = Buffer.alloc(0);
    next += 1;
    taker.begin(id === undefined ? undefined : { id, type, size: Number(size) });
    if (id !== undefined && withContents) left = Number(size) + 1;
    else taker.end?.();
  }
  function takeContents(piece: Buffer, at: number): number {
    const part = piece.subarray(at, at + left);
    const isLast = part.length === left;
    if (isLast && part.at(-1) !== lineFeed) throw new Error("contents that do not end where they should");
    const contents = isLast ? part.subarray(0, -1) : part;
    if (contents.length > 0) taker.piece?.(contents);
    left -= part.length;
    if (isLast) taker.end?.();
    return at + part.length;
  }
  return (piece) => {
    for (let at = 0; at < piece.length; ) at = left > 0 ? takeContents(piece, at) : takeLine(piece, at);
    return next === names.length && left === 0;
  };
}
