import type { BuildOutcome, BuildPlace } from "../engine.ts";

type Failed = Extract<BuildOutcome, { outcome: "failed" }>;

/** The instruction that a build was at, and where that stands. */
export interface FailedAt {
  readonly instruction: string;
  readonly place: BuildPlace;
}

/** Where a build is, in the daemon's words. A RUN line can print such words too; then only its own build is told wrongly. */
export interface Progress {
  step: number;
  steps: number;
  instruction: string;
}

/** `Step 3/7 : RUN dnf install foo` gives 3, 7 and `RUN dnf install foo`. */
export function parseProgress(stream: string): Progress | undefined {
  const [, step, steps, instruction] = /^Step (\d{1,5})\/(\d+) : (.+)$/s.exec(stream) ?? [];
  return instruction === undefined ? undefined : { step: Number(step), steps: Number(steps), instruction: instruction.trim() };
}

/**
 * What the maintainer reads of a failed build: the instruction and what it returned, in one line, from the daemon's error.
 * 137 and 139 are explained, since a number alone makes people look in the wrong place.
 */
export function failedBuild(error: string, code: number | undefined, at: FailedAt | undefined): Failed {
  const short = at === undefined ? undefined : oneLine(at.instruction, 200);
  const where = at === undefined || short === undefined ? {} : { instruction: short, ...at.place };
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
