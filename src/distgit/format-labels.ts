/** Longest value that is written; Docker's scanner takes 64 KiB a line. */
const maxValue = 2048;

/** One LABEL instruction, in the order of the names. Empty without labels. */
export function formatLabels(labels: Readonly<Record<string, string>>, escapeSign: string): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((name) => `${formatWord(name, escapeSign)}=${formatWord(labels[name] ?? "", escapeSign)}`);
  return pairs.length === 0 ? "" : `LABEL ${pairs.join(" ")}`;
}

/** What a label's value becomes: one line, since a Dockerfile can't hold a line end in a word, and of bounded length. */
export function plainLabelValue(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  return value.replaceAll(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, " ").slice(0, maxValue);
}

/** A value in double quotes, of which nothing is filled in or taken for the end. */
export function formatWord(value: string, escapeSign: string): string {
  let text = "";
  for (const character of plainLabelValue(value)) text += `"$${escapeSign}`.includes(character) ? escapeSign + character : character;
  return `"${text}"`;
}
