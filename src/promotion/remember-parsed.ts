import { digestOf } from "../domain/digest.ts";
import type { StrictYaml } from "./strict-yaml.ts";

/** Of each kind of file. */
const mostRemembered = 16;
/** Bytes; what is parsed takes some fifty times as much. */
const longestRemembered = 32 * 1024;

/**
 * The same function, which parses what it has parsed lately only once: whoever looks at a promotion or a release reads the same policy and the same image
 * file a dozen times, and parsing them is most of the work. What it gives is shared, so its values are frozen.
 */
export function rememberParsed<T>(
  parse: (file: string, bytes: Uint8Array) => StrictYaml<T>,
): (file: string, bytes: Uint8Array) => StrictYaml<T> {
  const known = new Map<string, StrictYaml<T>>();
  return (file, bytes) => {
    if (bytes.length > longestRemembered) return parse(file, bytes);
    const key = `${digestOf(bytes)} ${file}`;
    const parsed = known.get(key) ?? parse(file, bytes);
    if (parsed.ok) freeze(parsed.value);
    // The one that was asked for last stands last.
    known.delete(key);
    known.set(key, parsed);
    const [oldest] = known.keys();
    if (known.size > mostRemembered && oldest !== undefined) known.delete(oldest);
    return parsed;
  };
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const one of Object.values(value)) freeze(one);
}
