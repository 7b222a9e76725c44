import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/**
 * `npm run check`: types, lint and unit tests beside each other, since the first leaves a core idle. What a part says is shown when it has ended; of
 * one that found nothing the last line. Ends with 1 when one of them found something.
 */
const parts = ["types", "lint", "unit"];
const root = join(import.meta.dirname, "..");
const began = performance.now();

const ends = parts.map(async (part) => {
  const child = spawn("npm", ["run", "--silent", part], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const [code] = (await once(child, "close")) as [number | null];
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const last = said.trimEnd().split("\n").at(-1) ?? "";
  process.stdout.write(
    code === 0 ? `${part}: in order after ${seconds} s ${last}\n` : `${said}\n${part}: ended with ${code} after ${seconds} s\n`,
  );
  return code === 0;
});
if ((await Promise.all(ends)).includes(false)) process.exitCode = 1;
