/**
 * Logs hold whatever a Dockerfile prints: colours for a terminal, and possibly sequences that rename its window or type into it.
 */
export interface LogCleaner {
  /** Cleaned text of the next piece; an escape sequence that has only begun is kept back. */
  clean(piece: string): string;
  /** Bytes (UTF-8) kept back: what a reader who resumes must be given again. */
  readonly keptBytes: number;
}

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: finding them is the point
/** ECMA-48: CSI, OSC and other strings, two-character escapes. */
const sequence = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/g;
const begun = /\u001b(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b]*\u001b?|[ -/]*)$/;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const controlBytes = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: finding them is the point

/** No sequence that means something is longer. */
const longestKept = 256;

/** For pages: sequences vanish, a lone carriage return (progress bars) becomes a new line. */
export function logCleaner(): LogCleaner {
  let kept = "";
  return {
    clean(piece) {
      const text = kept + piece;
      const open = begun.exec(text);
      kept = open && text.length - open.index <= longestKept ? text.slice(open.index) : "";
      const whole = kept === "" ? text : text.slice(0, -kept.length);
      return whole.replace(sequence, "").replace(/\r\n/g, "\n").replace(/\r/g, "\n").replace(controls, "");
    },
    get keptBytes() {
      return Buffer.byteLength(kept);
    },
  };
}

/** For plain text, where offsets and ranges count bytes: every control character is replaced by something of the same length. */
export function sameLengthText(text: string): string {
  return text
    .replace(/\r(?!\n)/g, "\n")
    .replace(controlBytes, "?")
    .replace(/[\u0080-\u009f]/g, "\u00b7")
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
