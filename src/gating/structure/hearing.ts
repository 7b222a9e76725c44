import type { RunRequest } from "../../engines/engine.ts";
import type { Heard } from "./command-test.ts";

/** Of each stream. */
const keptBytes = 4 * 2 ** 20;

/** Keeps what a command prints, for expressions to be searched in. */
export function hearing(): { readonly output: NonNullable<RunRequest["output"]>; heard(): Heard } {
  const kept = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const left = { stdout: keptBytes, stderr: keptBytes };
  let isCut = false;
  return {
    output: (stream, bytes) => {
      const piece = bytes.subarray(0, left[stream]);
      isCut ||= piece.length < bytes.length;
      left[stream] -= piece.length;
      // The engine may use its memory again.
      if (piece.length > 0) kept[stream].push(Uint8Array.from(piece));
    },
    heard: () => ({ stdout: Buffer.concat(kept.stdout), stderr: Buffer.concat(kept.stderr), isCut }),
  };
}
