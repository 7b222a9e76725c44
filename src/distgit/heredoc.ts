/**
 * Here-documents as BuildKit finds them (moby/buildkit, `frontend/dockerfile/parser`): a word `<<NAME`, `<<-NAME` or `3<<"NAME"` of RUN, COPY or ADD
 * makes the lines up to one that is `NAME` no instructions. Whoever reads the same file otherwise sees other instructions, so a word that
 * could be read in two ways is never taken for one, but told by {@link hasDoubtfulHeredoc}.
 */
export interface Heredoc {
  readonly name: string;
  /** `<<-`: tabs before the name count for nothing. */
  readonly chomps: boolean;
}

const keywords = new Set(["RUN", "COPY", "ADD"]);
/** A word starts at a space or at the beginning, whatever the quotes; `1<<2` in a calculation and `<<<` are none. */
const candidate = /(?:^|\s)\d*<<(?!<)[^\s<]/;
const plain = /^\d{0,3}<<(-?)(?:"([A-Za-z_][\w.-]*)"|'([A-Za-z_][\w.-]*)'|([A-Za-z_][\w.-]*))$/;

/** Of one instruction, in order; empty when there is none, or one of them is doubtful. */
export function heredocsOf(keyword: string, text: string): readonly Heredoc[] {
  if (!keywords.has(keyword) || !candidate.test(text)) return [];
  const found: Heredoc[] = [];
  // Behind a quote or an escape sign a space may be no end of a word.
  let isPlain = true;
  for (const word of text.split(/\s+/)) {
    if (candidate.test(word)) {
      const [, dash, ...names] = plain.exec(word) ?? [];
      const name = names.find((one) => one !== undefined);
      if (name === undefined || !isPlain) return [];
      found.push({ name, chomps: dash === "-" });
    } else if (/["'\\`]/.test(word)) isPlain = false;
  }
  return found;
}

/** There is a word that some builder may take for a here-document, and it cannot be told whether. */
export function hasDoubtfulHeredoc(keyword: string, text: string): boolean {
  return looksLikeHeredoc(keyword, text) && candidate.test(text) && heredocsOf(keyword, text).length === 0;
}

/** What a person would call one, too: `<< EOF` is one for the shell alone, and a mistake in a Dockerfile. */
export function looksLikeHeredoc(keyword: string, text: string): boolean {
  return keywords.has(keyword) && (candidate.test(text) || /(?:^|\s)\d*<<-?\s*["']?[A-Za-z_]/.test(text));
}

/** Whether a physical line, without its end, is the last of a here-document. */
export function endsHeredoc({ name, chomps }: Heredoc, line: string): boolean {
  return (chomps ? line.replace(/^\t+/, "") : line) === name;
}
