import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, visit, type YAMLMap } from "yaml";
import { findDuplicateKey } from "./duplicate-key.ts";
import { type GatingPolicy, type RemoteRule, sameSubjectType, type TestCaseRule } from "./policy.ts";

/** What is wrong with a file of policies, for whoever wrote it. */
export interface PolicyFault {
  /** Counted from one. */
  readonly line: number;
  readonly message: string;
  /** The smallest thing that would mend it. */
  readonly fix: string;
}

export interface ParsedPolicies {
  /** All of the file, or none when there are faults. */
  readonly policies: readonly GatingPolicy[];
  readonly faults: readonly PolicyFault[];
}

/** `site`: a file of the operators. `repository`: a gating.yaml, whose policies need no id and cannot point to a gating.yaml. */
export type PolicyPlace = "site" | "repository";

export const maxPolicyBytes = 64 * 1024;
const most = { policies: 50, rules: 200, items: 100, letters: 255, faults: 20 };
/** Of one pattern letters and `*`; of all patterns of a gating.yaml letters: anybody may ask for decisions, and each compares all of them. */
const mostOfPatterns = { letters: 100, stars: 3, together: 4000 };

/**
 * Greenwave's policies in YAML: one or more documents `!Policy` with rules `!PassingTestCaseRule` and `!RemoteRule`. Of that language's other
 * parts nothing is taken silently: unknown keys and tags, duplicate keys, anchors and aliases are faults. Never throws.
 */
export function parsePolicies(bytes: Uint8Array, place: PolicyPlace): ParsedPolicies {
  const wrong = (line: number, message: string, fix: string) => ({ policies: [], faults: [{ line, message, fix }] });
  if (bytes.length > maxPolicyBytes) return wrong(1, `file has more than ${maxPolicyBytes / 1024} KiB`, "Shorten it");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return wrong(1, "file is not UTF-8 text", "Save it as UTF-8");
  }
  const lineCounter = new LineCounter();
  const options = { lineCounter, uniqueKeys: false, prettyErrors: false, customTags: [], resolveKnownTags: false };
  const parsed = parseAllDocuments(text, options);
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const lineAt = (offset: number | undefined) => (offset === undefined ? 1 : lineCounter.linePos(offset).line || 1);
  // Of the tags, all of which the library does not know, each is looked at where it stands.
  const broken = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings.filter((one) => one.code !== "TAG_RESOLVE_FAILED")]);
  if (broken[0]) {
    return wrong(lineAt(broken[0].pos[0]), `not valid YAML: ${broken[0].message.replaceAll(/\s+/g, " ").slice(0, 200)}`, "Mend the line");
  }
  const twice = documents.map(findDuplicateKey).find((offset) => offset !== undefined);
  if (twice !== undefined) return wrong(lineAt(twice), "not valid YAML: Map keys must be unique", "Remove one of the two");
  const named = documents.map(findAnchor).find((offset) => offset !== undefined);
  if (named !== undefined) return wrong(lineAt(named), "anchors and aliases (& and *) are not allowed", "Write the value out");
  if (documents.length > most.policies)
    return wrong(1, `the file has more than ${most.policies} documents`, "Put policies with the same rules together");
  const faults: PolicyFault[] = [];
  const fault: Reader["fault"] = (node, message, fix) => faults.push({ line: lineAt(node?.range?.[0]), message, fix });
  const reader: Reader = { place, patternLetters: 0, fault };
  // An empty document between two lines of dashes is nothing that anybody meant.
  const written = documents.filter(({ contents }) => contents !== null && !(isScalar(contents) && contents.value === null));
  if (written.length === 0) reader.fault(undefined, "the file has no policy", 'Add one that begins with "--- !Policy", or remove the file');
  const policies = written.flatMap(({ contents }) => readPolicy(reader, contents as Node) ?? []);
  checkIds(reader, policies);
  return faults.length === 0 ? { policies, faults } : { policies: [], faults: faults.slice(0, most.faults) };
}

interface Reader {
  readonly place: PolicyPlace;
  /** Letters of all patterns until now. */
  patternLetters: number;
  fault(node: Node | undefined | null, message: string, fix: string): void;
}

