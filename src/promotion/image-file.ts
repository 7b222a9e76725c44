import { isMap, isScalar, type Pair, type Scalar, type YAMLMap } from "yaml";
import type { Fault } from "./fault.ts";
import { ImageFile, Policy, policyPath, type Release, repositoryOfPath } from "./registry-manifest.ts";
import { rememberParsed } from "./remember-parsed.ts";
import { isSafePlain, parseStrictYaml, type StrictYaml } from "./strict-yaml.ts";

export type ParsedImageFile = Extract<StrictYaml<ImageFile>, { ok: true }>;

/** Text of a file below `images/` to its content, or every fault of form: schema, quoting, order, path (CK1). */
export const parseImageFile = rememberParsed((path: string, bytes: Uint8Array): StrictYaml<ImageFile> => {
  const parsed = parseStrictYaml(path, bytes, ImageFile);
  if (!parsed.ok) return parsed;
  const faults = [...pathFaults(path, parsed), ...styleFaults(path, parsed), ...orderFaults(path, parsed)];
  return faults.length > 0 ? { ok: false, faults } : { ...parsed, value: withBareRecords(parsed.value) };
});

/** Tags are looked up by names that strangers write: `constructor` must not find what every object has. */
function withBareRecords({ releases, floating, withdrawn, ...rest }: ImageFile): ImageFile {
  const bare = <T>(record: Record<string, T>): Record<string, T> => Object.assign(Object.create(null), record);
  return {
    ...rest,
    releases: bare(releases),
    ...(floating ? { floating: bare(floating) } : {}),
    ...(withdrawn ? { withdrawn: bare(withdrawn) } : {}),
  };
}

const parsePolicyFile = rememberParsed((path, bytes) => parseStrictYaml(path, bytes, Policy));

export function parsePolicy(bytes: Uint8Array): StrictYaml<Policy> {
  return parsePolicyFile(policyPath, bytes);
}

function pathFaults(path: string, parsed: ParsedImageFile): readonly Fault[] {
  const expected = repositoryOfPath(path);
  if (expected === parsed.value.repository) return [];
  const message = `repository is "${parsed.value.repository}" and the file stands for "${expected ?? path}"`;
  return [fault(path, parsed.lineOf(["repository"]), message, `write repository: ${expected ?? "the path below images/ without .yaml"}`)];
}

/** One tag, one line or block: otherwise a move would not be a change of one line. */
function styleFaults(path: string, parsed: ParsedImageFile): readonly Fault[] {
  const flow = (["releases", "floating", "withdrawn"] as const).filter((name) => {
    const node = parsed.document.get(name, true);
    return isMap(node) && node.flow === true;
  });
  const faults = flow.map((name) =>
    fault(
      path,
      parsed.lineOf([name]),
      `${name} is written with braces`,
      "write one tag on each line, or leave the field out when it is empty",
    ),
  );
  if (isMap(parsed.document.contents) && parsed.document.contents.flow)
    faults.push(fault(path, 1, "the file is written with braces", "write one field on each line"));
  return faults;
}

function orderFaults(path: string, parsed: ParsedImageFile): readonly Fault[] {
  const root = keysAt(parsed, []);
  const found = [
    ...outOfOrder(root, canonicalFields(root), []),
    ...outOfOrder(keysAt(parsed, ["floating"]), sortFloating(keysAt(parsed, ["floating"])), ["floating"]),
    ...keysAt(parsed, ["releases"]).flatMap((key) => outOfOrder(keysAt(parsed, ["releases", key]), ["digest", "build"], ["releases", key])),
    ...keysAt(parsed, ["withdrawn"]).flatMap((key) => {
      const keys = keysAt(parsed, ["withdrawn", key]);
      return outOfOrder(
        keys,
        ["reason", "by", "removeTag"].filter((name) => keys.includes(name)),
        ["withdrawn", key],
      );
    }),
  ];
  return found.map(({ at, message, fix }) => fault(path, parsed.lineOf(at), message, fix));
}

const fields = ["schema", "repository", "releases", "floating", "withdrawn"];

function canonicalFields(present: readonly string[]): readonly string[] {
  return fields.filter((name) => present.includes(name));
}

/** By code point, `latest` at the end: the order in which they are written to the registry. */
export function sortFloating(tags: readonly string[]): readonly string[] {
  return [...tags].sort((a, b) => Number(a === "latest") - Number(b === "latest") || (a < b ? -1 : a > b ? 1 : 0));
}

