import type { StructureFile } from "../structure-file.ts";

/** Names of one character that Go's `os.Expand` takes from a shell: `$1`, `$?`. */
const special = /^[*#$@!?\-0-9]/;

/** In characters: Linux takes no longer argument of a program than twice that. */
const maxLength = 64 * 1024;

/** What repositories write can't be told to become short: variables in variables make megabytes of a few bytes. */
export class TooLong extends Error {
  constructor() {
    super(`a value becomes too long with its variables: more than ${maxLength / 1024} KiB`);
  }
}

/**
 * `$NAME` and `${NAME}` as Go's `os.Expand` puts values in their place, nothing where there is none: `$$` is a name too, a `$` before anything that is no
 * name stays, and so does one at the end; of `${}` and of a `${` that is never closed only the sign and the brace (or braces) go.
 * Throws {@link TooLong}.
 */
export function expandVariables(text: string, values: ReadonlyMap<string, string>): string {
  let expanded = "";
  let from = 0;
  for (let at = text.indexOf("$"); at !== -1 && at + 1 < text.length; at = text.indexOf("$", from)) {
    const { name, length } = nameAt(text, at + 1);
    expanded += text.slice(from, at);
    if (name !== "") expanded += values.get(name) ?? "";
    else if (length === 0) expanded += "$";
    if (expanded.length > maxLength) throw new TooLong();
    from = at + 1 + length;
  }
  expanded += text.slice(from);
  if (expanded.length > maxLength) throw new TooLong();
  return expanded;
}

/** The name after a `$`, and how many characters belong to it; a length without a name is a mistake, which goes. */
function nameAt(text: string, at: number): { readonly name: string; readonly length: number } {
  if (text[at] === "{") {
    const close = text.indexOf("}", at + 1);
    if (close === -1) return { name: "", length: 1 };
    return { name: text.slice(at + 1, close), length: close - at + 1 };
  }
  const first = text[at] ?? "";
  if (special.test(first)) return { name: first, length: 1 };
  const word = /\w*/y;
  word.lastIndex = at;
  const name = word.exec(text)?.[0] ?? "";
  return { name, length: name.length };
}

/** A file's variables, with those of the image in their values. */
export function valuesOf(variables: StructureFile["globalEnvVars"], known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map((variables ?? []).map(({ key, value }) => [key ?? "", expandVariables(value ?? "", known)]));
}

/** `NAME=value` lines of an image; the later one counts. */
export function environmentOf(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    lines.map((line) => {
      const at = line.indexOf("=");
      return at === -1 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}
