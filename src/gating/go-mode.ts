import type { ImageEntry } from "../engines/engine.ts";

/** Letters of Go's `fs.FileMode` in the order in which it writes them, and what sets each. A device has no type of its own in a structure test. */
const letters: readonly (readonly [letter: string, isSet: (entry: Pick<ImageEntry, "kind" | "mode">) => boolean])[] = [
  ["d", ({ kind }) => kind === "directory"],
  ["L", ({ kind }) => kind === "link"],
  ["u", ({ mode }) => (mode & 0o4000) !== 0],
  ["g", ({ mode }) => (mode & 0o2000) !== 0],
  ["t", ({ mode }) => (mode & 0o1000) !== 0],
];

/** What {@link formatGoMode} can give. */
export const goModeText = /^(?:-|(?=[dLugt])d?L?u?g?t?)(?:[r-][w-][x-]){3}$/;

/**
 * A file's mode as `fs.FileMode.String()` writes it: unlike `ls`, letters of the kind, setuid, setgid and sticky bit stand in front (`dtrwxrwxrwx`), and a
 * dash when there is none.
 */
export function formatGoMode(entry: Pick<ImageEntry, "kind" | "mode">): string {
  const front = letters.flatMap(([letter, isSet]) => (isSet(entry) ? [letter] : [])).join("");
  const bits = [..."rwxrwxrwx"].map((letter, index) => ((entry.mode & (0o400 >> index)) === 0 ? "-" : letter)).join("");
  return (front || "-") + bits;
}
