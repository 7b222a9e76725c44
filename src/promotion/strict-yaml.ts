import { type Document, isAlias, isMap, isPair, isScalar, isSeq, Lexer, LineCounter, type Node, parseAllDocuments, visit } from "yaml";
import type { z } from "zod";
import type { Fault } from "./fault.ts";

/** Text that means the same to every YAML reader, parsed and checked; or everything that is wrong with it. */
export type StrictYaml<T> =
  | {
      readonly ok: true;
      readonly value: T;
      readonly text: string;
      readonly document: Document.Parsed;
      readonly lineOf: (path: readonly PropertyKey[]) => number | undefined;
    }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const mostBytes = 1024 * 1024;
const mostFaults = 20;
/** A file of releases has one for six bytes; a list of nothing but commas would take the parser ten times as long. */
const mostTokens = 250_000;

/**
 * Reads a subset of YAML without surprises: one document, block or flow maps, string keys, plain and quoted scalars; no anchors, aliases,
 * tags, merge keys, directives, tabs or carriage returns. Never throws; never grows: depth and size are looked at before parsing.
 */
export function parseStrictYaml<T>(file: string, bytes: Uint8Array, schema: z.ZodType<T>): StrictYaml<T> {
  const fail = (line: number | undefined, message: string, fix: string): StrictYaml<T> => ({
    ok: false,
    faults: [fault(file, line, message, fix)],
  });
  if (bytes.length > mostBytes)
    return fail(undefined, `the file has ${bytes.length} bytes, at most ${mostBytes} are read`, "make it smaller");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail(undefined, "the file is not UTF-8 text", "save it as UTF-8");
  }
  const rough = findRough(text);
  if (rough) return fail(rough.line, rough.message, rough.fix);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, version: "1.2", schema: "core", merge: false });
  if (!Array.isArray(documents) || documents.length === 0)
    return fail(1, "the file is empty", "write it as docs/registry-manifest.md shows");
  const [document, second] = documents as Document.Parsed[];
  if (!document) return fail(1, "the file is empty", "write it as docs/registry-manifest.md shows");
  if (second) return fail(lineAt(lines, second.range[0]), "the file has more than one YAML document", "keep one, without ---");
  const faults = [
    ...document.errors.map((error) => {
      const message = (error.message.split("\n")[0] ?? "").replace(/ at line \d+.*$/, "");
      return fault(file, lineAt(lines, error.pos[0]), `this is not YAML: ${message}`, "write it as docs/registry-manifest.md shows");
    }),
    ...findRepeated(file, document, lines),
    // What is no YAML is no more readable by complaints about its style.
    ...(document.errors.length > 0 ? [] : findForbidden(file, document, lines)),
  ];
  if (faults.length > 0) return { ok: false, faults: faults.slice(0, mostFaults) };
  if (!isMap(document.contents)) {
    const link = isScalar(document.contents) && !text.trim().includes("\n") ? "; a symbolic link is read as the name it points to" : "";
    return fail(1, `the file has no fields${link}`, "write it as docs/registry-manifest.md shows, in a plain file");
  }
  const lineOf = (path: readonly PropertyKey[]) => findLine(document, lines, path);
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 0 }));
  if (parsed.success) return { ok: true, value: parsed.data, text, document, lineOf };
  return { ok: false, faults: parsed.error.issues.slice(0, mostFaults).flatMap((issue) => schemaFaults(file, issue, lineOf)) };
}

function fault(file: string, line: number | undefined, message: string, fix: string): Fault {
  return { check: "CK1", file, ...(line === undefined ? {} : { line }), message, fix };
}

/** What must not even be given to the parser, and depth, which its recursion would answer with a stack overflow. */
function findRough(text: string): { line: number; message: string; fix: string } | undefined {
  const lineOf = (index: number) => text.slice(0, index).split("\n").length;
  const control = text.search(/[^\P{C}\n]/u);
  if (control >= 0) {
    const code = (text.codePointAt(control) ?? 0).toString(16).toUpperCase().padStart(4, "0");
    const fix = text[control] === "\r" ? "save it with Unix line ends" : "remove it; indent with spaces";
    return { line: lineOf(control), message: `the file has the invisible character U+${code}`, fix };
  }
  let depth = 0;
  let perLine = 0;
  let offset = 0;
  let count = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") depth += 1;
    if (token === "]" || token === "}") depth -= 1;
    if (token === "-") perLine += 1;
    if (token === "\n") perLine = 0;
    count += 1;
    if (count > mostTokens) return { line: lineOf(offset), message: "the file has too many parts", fix: "make it smaller" };
    if (token === "?") return { line: lineOf(offset), message: "a key is written with ?", fix: 'write "key": value' };
    if (depth > 4 || perLine > 4 || /^ {25,}$/.test(token)) {
      return { line: lineOf(offset), message: "the file is nested too deeply", fix: "write it as docs/registry-manifest.md shows" };
    }
    // The lexer's own marks (document start, scalar, flow error) stand for no text.
    if (!["\u0002", "\u001f", "\u0018"].includes(token)) offset += token.length;
  }
  return undefined;
}

