/** What is carried out, here or in a child image: the keyword in upper case, and all behind it. */
export interface Command {
  readonly keyword: string;
  readonly text: string;
}

/** Behind ONBUILD the instruction that a child image carries out, else the instruction itself. */
export function innermost({ keyword, text }: Command): Command {
  const cut = keyword === "ONBUILD" ? /^(\S+)\s+/.exec(text) : null;
  return cut === null ? { keyword, text } : { keyword: (cut[1] as string).toUpperCase(), text: text.slice(cut[0].length) };
}

/** Arguments without the flags in front of them. */
export function withoutFlags(text: string): string {
  return text.replace(/^(?:--\S+\s+)+/, "");
}

/** The list of texts that all arguments are, as in `["a", "b"]`; undefined when they are words. */
export function parseList(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((one) => typeof one === "string") ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Why an instruction's arguments may be others to one release of Docker than to the next, and the smallest fix. */
export function findUnclearArguments(command: Command): { readonly message: string; readonly fix: string } | undefined {
  const { keyword, text } = innermost(command);
  if (!takers.has(keyword)) return undefined;
  const flag = findUnclearFlag(text);
  if (flag !== undefined) {
    const shown = flag.length > 120 ? `${flag.slice(0, 120)}…` : flag;
    return { message: `the flag ${shown} can be read in two ways`, fix: "Write it without quotes, \\ and `, with letters of ASCII only" };
  }
  if ((keyword === "ADD" || text.includes("<<")) && hasMoreThanList(withoutFlags(text))) {
    const message = "what stands behind the list is left out by older releases of Docker";
    return { message, fix: "Remove it, or write words in place of the list" };
  }
  return undefined;
}

const takers = new Set(["RUN", "COPY", "ADD", "FROM"]);

/**
 * The first flag that Docker may cut in another place. It goes by bytes, of which two within letters are blanks to it, knows an escape sign within
 * single quotes, and in older releases no other one than \ (`extractBuilderFlags` of `frontend/dockerfile/parser`): only what has no quotes, no escape
 * signs and no other letters than ASCII's is cut in the same way by all. A bare `--` ends the flags for Docker.
 */
function findUnclearFlag(text: string): string | undefined {
  const flag = /[\t-\r ]*(--[^\t-\r ]*)/y;
  for (let found = flag.exec(text); found !== null; found = flag.exec(text)) {
    if (!/^--[!-~]+$/.test(found[1] as string) || /["'\\`]/.test(found[1] as string)) return found[1];
  }
  return undefined;
}

/**
 * Arguments that begin with a list and are none. Releases up to 27.0 take the list and forget the rest (moby/buildkit#5107): a source of ADD is an
 * address then, and what looks like the lines of a here-document is instructions. White space of all kinds may stand in front for Docker.
 */
function hasMoreThanList(text: string): boolean {
  const list = /^[\s\u0085]*\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]/;
  return parseList(text) === undefined && list.test(text);
}
