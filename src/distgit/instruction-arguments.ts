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

const takers = new Set(["RUN", "COPY", "ADD", "FROM"]);

/**
 * The first flag that Docker may cut in another place. It goes by bytes, of which two within letters are blanks to it, knows an escape sign within
 * single quotes, and in older releases no other one than \ (`extractBuilderFlags` of `frontend/dockerfile/parser`): only what has no quotes, no escape
 * signs and no other letters than ASCII's is cut in the same way by all. A bare `--` ends the flags for Docker.
 */
export function findUnclearFlag(command: Command): string | undefined {
  const { keyword, text } = innermost(command);
  if (!takers.has(keyword)) return undefined;
  const flag = /[\t-\r ]*(--[^\t-\r ]*)/y;
  for (let found = flag.exec(text); found !== null; found = flag.exec(text)) {
    if (!/^--[!-~]+$/.test(found[1] as string) || /["'\\`]/.test(found[1] as string)) return found[1];
  }
  return undefined;
}
