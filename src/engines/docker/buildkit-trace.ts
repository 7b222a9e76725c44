/**
 * What BuildKit tells of a build: messages `moby.buildkit.trace` of the Engine API, each the base64 of a protobuf message StatusResponse
 * (moby/buildkit, `api/services/control/control.proto`). Only the fields that are used are read; unknown ones are left out, as protobuf wants it.
 */
export interface Trace {
  readonly vertexes: readonly Vertex[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly string[];
}

/** One thing to be done, mostly an instruction; told anew whenever something of it changes. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  readonly started: boolean;
  readonly completed: boolean;
  /** Empty while all is well. */
  readonly error: string;
}

export interface VertexLog {
  /** Digest of the vertex. */
  readonly vertex: string;
  readonly bytes: Uint8Array;
}

/** Throws `Error` for bytes that are no such message. */
export function decodeTrace(base64: string): Trace {
  const vertexes: Vertex[] = [];
  const logs: VertexLog[] = [];
  const warnings: string[] = [];
  for (const { number, bytes } of readFields(Buffer.from(base64, "base64"))) {
    if (bytes === undefined) continue;
    if (number === 1) vertexes.push(readVertex(bytes));
    else if (number === 3) logs.push(readLog(bytes));
    else if (number === 4) warnings.push(readWarning(bytes));
  }
  return { vertexes, logs, warnings };
}

function readVertex(message: Buffer): Vertex {
  const vertex = { digest: "", name: "", cached: false, started: false, completed: false, error: "" };
  for (const { number, bytes, value } of readFields(message)) {
    if (number === 1) vertex.digest = text(bytes);
    else if (number === 3) vertex.name = text(bytes);
    else if (number === 4) vertex.cached = value !== 0;
    else if (number === 5) vertex.started = bytes !== undefined;
    else if (number === 6) vertex.completed = bytes !== undefined;
    else if (number === 7) vertex.error = text(bytes);
  }
  return vertex;
}

function readLog(message: Buffer): VertexLog {
  let vertex = "";
  let printed: Uint8Array = new Uint8Array();
  for (const { number, bytes } of readFields(message)) {
    if (number === 1) vertex = text(bytes);
    else if (number === 4) printed = bytes ?? printed;
  }
  return { vertex, bytes: printed };
}

function readWarning(message: Buffer): string {
  for (const { number, bytes } of readFields(message)) if (number === 3) return text(bytes);
  return "";
}

function text(bytes: Buffer | undefined): string {
  return bytes?.toString("utf8") ?? "";
}

/** A field of a protobuf message: `bytes` of a length-delimited one, `value` of a varint, neither of a fixed one. */
interface Field {
  readonly number: number;
  readonly bytes?: Buffer;
  readonly value?: number;
}

const wire = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/** https://protobuf.dev/programming-guides/encoding: a key (number << 3 | wire type), then the value. */
function* readFields(message: Buffer): Generator<Field> {
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const key = readVarint(message, cursor);
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case wire.varint:
        yield { number, value: readVarint(message, cursor) };
        break;
      case wire.delimited: {
        const length = readVarint(message, cursor);
        yield { number, bytes: take(message, cursor, length) };
        break;
      }
      case wire.fixed64:
        take(message, cursor, 8);
        break;
      case wire.fixed32:
        take(message, cursor, 4);
        break;
      default:
        throw new Error(`a trace of BuildKit has a field of the unknown wire type ${key % 8}`);
    }
  }
}

function take(message: Buffer, cursor: { at: number }, length: number): Buffer {
  const end = cursor.at + length;
  if (end > message.length) throw new Error("a trace of BuildKit ends in the middle of a field");
  const bytes = message.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

/** Numbers beyond 2^53 lose their last digits: none that is used is so large. */
function readVarint(message: Buffer, cursor: { at: number }): number {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    const byte = message[cursor.at++];
    if (byte === undefined) throw new Error("a trace of BuildKit ends in the middle of a number");
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  throw new Error("a trace of BuildKit has a number of more than 10 bytes");
}
