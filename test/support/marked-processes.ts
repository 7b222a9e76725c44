import { readdir, readFile } from "node:fs/promises";

/**
 * Command lines of the live processes that were started, by however many others in between, with `variable` in their environment, or
 * that name it on their command line. Zombies are over and not told.
 */
export async function processesMarked(...marks: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    const command = await read("cmdline");
    const environment = await read("environ");
    if (command !== "" && marks.some((mark) => command.includes(mark) || environment.includes(mark))) {
      found.push(`${pid} ${command.replaceAll("\0", " ")}`);
    }
  }
  return found;
}