function outOfOrder(found: readonly string[], wanted: readonly string[], path: readonly string[]) {
  const index = found.findIndex((key, i) => key !== wanted[i]);
  if (index < 0) return [];
  const at = [...path, found[index] ?? ""];
  return [{ at, message: `${at.join(".")} is not in its place`, fix: `use the order ${wanted.slice(0, 20).join(", ")}` }];
}

/** As they stand in the text; a JavaScript object would put `323` before everything else. */
export function keysAt(parsed: ParsedImageFile, path: readonly string[]): readonly string[] {
  const node = path.length === 0 ? parsed.document.contents : parsed.document.getIn(path, true);
  return isMap(node) ? node.items.map((pair) => String((pair.key as Scalar).value)) : [];
}

function fault(file: string, line: number | undefined, message: string, fix: string): Fault {
  return { check: "CK1", file, ...(line === undefined ? {} : { line }), message, fix };
}

/** A release to add, and the floating tags that shall point to it. */
export interface ReleaseEdit {
  readonly tag: string;
  readonly release: Release;
  readonly floating: readonly string[];
}

/** The text of a file for a repository that has none yet. */
export function newImageFile(repository: string, edit: ReleaseEdit): string {
  const floating = sortFloating(edit.floating).map((tag) => `  ${formatTag(tag)}: ${JSON.stringify(edit.tag)}\n`);
  return [
    `schema: 1\nrepository: ${formatScalar(repository)}\nreleases:\n`,
    ...releaseLines(edit, "  "),
    ...(floating.length > 0 ? ["floating:\n", ...floating] : []),
  ].join("");
}

/**
 * The same text with a release appended and floating tags moved. Only the lines that must differ do: everything else, comments
 * included, is kept byte for byte. A release that is there already is not added again.
 */
export function editImageFile(parsed: ParsedImageFile, edit: ReleaseEdit): string {
  const { document, value } = parsed;
  // Offsets stay true; a last line without an end would run into what is appended.
  const text = parsed.text.endsWith("\n") ? parsed.text : `${parsed.text}\n`;
  const splices: { at: number; end: number; text: string }[] = [];
  const releases = document.get("releases", true);
  if (value.releases[edit.tag] === undefined && isMap(releases)) {
    splices.push(insertAfter(text, releases, releases.items.at(-1), releaseLines(edit, indentOf(text, releases)).join("")));
  }
  const floating = document.get("floating", true);
  if (isMap(floating)) splices.push(...moveFloating(text, floating, edit));
  else if (edit.floating.length > 0) {
    const lines = sortFloating(edit.floating).map((tag) => `  ${formatTag(tag)}: ${JSON.stringify(edit.tag)}\n`);
    splices.push(
      insertAfter(text, document.contents as YAMLMap, pairOf(document.contents as YAMLMap, "releases"), `floating:\n${lines.join("")}`),
    );
  }
  return applySplices(text, splices);
}

/** The same text with floating tags pointed to a release that is there; only their lines differ. */
export function pointFloating(parsed: ParsedImageFile, edit: Pick<ReleaseEdit, "tag" | "floating">): string {
  const floating = parsed.document.get("floating", true);
  return isMap(floating) ? applySplices(parsed.text, moveFloating(parsed.text, floating, edit)) : parsed.text;
}

/** A release that nobody may use any more, as it stands under `withdrawn`. */
export type WithdrawnEntry = NonNullable<ImageFile["withdrawn"]>[string] & { readonly release: string };

/** The same text with releases added to `withdrawn`, in the one form; every other line stays. */
export function addWithdrawn(parsed: ParsedImageFile, entries: readonly WithdrawnEntry[]): string {
  const { document, value } = parsed;
  const text = parsed.text.endsWith("\n") ? parsed.text : `${parsed.text}\n`;
  const added = entries.filter((entry) => value.withdrawn?.[entry.release] === undefined);
  if (added.length === 0) return parsed.text;
  const withdrawn = document.get("withdrawn", true);
  if (isMap(withdrawn)) {
    const lines = added.map((entry) => withdrawnLines(entry, indentOf(text, withdrawn))).join("");
    return applySplices(text, [insertAfter(text, withdrawn, withdrawn.items.at(-1), lines)]);
  }
  const root = document.contents as YAMLMap;
  const lines = `withdrawn:\n${added.map((entry) => withdrawnLines(entry, "  ")).join("")}`;
  return applySplices(text, [insertAfter(text, root, root.items.at(-1), lines)]);
}

