/** How one word of a command is read: its meaning, or undefined when it is not `expected`. */
export type ValueKind =
  | {
      readonly kind: "word";
      /** What it should be, for a sentence: "a tag". */
      readonly expected: string;
      read(text: string): string | undefined;
      /** All that it can be, when that can be told; typing errors are looked up there. */
      readonly known?: readonly string[];
    }
  /** 7 to 64 hexadecimal digits; read as lower case. */
  | { readonly kind: "commit" }
  | { readonly kind: "integer"; readonly least: number; readonly most: number };

export type OptionKind =
  /** `--name`, or `--name=true` and `--name=false`. */
  | { readonly kind: "flag" }
  /** Values parted by commas, or the option repeated; each counts once. */
  | { readonly kind: "list"; readonly of: ValueKind }
  | ValueKind;

export interface OptionSpec {
  /** Without dashes; lower-case letters, digits and dashes. Options and arguments of a command have different names. */
  readonly name: string;
  readonly value: OptionKind;
  /** For the help: what it does, without a full stop. */
  readonly help: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly value: ValueKind;
  /** Required ones come first. */
  readonly required: boolean;
  /** The last one takes all words that are left, parted by one blank each: a sentence need not be quoted. */
  readonly rest?: boolean;
  readonly help: string;
}

export interface CommandGrammar {
  /** In the order in which they are written. */
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
}

export type Value = string | number;

export function readValue(kind: ValueKind, text: string): Value | undefined {
  switch (kind.kind) {
    case "word":
      return kind.read(text);
    case "commit":
      return /^[0-9a-f]{7,64}$/i.test(text) ? text.toLowerCase() : undefined;
    case "integer": {
      const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return number >= kind.least && number <= kind.most ? number : undefined;
    }
  }
}

/** For a sentence: "a commit id of 7 to 64 hexadecimal digits". */
export function expectedOf(kind: OptionKind): string {
  switch (kind.kind) {
    case "flag":
      return "true or false";
    case "list":
      return `${expectedOf(kind.of)}, or several parted by commas`;
    case "word":
      return kind.expected;
    case "commit":
      return "a commit id of 7 to 64 hexadecimal digits";
    case "integer":
      return `a whole number from ${kind.least} to ${kind.most}`;
  }
}

/** `<sha> [--scratch] [--arch <arch,…>]`: what stands after the verb. */
export function formatUsage(grammar: CommandGrammar): string {
  const words = grammar.arguments.map(({ name, required, rest }) => (required ? `<${name}${dots(rest)}>` : `[${name}${dots(rest)}]`));
  const options = grammar.options.map(({ name, value }) => {
    if (value.kind === "flag") return `[--${name}]`;
    return value.kind === "list" ? `[--${name} <${name},…>]` : `[--${name} <${name}>]`;
  });
  return [...words, ...options].join(" ");
}

function dots(rest: boolean | undefined): string {
  return rest === true ? "…" : "";
}
