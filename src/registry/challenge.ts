/** One entry of `WWW-Authenticate`: scheme and parameter names in lower case, values as they were sent. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const blank = /[ \t]*/y;
const separators = /[ \t,]*/y;
const longest = 8192;

/**
 * Parses the challenges of RFC 9110 section 11.6.1, several in one header too. A regular expression that splits at commas is not enough:
 * `scope="repository:a:pull,push"` has one inside quotes. What cannot be understood ends the list; nothing throws.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, longest);
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text) ?? undefined;
    if (found !== undefined) at = pattern.lastIndex;
    return found;
  };
  for (;;) {
    take(separators);
    const word = take(token)?.[0];
    if (word === undefined) return challenges;
    const afterWord = at;
    take(blank);
    const current = challenges.at(-1);
    // A word with "=" is a parameter of the scheme before it; one without starts the next scheme.
    if (text[at] !== "=" || current === undefined) {
      at = afterWord;
      challenges.push({ scheme: word.toLowerCase(), parameters: Object.create(null) });
      continue;
    }
    at += 1;
    take(blank);
    const value = take(quoted)?.[1]?.replace(/\\(.)/g, "$1") ?? take(token)?.[0];
    if (value === undefined) return challenges;
    current.parameters[word.toLowerCase()] ??= value;
  }
}
