import type { BuildOutcome } from "../engine.ts";

type Failed = Extract<BuildOutcome, { outcome: "failed" }>;

/** `Step 3/7 : RUN dnf install foo` gives `RUN dnf install foo`. */
export function parseInstruction(stream: string): string | undefined {
  return /^Step \d+\/\d+ : (.+)$/s.exec(stream)?.[1]?.trim();
}

/**
 * What the maintainer reads of a failed build: the instruction and what it returned, in one line, from the daemon's error.
 * 137 and 139 are explained, since a number alone makes people look in the wrong place.
 */
export function failedBuild(error: string, code: number | undefined, instruction: string | undefined): Failed {
  const short = instruction === undefined ? undefined : oneLine(instruction, 200);
  const where = short === undefined ? {} : { instruction: short };
  if (code !== undefined && code !== 0 && short !== undefined) {
    return { outcome: "failed", message: `${short} returned ${code}${explanations[code] ?? ""}`, ...where };
  }
  const said = oneLine(error, 500);
  const named = short === undefined || said.includes(short) ? said : `${short}: ${said}`;
  return { outcome: "failed", message: named, ...where };
}

const explanations: Readonly<Record<number, string>> = {
  126: " (the command cannot be executed)",
  127: " (the command was not found)",
  137: " (it was killed, most often because it needed more memory than builds may have)",
  139: " (it crashed)",
};

function oneLine(text: string, length: number): string {
  const line = text.replaceAll(/\p{Cc}+/gu, " ").trim();
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
