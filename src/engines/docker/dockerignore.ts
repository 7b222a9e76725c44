import { appError } from "../../domain/errors.ts";

/** What a `.dockerignore` says of a path below the context, written with `/` and without one at the start. */
export interface Dockerignore {
  ignores(path: string): boolean;
  /** There are `!` lines: an ignored directory must still be looked into. */
  readonly hasExceptions: boolean;
}

/** Bytes of the file and patterns in it; `steps` bounds the comparisons of one build, since patterns and paths are both of the author's making. */
export const dockerignoreLimits = { bytes: 65_536, patterns: 1000, steps: 300_000_000 };

/**
 * Docker's rules (docs: build/concepts/context, "dockerignore files"): one pattern a line, `#` comments, Go's `filepath.Match` plus `**`, `!` for exceptions,
 * the last matching line wins, and a pattern that matches a directory matches everything below it.
 * Throws `engine.dockerignore-invalid` with the line.
 */
export function parseDockerignore(text: string, steps = dockerignoreLimits.steps): Dockerignore {
  if (Buffer.byteLength(text) > dockerignoreLimits.bytes) throw refuse(1, "is longer than 64 KiB");
  const rules: { readonly tokens: readonly Token[]; readonly exception: boolean }[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    if (raw.startsWith("#")) continue;
    const line = raw.trim();
    const exception = line.startsWith("!");
    const pattern = cleanPath(exception ? line.slice(1).trim() : line);
    if (line === "" || pattern === "") continue;
    if (rules.length >= dockerignoreLimits.patterns) throw refuse(index + 1, `has more than ${dockerignoreLimits.patterns} patterns`);
    rules.push({ tokens: parsePattern(pattern, index + 1), exception });
  }
  let left = steps;
  const spend = (count: number) => {
    left -= count;
    if (left < 0) throw refuse(1, "takes too long to compare with the files of this repository");
  };
  return {
    hasExceptions: rules.some((rule) => rule.exception),
    ignores: (path) => {
      // Backwards: the last line that matches decides.
      for (const rule of rules.toReversed()) if (matchTokens(rule.tokens, path, spend)) return !rule.exception;
      return false;
    },
  };
}

type Token =
  | { readonly kind: "literal"; readonly character: string }
  | { readonly kind: "one" | "star" | "rest" | "directories" | "inside" }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

/** Go's filepath.Clean, and without the leading slash; `.` alone matches nothing, as in Docker. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0) parts.pop();
    else if (part !== "..") parts.push(part);
  }
  return parts.join("/");
}

function parsePattern(pattern: string, line: number): Token[] {
  const tokens: Token[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "*" && characters[at + 1] === "*") {
      while (characters[at + 1] === "*") at++;
      if (characters[at + 1] === "/") at++;
      if (at + 1 >= characters.length) tokens.push({ kind: "rest" });
      else tokens.push({ kind: "directories" }, { kind: "inside" });
    } else if (character === "*") {
      tokens.push({ kind: "star" });
    } else if (character === "?") {
      tokens.push({ kind: "one" });
    } else if (character === "[") {
      const end = characters.indexOf("]", at + 2);
      if (end < 0) throw refuse(line, `has "[" without "]" in "${pattern.slice(0, 100)}"`);
      tokens.push(parseClass(characters.slice(at + 1, end)));
      at = end;
    } else if (character === "\\") {
      at++;
      if (at >= characters.length) throw refuse(line, `ends in a backslash: "${pattern.slice(0, 100)}"`);
      tokens.push({ kind: "literal", character: characters[at] ?? "" });
    } else {
      tokens.push({ kind: "literal", character });
    }
  }
  return tokens;
}

function parseClass(inside: readonly string[]): Token {
  const negated = inside[0] === "^" || inside[0] === "!";
  const ranges: (readonly [string, string])[] = [];
  for (let at = negated ? 1 : 0; at < inside.length; at++) {
    const from = inside[at] ?? "";
    const isRange = inside[at + 1] === "-" && at + 2 < inside.length;
    ranges.push([from, isRange ? (inside[at + 2] ?? from) : from]);
    if (isRange) at += 2;
  }
  return { kind: "class", negated, ranges };
}

/**
 * Whether the path or a directory above it matches. Follows all possible positions at once, so the time is at most pattern times path: the file comes from whoever opened the pull
 * request, and a backtracking regular expression made from it could be made to run for years.
 */
function matchTokens(tokens: readonly Token[], path: string, spend: (steps: number) => void): boolean {
  let positions = reach(tokens, new Set([0]));
  for (const character of path) {
    spend(positions.size);
    // So far it is the name of a directory above.
    if (character === "/" && positions.has(tokens.length)) return true;
    const next = new Set<number>();
    for (const at of positions) {
      const token = tokens[at];
      if (token !== undefined) step(token, at, character, next);
    }
    if (next.size === 0) return false;
    positions = reach(tokens, next);
  }
  return positions.has(tokens.length);
}

function step(token: Token, at: number, character: string, next: Set<number>): void {
  const slash = character === "/";
  switch (token.kind) {
    case "literal":
      if (character === token.character) next.add(at + 1);
      return;
    case "one":
      if (!slash) next.add(at + 1);
      return;
    case "star":
      if (!slash) next.add(at);
      return;
    case "rest":
      next.add(at);
      return;
    case "directories":
      next.add(slash ? at + 2 : at + 1).add(at + 1);
      return;
    case "inside":
      next.add(at);
      if (slash) next.add(at + 1);
      return;
    case "class":
      if (!slash && token.ranges.some(([from, to]) => from <= character && character <= to) !== token.negated) next.add(at + 1);
      return;
  }
}

/** Adds what is reached without a character: `*`, a last `**` and whole directories may stand for nothing. */
function reach(tokens: readonly Token[], positions: Set<number>): Set<number> {
  for (const at of positions) {
    const kind = tokens[at]?.kind;
    if (kind === "star" || kind === "rest") positions.add(at + 1);
    if (kind === "directories") positions.add(at + 2);
  }
  return positions;
}

function refuse(line: number, why: string) {
  return appError("engine.dockerignore-invalid", `.dockerignore ${why}`, {
    file: ".dockerignore",
    line,
    hint: "Correct the pattern or remove the line",
  });
}
