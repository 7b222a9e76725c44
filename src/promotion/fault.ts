import { escapeCode, escapeText } from "./escape.ts";

/** One thing that is wrong with a registry manifest: where, what was found, and the smallest change that mends it. */
export interface Fault {
  /** Row of the check table in docs/registry-manifest.md: `CK1` ... `CK10`, or `RL…` for what a release would refuse. */
  readonly check: string;
  readonly file: string;
  /** 1 is the first line; undefined when the fault is not in the text (a lost digest has the line of its release). */
  readonly line?: number;
  readonly message: string;
  readonly fix: string;
}

/** For terminals and errors: `images/f40/cockpit.yaml:7: … Fix: …`, control characters removed. */
export function formatFault(fault: Fault): string {
  const place = fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`;
  return `${place}: ${fault.message}. Fix: ${fault.fix} (${fault.check})`.replace(/\p{Cc}/gu, "?");
}

/** For statuses: a Markdown list, at most `most` faults long; everything escaped. */
export function formatFaults(faults: readonly Fault[], most = 50): string {
  const lines = faults.slice(0, most).map((fault) => {
    const place = fault.line === undefined ? fault.file : `${fault.file}:${fault.line}`;
    return `- ${escapeCode(place, 300)}: ${escapeText(fault.message, 1000)}. Fix: ${escapeText(fault.fix, 500)}. (${fault.check})`;
  });
  const rest = faults.length - lines.length;
  return [...lines, ...(rest > 0 ? [`- and ${rest} more`] : [])].join("\n");
}