/** In the place of the parser's `uniqueKeys`, which compares each key with all before it: a file of them would hold everything up for minutes. */
function findRepeated(file: string, document: Document.Parsed, lines: LineCounter): readonly Fault[] {
  const faults: Fault[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) faults.push(fault(file, lineAt(lines, key.range?.[0]), "this key is there twice", "keep one of the two"));
        seen.add(key.value);
      }
      return faults.length >= mostFaults ? visit.BREAK : undefined;
    },
  });
  return faults;
}

function findForbidden(file: string, document: Document.Parsed, lines: LineCounter): readonly Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  const at = (node: { range?: readonly number[] | null | undefined } | null, message: string, fix: string) =>
    faults.push(fault(file, lineAt(lines, node?.range?.[0]), message, fix));
  if (document.directives?.docStart || document.directives?.yaml.explicit)
    at({ range: [0] }, "the file has a document mark or directive", "remove --- and % lines");
  for (const warning of document.warnings) at({ range: warning.pos }, warning.message.split("\n")[0] ?? "", "remove it");
  visit(document, (_key, node) => {
    if (faults.length >= mostFaults) return visit.BREAK;
    // One of each is enough: a bomb has thousands.
    if (isAlias(node) && !seen.has("alias") && seen.add("alias")) at(node, `the alias *${node.source} is used`, "write the value out");
    if (isScalar(node) || isMap(node) || isSeq(node)) {
      if (node.anchor && !seen.has("anchor") && seen.add("anchor"))
        at(node, `the anchor &${node.anchor} is set`, "remove it and write values out");
      if (node.tag) at(node, `the type tag ${node.tag} is set`, "remove it");
      if (isScalar(node) && String(node.type).startsWith("BLOCK"))
        at(node, "a value is written as a block (| or >)", "write it in quotes on one line");
    }
    if (!isPair(node)) return undefined;
    const key = node.key;
    if (!isScalar(key)) at(key as Node | null, "a key is not plain text", "write one word in quotes");
    else if (key.value === "__proto__") at(key, "the key __proto__ is used", "use another name");
    else if (key.value === "<<") at(key, "the merge key << is used", "write the fields out");
    else if (typeof key.value !== "string") at(key, `the key ${key.source ?? ""} is not text`, `write it in quotes: "${key.source ?? ""}"`);
    else if (key.type === "PLAIN" && !isSafePlain(key.value)) {
      at(
        key,
        `the key ${key.value} is not in quotes and other YAML readers may take it for a number or a truth value`,
        `write "${key.value}"`,
      );
    }
    return undefined;
  });
  return faults;
}

/** Letters only, and no word that YAML 1.1 reads as something else. */
export function isSafePlain(text: string): boolean {
  return /^[A-Za-z]{2,}$/.test(text) && !/^(yes|no|on|off|true|false|null|nan|inf)$/i.test(text);
}

function schemaFaults(
  file: string,
  issue: z.core.$ZodIssue,
  lineOf: (path: readonly PropertyKey[]) => number | undefined,
): readonly Fault[] {
  const where = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) =>
      fault(file, lineOf([...issue.path, key]), `unknown field "${key}"${where ? ` in ${where}` : ""}`, "remove it"),
    );
  }
  const inner = issue.code === "invalid_key" ? issue.issues.map((one) => one.message).join(", ") : issue.message;
  const fix = /received undefined/.test(inner) ? "add it" : "write it as docs/registry-manifest.md shows";
  return [fault(file, lineOf(issue.path), `${where || "the file"}: ${inner}`, fix)];
}

/** Line of the deepest part of the path that exists. */
function findLine(document: Document.Parsed, lines: LineCounter, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = document.contents;
  let line: number | undefined = lineAt(lines, 0);
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === part);
      if (!pair) return line;
      line = lineAt(lines, (pair.key as Node).range?.[0]) ?? line;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)] as Node | undefined;
      line = lineAt(lines, item?.range?.[0]) ?? line;
      node = item;
    } else return line;
  }
  return line;
}

function lineAt(lines: LineCounter, offset: number | undefined): number | undefined {
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
