import { type Document, isMap, isScalar, Lexer, type Pair, parseDocument, Scalar, visit, type YAMLMap } from "yaml";
import type { Fault } from "./fault.ts";
import { parseImageFile, sortFloating } from "./image-file.ts";
import { isSafePlain } from "./strict-yaml.ts";

/** The text of an image file in its one form, or everything that only a person can mend. */
export type FormattedImageFile =
  | { readonly ok: true; readonly text: string; readonly changed: boolean }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const fieldOrder = ["schema", "repository", "releases", "floating", "withdrawn"];
const releaseOrder = ["digest", "build"];
const withdrawalOrder = ["reason", "by", "removeTag"];

/**
 * The canonical text: fields and floating tags in their order, one tag on each line or block, tags and texts in quotes, two spaces, Unix line
 * ends. What is written by flibs itself has this form already. Comments stay with what they stand above or behind; the meaning is
 * never changed: what would be guessed (a key that is there twice, an unknown field, an alias) is a fault. Pure; formatting twice changes nothing.
 */
export function formatImageFile(path: string, bytes: Uint8Array): FormattedImageFile {
  const original = parseImageFile(path, bytes);
  const refuse = (): FormattedImageFile => (original.ok ? { ok: true, text: original.text, changed: false } : original);
  const text = readLenient(bytes);
  const document = text === undefined ? undefined : parseLenient(text);
  if (text === undefined || document === undefined) return refuse();
  arrange(document);
  const formatted = document.toString({ lineWidth: 0, indent: 2, flowCollectionPadding: false });
  if (!parseImageFile(path, new TextEncoder().encode(formatted)).ok) return refuse();
  const lost = commentsOf(formatted).join("\n") !== commentsOf(text).join("\n");
  if (lost) return { ok: false, faults: [...(original.ok ? [] : original.faults), misplacedComment(path)] };
  return { ok: true, text: formatted, changed: formatted !== new TextDecoder().decode(bytes) };
}

const mostBytes = 1024 * 1024;

/** Windows' line ends and a byte order mark carry no meaning; everything else that is no text stays a fault. */
function readLenient(bytes: Uint8Array): string | undefined {
  if (bytes.length > mostBytes) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replaceAll("\r\n", "\n");
  } catch {
    return undefined;
  }
}

/** Undefined for what may mean something else to another reader, and for what is too deep to be parsed safely. */
function parseLenient(text: string): Document.Parsed | undefined {
  if (/[^\P{C}\n]/u.test(text) || isDeep(text)) return undefined;
  const document = parseDocument(text, { version: "1.2", schema: "core", merge: false, uniqueKeys: true });
  if (document.errors.length > 0 || document.warnings.length > 0 || !isMap(document.contents)) return undefined;
  let ambiguous = false;
  visit(document, {
    Alias: () => {
      ambiguous = true;
      return visit.BREAK;
    },
    Value: (_key, node) => {
      if (node.anchor || node.tag || (isScalar(node) && String(node.type).startsWith("BLOCK"))) ambiguous = true;
    },
  });
  return ambiguous || document.directives?.docStart ? undefined : document;
}

/** The form needs three levels; a file with more is no image file, whatever its style. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") depth += 1;
    if (token === "]" || token === "}") depth -= 1;
    if (depth > 4 || token === "-" || token === "?" || /^ {25,}$/.test(token)) return true;
  }
  return false;
}

function arrange(document: Document.Parsed): void {
  const root = document.contents as unknown as YAMLMap;
  sortPairs(root, (keys) => inOrder(keys, fieldOrder));
  for (const pair of root.items) {
    const field = keyOf(pair);
    writePlain(pair);
    if (field === "repository") writeText(pair, formatRepository);
    if (!isMap(pair.value)) continue;
    pair.value.flow = false;
    if (field === "floating") sortPairs(pair.value, sortFloating);
    for (const entry of pair.value.items) arrangeEntry(field, entry);
  }
  root.flow = false;
}

function arrangeEntry(field: string, entry: Pair): void {
  writeTag(entry);
  if (field === "floating") writeText(entry, quoted);
  if (field === "floating" || !isMap(entry.value)) return;
  entry.value.flow = false;
  sortPairs(entry.value, (keys) => inOrder(keys, field === "releases" ? releaseOrder : withdrawalOrder));
  for (const inner of entry.value.items) {
    writePlain(inner);
    if (keyOf(inner) === "digest") writeText(inner, plain);
    else if (keyOf(inner) !== "removeTag") writeText(inner, quoted);
  }
}

/** As it is written: `1.10` is a tag, whatever number a reader makes of it. */
function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? sourceOf(pair.key) : "";
}

function sourceOf(node: Scalar): string {
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

function inOrder(keys: readonly string[], order: readonly string[]): readonly string[] {
  return [...order.filter((key) => keys.includes(key)), ...keys.filter((key) => !order.includes(key))];
}

/** A comment above the first entry belongs to that entry, not to the map, unless an empty line stands between. */
function sortPairs(map: YAMLMap, sort: (keys: readonly string[]) => readonly string[]): void {
  const keys = map.items.map(keyOf);
  const wanted = sort(keys);
  if (wanted.every((key, i) => key === keys[i])) return;
  const [first] = map.items;
  if (first && isScalar(first.key) && map.commentBefore) {
    first.key.commentBefore = map.commentBefore;
    map.commentBefore = null;
  }
  map.items = wanted.flatMap((key) => map.items.filter((pair) => keyOf(pair) === key));
}

type Written = { readonly value: string; readonly type: Scalar.Type };

function writePlain(pair: Pair): void {
  pair.key = rewrite(pair.key, plain);
}

function writeTag(pair: Pair): void {
  pair.key = rewrite(pair.key, (text) => (isSafePlain(text) ? plain(text) : quoted(text)));
}

function writeText(pair: Pair, write: (text: string) => Written): void {
  // Nothing at all is no text: the schema says what is missing.
  if (isScalar(pair.value) && pair.value.value !== null) pair.value = rewrite(pair.value, write);
}

function rewrite(node: unknown, write: (text: string) => Written): unknown {
  if (!isScalar(node)) return node;
  const { value, type } = write(sourceOf(node));
  const fresh = new Scalar(value);
  fresh.type = type;
  return Object.assign(fresh, pick(node));
}

function pick({ comment, commentBefore, spaceBefore }: Scalar) {
  return { ...(comment ? { comment } : {}), ...(commentBefore ? { commentBefore } : {}), ...(spaceBefore ? { spaceBefore } : {}) };
}

function plain(value: string): Written {
  return { value, type: "PLAIN" };
}

function quoted(value: string): Written {
  return { value, type: "QUOTE_DOUBLE" };
}

/** As `newImageFile` writes it. */
function formatRepository(value: string): Written {
  return /^[a-z][a-z0-9]*\/[a-z][a-z0-9/-]*$/.test(value) ? plain(value) : quoted(value);
}

/** Sorted, without the blanks around them: those that stand behind something may come to stand above it. */
function commentsOf(text: string): readonly string[] {
  return [...new Lexer().lex(text)]
    .filter((token) => token.startsWith("#"))
    .map((token) => token.slice(1).trim())
    .sort();
}

function misplacedComment(file: string): Fault {
  const fix = "put each comment on a line of its own above what it is about";
  return { check: "CK1", file, message: "a comment stands where it would be lost", fix };
}
