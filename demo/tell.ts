import { styleText } from "node:util";

const began = Date.now();
const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;

/** A heading with the time since the demo began. */
export function stage(title: string): void {
  const at = `${((Date.now() - began) / 1000).toFixed(1)}s`.padStart(6);
  const line = `== ${at}  ${title}`;
  process.stdout.write(`\n${colours ? styleText("bold", line, { validateStream: false }) : line}\n`);
}

export function tell(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

/** Output of a program, set off from what the demo itself says. */
export function quote(text: string): void {
  for (const line of text.trimEnd().split("\n")) process.stdout.write(`   | ${line}\n`);
}
