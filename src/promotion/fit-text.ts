/** Longest text in a status; a forge may take less in bytes and then cuts by itself. */
export const mostSummary = 60_000;

/**
 * The first of ever shorter texts that fits; when not even the last one does, that one cut. Counted in UTF-16 units, of which no text has fewer
 * than characters: a forge that counts characters takes at least as much.
 */
export function fitText(most: number, sizes: readonly number[], make: (size: number) => string): string {
  let text = "";
  for (const size of sizes) {
    text = make(size);
    if (text.length <= most) return text;
  }
  return cutLines(text, most);
}

/** Cut at the end of a line, so that no entity, code span or table row is torn, and said so. */
export function cutLines(text: string, most: number): string {
  if (text.length <= most) return text;
  const mark = "\n\n… (cut, it is too long for here)";
  const end = text.lastIndexOf("\n", most - mark.length);
  return end <= 0 ? mark.trim().slice(0, most) : `${text.slice(0, end).trimEnd()}${mark}`;
}