function withdrawnLines({ release, reason, by, removeTag }: WithdrawnEntry, indent: string): string {
  const fields = [`reason: ${JSON.stringify(reason)}`, `by: ${JSON.stringify(by)}`, ...(removeTag === true ? ["removeTag: true"] : [])];
  return `${indent}${formatTag(release)}:\n${fields.map((field) => `${indent}  ${field}\n`).join("")}`;
}

/** The same text without some floating tags; without all of them the field goes, too. */
export function dropFloating(parsed: ParsedImageFile, tags: readonly string[]): string {
  const { document, text } = parsed;
  const floating = document.get("floating", true);
  if (!isMap(floating) || tags.length === 0) return text;
  const gone = floating.items.filter((pair) => tags.includes(String((pair.key as Scalar).value)));
  const root = document.contents as YAMLMap;
  const field = gone.length === floating.items.length ? [pairOf(root, "floating")] : [];
  const starts = [...field, ...gone].map((pair) => (pair?.key as Scalar | undefined)?.range?.[0]);
  const splices = starts.flatMap((start) => {
    if (start === undefined) return [];
    const end = text.indexOf("\n", start);
    return [{ at: lineStart(text, start), end: end < 0 ? text.length : end + 1, text: "" }];
  });
  return applySplices(text, splices);
}

function moveFloating(text: string, floating: YAMLMap, edit: Pick<ReleaseEdit, "tag" | "floating">) {
  const present = floating.items.map((pair) => String((pair.key as Scalar).value));
  const moves = floating.items.flatMap((pair) => {
    const [key, node] = [String((pair.key as Scalar).value), pair.value];
    if (!edit.floating.includes(key) || !isScalar(node) || !node.range || node.value === edit.tag) return [];
    return [{ at: node.range[0], end: node.range[1], text: JSON.stringify(edit.tag) }];
  });
  const added = sortFloating(edit.floating).filter((tag) => !present.includes(tag));
  const order = sortFloating([...present, ...added]);
  const inserts = added.map((tag) => {
    const before = order.slice(0, order.indexOf(tag)).findLast((other) => present.includes(other));
    const line = `${indentOf(text, floating)}${formatTag(tag)}: ${JSON.stringify(edit.tag)}\n`;
    if (before !== undefined) return insertAfter(text, floating, pairOf(floating, before), line);
    const start = lineStart(text, (floating.items[0]?.key as Scalar | undefined)?.range?.[0] ?? 0);
    return { at: start, end: start, text: line };
  });
  return [...moves, ...inserts];
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** On the line after the one where a pair's value ends (its own end-of-line comment stays with it). */
function insertAfter(text: string, map: YAMLMap, pair: Pair | undefined, added: string) {
  const end = lastOffset(pair?.value) ?? map.range?.[1] ?? text.length;
  const newline = text.indexOf("\n", Math.max(0, end - 1));
  return { at: newline + 1, end: newline + 1, text: added };
}

/** Where the last written character of a value stands; a map's own range takes in comments that follow. */
function lastOffset(node: unknown): number | undefined {
  if (isMap(node) && !node.flow && node.items.length > 0) return lastOffset(node.items.at(-1)?.value);
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[1];
}

function applySplices(text: string, splices: readonly { at: number; end: number; text: string }[]): string {
  let result = text;
  // From the end, so that earlier offsets stay true; of two inserts at one place the later one in the list comes second.
  const ordered = splices.map((splice, i) => ({ ...splice, i })).sort((a, b) => b.at - a.at || b.i - a.i);
  for (const splice of ordered) {
    result = `${result.slice(0, splice.at)}${splice.text}${result.slice(splice.end)}`;
  }
  return result;
}

function releaseLines(edit: ReleaseEdit, indent: string): readonly string[] {
  return [
    `${indent}${JSON.stringify(edit.tag)}:\n`,
    `${indent}  digest: ${edit.release.digest}\n`,
    `${indent}  build: ${JSON.stringify(edit.release.build)}\n`,
  ];
}

function indentOf(text: string, map: YAMLMap): string {
  const start = (map.items[0]?.key as Scalar | undefined)?.range?.[0];
  return start === undefined ? "  " : text.slice(lineStart(text, start), start);
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

/** Tags are quoted unless they are a word that no YAML reader misunderstands. */
function formatTag(tag: string): string {
  return isSafePlain(tag) ? tag : JSON.stringify(tag);
}

function formatScalar(text: string): string {
  return /^[a-z][a-z0-9]*\/[a-z][a-z0-9/-]*$/.test(text) ? text : JSON.stringify(text);
}
