/** Longer words are no typing errors of ours; the bound also keeps the table small. */
const longest = 255;

/**
 * The candidate with the fewest typing errors, whether in capitals or not; the first of several that are equally near. At most `most` errors: a third
 * of the letters, and one at least, when left out. Pure.
 */
export function nearest<Candidate extends string>(
  word: string,
  candidates: readonly Candidate[],
  most: number = Math.max(1, Math.floor(word.length / 3)),
): Candidate | undefined {
  let best: { readonly candidate: Candidate; readonly errors: number } | undefined;
  for (const candidate of candidates) {
    // Each letter too many is an error, which needs no table.
    if (Math.abs(word.length - candidate.length) > most) continue;
    const errors = typingErrors(word.toLowerCase(), candidate.toLowerCase());
    if (errors <= most && errors < (best?.errors ?? Number.POSITIVE_INFINITY)) best = { candidate, errors };
  }
  return best?.candidate;
}

/** One error is a letter too many, too few, another letter, or two neighbours that changed places (optimal string alignment). */
export function typingErrors(written: string, meant: string): number {
  if (written.length > longest || meant.length > longest) return Number.POSITIVE_INFINITY;
  let older: readonly number[] = [];
  let last = Array.from({ length: meant.length + 1 }, (_, column) => column);
  for (let row = 1; row <= written.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= meant.length; column += 1) {
      const same = written[row - 1] === meant[column - 1];
      let errors = Math.min(at(last, column) + 1, at(next, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      if (written[row - 1] === meant[column - 2] && written[row - 2] === meant[column - 1])
        errors = Math.min(errors, at(older, column - 2) + 1);
      next.push(errors);
    }
    older = last;
    last = next;
  }
  return at(last, meant.length);
}

/** Outside the table nothing can be reached. */
function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
