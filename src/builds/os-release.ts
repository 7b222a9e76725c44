import type { Distribution } from "./build-record.ts";

/** Where os-release stands: the real file first, which `/etc/os-release` is a link to. */
export const osReleasePaths = ["/usr/lib/os-release", "/etc/os-release"] as const;

const maxBytes = 65_536;
/** os-release(5): lower case, digits, dot, underscore, dash. They become parts of package URLs. */
const word = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** What distribution an image is of; undefined when its os-release does not say or is not there. Pure; the text is the image's. */
export function findDistribution(files: Readonly<Record<string, Uint8Array>>): Distribution | undefined {
  const found = osReleasePaths.map((path) => (Object.hasOwn(files, path) ? files[path] : undefined)).find((bytes) => bytes !== undefined);
  if (found === undefined) return undefined;
  const lines = Buffer.from(found.subarray(0, maxBytes)).toString("utf8").split("\n");
  const id = assigned(lines, "ID");
  if (id === undefined || !word.test(id)) return undefined;
  const version = assigned(lines, "VERSION_ID");
  return { id, ...(version !== undefined && word.test(version) ? { version } : {}) };
}

/** The last assignment counts, as in a shell; of a shell's quoting only quotes around the whole value occur. */
function assigned(lines: readonly string[], name: string): string | undefined {
  const line = lines.findLast((one) => one.startsWith(`${name}=`));
  return line
    ?.slice(name.length + 1)
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2");
}
