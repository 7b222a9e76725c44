import type { Instruction } from "./dockerfile-lines.ts";
import { type Finding, finding } from "./finding.ts";

/** Whose findings these are. */
export const file = "Dockerfile";
/** Flags and findings of one instruction. */
export const maxOfOne = 100;

/** What no engine of the site can do. */
export function unsupported({ line }: Pick<Instruction, "line">, message: string, fix: string): Finding {
  return finding("distgit.dockerfile-unsupported", file, line, message, fix);
}

/** What no builder takes. */
export function syntax(instruction: Pick<Instruction, "line">, message: string, fix: string): Finding {
  return finding("distgit.dockerfile-syntax", file, instruction.line, message, fix);
}

/** Words of the repository in a message. */
export function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
