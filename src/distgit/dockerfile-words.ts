/** Words and variables as Docker's own lexer reads them (moby, `frontend/dockerfile/shell`). */
export interface Word {
  /** As written, quotes and escapes included. */
  readonly raw: string;
  /** Position in the instruction's text. */
  readonly start: number;
  readonly end: number;
}

/** Cuts at white space outside of quotes; a character after the escape character never ends a word. */
export function splitWords(text: string, escapeSign: string): readonly Word[] {
  const words: Word[] = [];
  let start = -1;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string;
    if (start < 0) {
      if (/\s/.test(character)) continue;
      start = i;
    }
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === escapeSign && quote === '"') i++;
    } else if (character === "'" || character === '"') quote = character;
    else if (character === escapeSign) i++;
    else if (/\s/.test(character)) {
      words.push({ raw: text.slice(start, i), start, end: i });
      start = -1;
    }
  }
  if (start >= 0) words.push({ raw: text.slice(start), start, end: text.length });
  return words;
}

export interface Expanded {
  readonly value: string;
  /** Variables used without a value and without a default. */
  readonly missing: readonly string[];
  /** `${name:?}` and other forms, unclosed quotes or braces: what Docker refuses. */
  readonly fault?: string;
  /** The fault is a bound of flibs: Docker might go on, so nobody can tell what the value will be. */
  readonly beyond?: true;
}

/** Longest value in characters: `ENV A=$A$A` doubles with each line. */
const maxValue = 65_536;
/** Substitutions within each other, `${a:-${b:-…}}`: each is a call within a call. */
const maxDepth = 100;

/** Quotes and escapes removed, `$name`, `${name}`, `${name:-word}` and `${name:+word}` filled in. */
export function expandWord(raw: string, variables: ReadonlyMap<string, string>, escapeSign: string): Expanded {
  const missing: string[] = [];
  let fault: string | undefined;
  let beyond = false;
  let at = 0;
  let depth = 0;

  const variable = (): string => {
    at += 1;
    if (raw[at] !== "{") {
      const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(raw.slice(at))?.[0];
      if (name === undefined) return "$";
      at += name.length;
      return lookUp(name);
    }
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(raw.slice(at + 1))?.[0] ?? "";
    at += 1 + name.length;
    if (name === "") return refuse("a $ { without a name");
    if (raw[at] === "}") {
      at += 1;
      return lookUp(name);
    }
    const operator = raw.slice(at, at + 2);
    if (operator !== ":-" && operator !== ":+") return refuse(`an unknown or unclosed substitution of ${name}`);
    at += 2;
    const known = missing.length;
    depth += 1;
    if (depth > maxDepth) return refuseBeyond(`more than ${maxDepth} substitutions within each other`);
    const other = until("}");
    depth -= 1;
    const found = variables.get(name) ?? "";
    if (operator === ":-" ? found === "" : found !== "") return other;
    // The word was not used, so what is missing in it does not matter.
    missing.length = known;
    return operator === ":-" ? found : "";
  };
  const lookUp = (name: string): string => {
    const found = variables.get(name);
    if (found === undefined) missing.push(name);
    return found ?? "";
  };
  const refuse = (why: string): string => {
    fault ??= why;
    at = raw.length;
    return "";
  };
  const refuseBeyond = (why: string): string => {
    beyond ||= fault === undefined;
    return refuse(why);
  };
  const refuseLong = () => refuseBeyond(`a value longer than ${maxValue / 1024} KiB`);
  const quoted = (): string => {
    let value = "";
    for (at += 1; at < raw.length; ) {
      if (value.length > maxValue) return refuseLong();
      const character = raw[at] as string;
      if (character === '"') {
        at += 1;
        return value;
      }
      if (character === "$") value += variable();
      else if (character === escapeSign) {
        const next = raw[at + 1] ?? "";
        value += next === '"' || next === "$" || next === escapeSign ? next : escapeSign + next;
        at += 2;
      } else {
        value += character;
        at += 1;
      }
    }
    return refuse('an unclosed "');
  };
  const until = (stop: string): string => {
    let value = "";
    while (at < raw.length) {
      if (value.length > maxValue) return refuseLong();
      const character = raw[at] as string;
      if (character === stop) {
        at += 1;
        return value;
      }
      if (character === "'") {
        const end = raw.indexOf("'", at + 1);
        if (end < 0) return refuse("an unclosed '");
        value += raw.slice(at + 1, end);
        at = end + 1;
      } else if (character === '"') value += quoted();
      else if (character === "$") value += variable();
      else if (character === escapeSign) {
        value += raw[at + 1] ?? "";
        at += 2;
      } else {
        value += character;
        at += 1;
      }
    }
    if (value.length > maxValue) return refuseLong();
    return stop === "" ? value : refuse("an unclosed {");
  };

  const value = until("");
  return { value, missing, ...(fault === undefined ? {} : { fault }), ...(beyond ? { beyond } : {}) };
}

/** Names of the variables in a text, of quoted ones too. */
export function variablesIn(raw: string): readonly string[] {
  return [...raw.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = ""]) => name);
}

/**
 * Variables that BuildKit sets by itself, in FROM also where nothing declares them, and the classic builder leaves empty. Those of the last kind are arguments
 * that BuildKit is given with each build.
 */
export function isBuilderVariable(name: string): boolean {
  return /^(?:(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT)|TARGETSTAGE|BUILDKIT_.*)$/.test(name);
}

export interface Pair {
  readonly name: string;
  readonly value: string;
}

/** Arguments of LABEL and ENV: `a=b c="d e"`, or the old `a the rest`. Undefined when a word has no `=`. Values are still raw. */
export function splitPairs(text: string, escapeSign: string): readonly Pair[] | undefined {
  const words = splitWords(text, escapeSign);
  const [first] = words;
  if (first === undefined) return undefined;
  if (!first.raw.includes("=")) {
    const rest = text.slice(first.end).trim();
    return rest === "" ? undefined : [{ name: first.raw, value: rest }];
  }
  const pairs: Pair[] = [];
  for (const { raw } of words) {
    const cut = raw.indexOf("=");
    if (cut < 1) return undefined;
    pairs.push({ name: raw.slice(0, cut), value: raw.slice(cut + 1) });
  }
  return pairs;
}
