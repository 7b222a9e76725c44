import { isAlias, isMap, isNode, isPair, isScalar, LineCounter, parseDocument, visit } from "yaml";
import type { z } from "zod";
import type { ErrorCode } from "../domain/errors.ts";
import { findDuplicateKey } from "../gating/duplicate-key.ts";
import { type Finding, finding } from "./finding.ts";

/** Files of a few lines; more is a mistake or an attack. */
export const maxYamlBytes = 64 * 1024;

export interface ReadYaml<T> {
  /** Undefined when something is wrong with the file. */
  readonly value?: T;
  readonly findings: readonly Finding[];
  /** The line of a value; of what is not there, of the deepest part of its path that is. */
  readonly lineOf: (path: readonly (string | number)[]) => number;
}

/**
 * A YAML file of the repository through its schema, with line numbers. Refused: more than one document, duplicate keys, anchors and
 * aliases (an alias bomb is 500 bytes that want gigabytes), tags of other programs. An empty file is `null`.
 *
 * With `typedKeys` only the values of these keys are numbers and booleans; all others without quotes are texts as they are written (`1.10`).
 */
export function readYaml<T>(
  file: string,
  bytes: Uint8Array,
  schema: z.ZodType<T>,
  code: ErrorCode,
  typedKeys?: ReadonlySet<string>,
): ReadYaml<T> {
  const wrong = (line: number | undefined, message: string, fix: string) => ({
    findings: [finding(code, file, line, message, fix)],
    lineOf: () => 1,
  });
  if (bytes.length > maxYamlBytes) return wrong(undefined, `file has more than ${maxYamlBytes / 1024} KiB`, "Shorten it");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return wrong(undefined, "file is not UTF-8 text", "Save it as UTF-8");
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: false, prettyErrors: false, customTags: [], resolveKnownTags: false });
  const lineAt = (offset: number) => lineCounter.linePos(offset).line || 1;
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) return wrong(lineAt(fault.pos[0]), `not valid YAML: ${fault.message.replaceAll(/\s+/g, " ").slice(0, 200)}`, "Mend the line");
  const twice = findDuplicateKey(document);
  if (twice !== undefined) return wrong(lineAt(twice), "not valid YAML: Map keys must be unique", "Mend the line");
  const named = findAnchor(document);
  if (named !== undefined) return wrong(lineAt(named), "anchors and aliases (& and *) are not allowed", "Write the value out");
  if (typedKeys !== undefined) keepAsWritten(document, typedKeys);
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 0 }));
  const placeOf = (path: readonly (string | number)[]) => lineOf(document, path, lineAt);
  if (parsed.success) return { value: parsed.data, findings: [], lineOf: placeOf };
  return {
    lineOf: placeOf,
    findings: parsed.error.issues.slice(0, 20).map((issue) => {
      const path = issue.path.map((part) => (typeof part === "symbol" ? part.toString() : part));
      const where = issue.code === "unrecognized_keys" ? [...path, issue.keys[0] ?? ""] : path;
      const name = path.join(".") || "the file";
      // Of a wrong key the schema of keys says what is wrong with it.
      const message = issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message;
      return finding(code, file, placeOf(where), `${name}: ${message.slice(0, 500)}`, fixOf(issue));
    }),
  };
}

function findAnchor(document: ReturnType<typeof parseDocument>): number | undefined {
  let found: number | undefined;
  visit(document, {
    Node(_, node) {
      if (!isAlias(node) && node.anchor === undefined) return undefined;
      found = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return found;
}

function keepAsWritten(document: ReturnType<typeof parseDocument>, typedKeys: ReadonlySet<string>): void {
  visit(document, {
    Scalar(key, node, path) {
      const pair = path.findLast((above) => isPair(above));
      const isTyped = isPair(pair) && isScalar(pair.key) && typedKeys.has(String(pair.key.value));
      const isWritten = typeof node.value === "number" || typeof node.value === "boolean";
      if (key !== "key" && !isTyped && isWritten && node.source !== undefined) node.value = node.source;
    },
  });
}

/** The line of the deepest part of the path that is there: of a pair that of its key. */
function lineOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly (string | number)[],
  lineAt: (offset: number) => number,
): number {
  for (let depth = path.length; depth > 0; depth--) {
    const above = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const key = isMap(above) ? above.items.find((pair) => isScalar(pair.key) && pair.key.value === path[depth - 1])?.key : undefined;
    const node = key ?? document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lineAt(node.range[0]);
  }
  return 1;
}

function fixOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys")
    return `Remove or correct ${issue.keys
      .slice(0, 10)
      .map((key) => `"${key.slice(0, 60)}"`)
      .join(", ")}`;
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return `Add ${String(issue.path.at(-1))}`;
  if (issue.code === "invalid_type" && issue.expected === "string") return "Write a text; put a number in quotes";
  if (issue.code === "invalid_type") return `Make it a value of type ${issue.expected}`;
  if (issue.code === "custom" && typeof issue.params?.fix === "string") return issue.params.fix;
  return "Correct the value";
}
