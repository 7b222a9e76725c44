import { isSeq, parseDocument } from "yaml";
import { suiteName, suiteNameWords } from "../gating/suite-name.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import { withinTime } from "../gating/within-time.ts";
import { type Finding, finding } from "./finding.ts";
import type { Tree } from "./tree.ts";

/** Roles and scripts stand in files of their own. */
const maxPlaybookBytes = 64 * 1024;
const maxPlaybooks = 20;
/** A few bytes can take seconds to be understood, in which nothing else is done. */
const maxReadingMs = { one: 1000, all: 2000 };
/** Brackets that are open at once; the parser needs long to find that its stack is full. */
const maxOpen = 500;
const parting = "Put a part of it into roles or into files that it includes";
const playbookPath = /^tests\/(tests[^/]*)\.yml$/s;

/**
 * Suites of kind `sti`, the Standard Test Interface's: each `tests/tests*.yml` is one, an Ansible playbook, called by its file's name without
 * `.yml`; `definition` is `{playbook: "tests/tests.yml"}`. It is required unless the variables (`vars`) of its first play say `flibs_required: false`.
 * `longest` are milliseconds that reading one of them, and all, may take.
 */
export async function readTestPlaybooks(
  tree: Tree,
  longest: { readonly one: number; readonly all: number } = maxReadingMs,
): Promise<{ readonly suites: readonly TestSuite[]; readonly findings: readonly Finding[] }> {
  const suites: TestSuite[] = [];
  const findings: Finding[] = [];
  let leftMs = longest.all;
  const found = tree.entries.filter(({ path }) => playbookPath.test(path));
  for (const entry of found.slice(0, maxPlaybooks)) {
    const name = playbookPath.exec(entry.path)?.[1] ?? "";
    const wrong = (line: number | undefined, message: string, fix: string) =>
      findings.push(finding("distgit.tests-invalid", entry.path, line, message, fix));
    if (!suiteName.test(name)) {
      wrong(undefined, "the file's name without .yml is no name of a suite", `Rename it: ${suiteNameWords}`);
    } else if (entry.kind === "link") {
      wrong(undefined, "it is a symbolic link; flibs reads only regular files", "Put the file itself there");
    } else if (entry.size > maxPlaybookBytes) {
      wrong(undefined, `file has more than ${maxPlaybookBytes / 1024} KiB`, parting);
    } else {
      const bytes = (await tree.readFile(entry.path, maxPlaybookBytes)) ?? new Uint8Array();
      const startedAt = performance.now();
      const read = readPlaybook(bytes, Math.min(leftMs, longest.one));
      leftMs -= performance.now() - startedAt;
      if ("message" in read) wrong(read.line, read.message, read.fix);
      else suites.push({ name, kind: "sti", file: entry.path, definition: { playbook: entry.path }, required: read.required });
    }
  }
  if (found.length > maxPlaybooks) {
    const message = `there are ${found.length} files tests/tests*.yml, at most ${maxPlaybooks} are suites`;
    findings.push(finding("distgit.tests-invalid", "tests", undefined, message, "Put several tests into one playbook"));
  }
  return { suites, findings };
}

type Playbook = { readonly required: boolean } | { readonly message: string; readonly fix: string; readonly line?: number };

/** Only its form: what Ansible makes of the plays is for Ansible to say. Nothing is expanded, so an alias bomb stays what it is. */
function readPlaybook(bytes: Uint8Array, timeoutMs: number): Playbook {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { message: "file is not UTF-8 text", fix: "Save it as UTF-8" };
  }
  if (isNested(text)) return { message: "it is nested too deep", fix: parting };
  const slow = { message: "it takes too long to read the playbooks", fix: parting };
  // Timers of vm have whole milliseconds.
  if (timeoutMs < 1) return slow;
  // Tags like !unsafe are Ansible's; the search for duplicate keys would take the square of their number.
  const options = { uniqueKeys: false, prettyErrors: false, logLevel: "error" } as const;
  const parsed = withinTime(() => parseDocument(text, options), Math.floor(timeoutMs));
  if (parsed.kind === "threw") throw parsed.error;
  if (parsed.kind === "too-slow") return slow;
  const document = parsed.value;
  const [fault] = document.errors;
  if (fault !== undefined) {
    const message = `not valid YAML: ${fault.message.replaceAll(/\s+/g, " ").slice(0, 200)}`;
    return { message, fix: "Mend the line", line: text.slice(0, fault.pos[0]).split("\n").length };
  }
  const plays = document.contents;
  if (!isSeq(plays) || plays.items.length === 0)
    return { message: "not a playbook: a list of plays is expected", fix: "Begin it with - hosts: subjects" };
  return { required: document.getIn([0, "vars", "flibs_required"]) !== false };
}

/** Brackets in quotes count, too: so many are not closed again there. */
function isNested(text: string): boolean {
  let open = 0;
  for (const character of text) {
    if (character === "[" || character === "{") open += 1;
    else if ((character === "]" || character === "}") && open > 0) open -= 1;
    if (open > maxOpen) return true;
  }
  return false;
}