function findAnchor(document: Document.Parsed): number | undefined {
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

const policyKeys = [
  ...["id", "product_versions", "decision_context", "decision_contexts", "subject_type", "rules", "packages", "excluded_packages"],
  // The name that Greenwave gave excluded_packages once.
  "blacklist",
];

function readPolicy(reader: Reader, node: Node): GatingPolicy | undefined {
  const map = readMap(reader, node, ["!Policy"], policyKeys);
  if (map === undefined) return undefined;
  const id = readText(reader, map, "id");
  if (id === undefined && reader.place === "site" && !map.has("id")) reader.fault(map, "the policy has no id", "Add id: a name for it");
  const productVersions = readPatterns(reader, map, "product_versions");
  if (productVersions === undefined && !map.has("product_versions")) {
    reader.fault(map, "the policy has no product_versions", 'Add product_versions: ["fedora-*"]');
  }
  const decisionContexts = readContexts(reader, map);
  const subjectType = readText(reader, map, "subject_type");
  if (subjectType === undefined && reader.place === "site" && !map.has("subject_type")) {
    reader.fault(map, "the policy has no subject_type", "Add subject_type: koji_build, or container-image");
  }
  const packages = readPatterns(reader, map, "packages");
  const excluded = [...(readPatterns(reader, map, "excluded_packages") ?? []), ...(readPatterns(reader, map, "blacklist") ?? [])];
  return {
    ...(id === undefined ? {} : { id }),
    productVersions: productVersions ?? [],
    decisionContexts,
    subjectTypes: [subjectType ?? "koji_build"],
    rules: readRules(reader, map),
    ...(packages === undefined ? {} : { packages }),
    ...(excluded.length === 0 ? {} : { excludedPackages: excluded }),
  };
}

function readContexts(reader: Reader, map: YAMLMap): string[] {
  const one = readText(reader, map, "decision_context");
  const many = readTexts(reader, map, "decision_contexts");
  if (map.has("decision_context") && map.has("decision_contexts")) {
    const message = "the policy has both decision_context and decision_contexts";
    reader.fault(nodeOf(map, "decision_contexts"), message, "Leave decision_contexts, with all of them");
  }
  if (!map.has("decision_context") && !map.has("decision_contexts")) {
    reader.fault(map, "the policy has no decision_context", "Add decision_contexts: [flibs_promote]");
  }
  if (many?.length === 0) reader.fault(nodeOf(map, "decision_contexts"), "decision_contexts is empty", "Name one, as in [flibs_promote]");
  return many ?? (one === undefined ? [] : [one]);
}

function readRules(reader: Reader, map: YAMLMap): (TestCaseRule | RemoteRule)[] {
  const node = nodeOf(map, "rules");
  if (!isSeq(node) || node.tag !== undefined) {
    const fix = "Write a list, as in\nrules:\n  - !PassingTestCaseRule {test_case_name: flibs.smoke}".replaceAll("\n", " ");
    reader.fault(node ?? map, node ? "rules is no list" : "the policy has no rules", fix);
    return [];
  }
  if (node.items.length > most.rules) {
    reader.fault(node, `the policy has more than ${most.rules} rules`, "Shorten it");
    return [];
  }
  return node.items.flatMap((item) => readRule(reader, item as Node) ?? []);
}

function readRule(reader: Reader, node: Node): TestCaseRule | RemoteRule | undefined {
  const tags = ["!PassingTestCaseRule", "!RemoteRule"];
  if (node.tag === "!RemoteRule") {
    if (reader.place === "repository") {
      reader.fault(node, "a gating.yaml cannot have a !RemoteRule: it is itself what such a rule reads", "Remove the rule");
      return undefined;
    }
    const map = readMap(reader, node, tags, ["required", "sources"]);
    if (map?.has("sources")) {
      const message = "flibs reads gating.yaml from the commit that was built, and nowhere else";
      reader.fault(nodeOf(map, "sources"), message, 'Remove "sources"');
    }
    return map && { kind: "remote", required: readFlag(reader, map, "required") ?? false };
  }
  const map = readMap(reader, node, tags, ["test_case_name", "scenario", "valid_since", "valid_until"]);
  if (map === undefined) return undefined;
  const testcase = readText(reader, map, "test_case_name");
  if (testcase === undefined && !map.has("test_case_name")) {
    reader.fault(map, "the rule has no test_case_name", "Add test_case_name: flibs. and the suite's name");
  }
  const isNull = (key: string) => isScalar(nodeOf(map, key)) && map.get(key) === null;
  const scenario = isNull("scenario") ? undefined : readText(reader, map, "scenario");
  const [validSince, validUntil] = [readTime(reader, map, "valid_since"), readTime(reader, map, "valid_until")];
  if (validSince !== undefined && validUntil !== undefined && Date.parse(validSince) >= Date.parse(validUntil)) {
    reader.fault(nodeOf(map, "valid_until"), "valid_until is not after valid_since", "Correct one of the two");
  }
  return {
    kind: "test",
    testcase: testcase ?? "",
    ...(scenario === undefined ? {} : { scenario }),
    ...(validSince === undefined ? {} : { validSince }),
    ...(validUntil === undefined ? {} : { validUntil }),
  };
}

function readMap(reader: Reader, node: Node, tags: readonly string[], keys: readonly string[]): YAMLMap | undefined {
  const wanted = tags.join(" or ");
  if (node.tag === undefined || !tags.includes(node.tag)) {
    const has = node.tag === undefined ? "no tag" : `the tag ${node.tag.slice(0, 60)}`;
    reader.fault(node, `there is ${has} where ${wanted} belongs`, `Write ${wanted} before it`);
    return undefined;
  }
  if (!isMap(node)) {
    reader.fault(node, `behind ${node.tag} there must be keys and values`, `Write keys under ${node.tag}, or {} for none`);
    return undefined;
  }
  for (const { key } of node.items) {
    const name = isScalar(key) ? String(key.value) : "";
    if (keys.includes(name)) continue;
    const fix = `Remove it; there are ${keys.filter((one) => one !== "blacklist").join(", ")}`;
    reader.fault(key as Node, `"${name.slice(0, 60)}" is no key of ${node.tag}`, fix);
  }
  return node;
}

function nodeOf(map: YAMLMap, key: string): Node | undefined {
  return (map.get(key, true) as Node | undefined) ?? undefined;
}

/** Undefined when there is none or it is no text; of the latter there is a fault then. */
function readText(reader: Reader, map: YAMLMap, key: string): string | undefined {
  const node = nodeOf(map, key);
  return node === undefined ? undefined : textOf(reader, node, key);
}

function textOf(reader: Reader, node: Node, key: string): string | undefined {
  if (isScalar(node) && node.tag === undefined && typeof node.value === "string" && isPlainText(node.value)) return node.value;
  const fix = `Write a text of 1 to ${most.letters} letters, none of them invisible; put a number in quotes`;
  reader.fault(node, `${key} is no such text`, fix);
  return undefined;
}

function isPlainText(text: string): boolean {
  return text.length > 0 && text.length <= most.letters && !/\p{C}/u.test(text);
}

function readTexts(reader: Reader, map: YAMLMap, key: string): string[] | undefined {
  const node = nodeOf(map, key);
  if (node === undefined) return undefined;
  if (!isSeq(node) || node.tag !== undefined || node.items.length > most.items) {
    reader.fault(node, `${key} is no list of at most ${most.items} texts`, `Write it as in ${key}: ["one", "two"]`);
    return undefined;
  }
  return node.items.flatMap((item) => textOf(reader, item as Node, key) ?? []);
}

function readPatterns(reader: Reader, map: YAMLMap, key: string): string[] | undefined {
  const patterns = readTexts(reader, map, key);
  const node = nodeOf(map, key);
  const { letters, stars, together } = mostOfPatterns;
  const wild = patterns?.find((one) => one.length > letters || one.split("*").length > stars + 1);
  if (wild !== undefined) {
    reader.fault(node, `${key}: "${wild.slice(0, 60)}" is no pattern of at most ${letters} letters and ${stars} "*"`, "Shorten it");
  }
  const before = reader.patternLetters;
  for (const one of patterns ?? []) reader.patternLetters += one.length;
  // The operators may list as many as they like.
  if (reader.place === "repository" && before <= together && reader.patternLetters > together) {
    reader.fault(
      node,
      `the patterns of the file have more than ${together} letters together`,
      "Leave out those that fit nothing that is built",
    );
  }
  return patterns;
}

function readFlag(reader: Reader, map: YAMLMap, key: string): boolean | undefined {
  const node = nodeOf(map, key);
  if (node === undefined) return undefined;
  if (isScalar(node) && node.tag === undefined && typeof node.value === "boolean") return node.value;
  reader.fault(node, `${key} is neither true nor false`, "Write true or false");
  return undefined;
}

/** A date, or a date and time; without a zone it is UTC, as Greenwave takes it. */
function readTime(reader: Reader, map: YAMLMap, key: string): string | undefined {
  const node = nodeOf(map, key);
  if (node === undefined) return undefined;
  const text = isScalar(node) && node.tag === undefined && typeof node.value === "string" ? node.value : "";
  const [, date = "", time = "00:00:00", zone = "Z"] =
    /^(\d{4}-\d{2}-\d{2})(?:[Tt ]+(\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?) ?(Z|[+-]\d{2}:\d{2})?)?$/.exec(text) ?? [];
  const at = Date.parse(`${date}T${time}${zone}`);
  // 30 February is a date to no calendar, and to this parser 1 March.
  if (!Number.isNaN(at) && new Date(`${date}T00:00:00Z`).toISOString().startsWith(date)) return new Date(at).toISOString();
  reader.fault(node, `${key} is no date`, `Write it as in ${key}: 2026-01-31 or 2026-01-31T12:00:00Z`);
  return undefined;
}

/** Decisions name policies by their ids. */
function checkIds(reader: Reader, policies: readonly GatingPolicy[]): void {
  const ids = policies.flatMap(({ id }) => id ?? []);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) reader.fault(undefined, `two policies have the id ${twice}`, "Give one of them another id");
}

/** Is any of the policies for this context and kind of subject? Else nothing would ever ask for them. Pure. */
export function speaksOf(policies: readonly GatingPolicy[], context: string, subjectTypes: readonly string[]): boolean {
  return policies.some(
    (policy) =>
      policy.decisionContexts.includes(context) &&
      policy.subjectTypes.some((one) => subjectTypes.some((type) => sameSubjectType(one, type))),
  );
}
