import { whyInvalid } from "../gating/search.ts";
import { countTests, expressionsOf, StructureFile, typedKeys } from "../gating/structure-file.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import { type Finding, finding, warning } from "./finding.ts";
import type { Tree } from "./tree.ts";
import { maxYamlBytes, type ReadYaml, readYaml } from "./yaml-file.ts";

/** Right below tests/, and the word ends there or before one of `-_.`: tests/structured.json is somebody's data. */
const fileName = /^tests\/((?:structure|container-structure-tests?)(?:[-_.][^/]*)?)\.(yaml|yml|json)$/;
const suiteName = /^[a-z0-9][a-z0-9-]{0,39}$/;
const maxFiles = 20;
/** Of all files together: a few bytes of an expression can take milliseconds to be understood, in which nothing else is done. */
const maxReadingMs = 3000;
const code = "distgit.tests-invalid";

/**
 * Suites of kind `structure`, one a file of container-structure-test: `tests/structure.yaml`, `tests/container-structure-test.yaml`, either with an
 * ending of its own (`tests/structure-web.json`). The name is the file's, in lower case, with dashes for dots and underscores. `definition` is the
 * file as {@link StructureFile} reads it. They are always required: the format has no word for it.
 */
export async function readTestStructure(
  tree: Tree,
): Promise<{ readonly suites: readonly TestSuite[]; readonly findings: readonly Finding[] }> {
  const suites: TestSuite[] = [];
  const findings: Finding[] = [];
  const budget = { leftMs: maxReadingMs };
  const named = tree.entries.flatMap((entry) => {
    const [, base, ending] = fileName.exec(entry.path) ?? [];
    return base === undefined ? [] : [{ ...entry, base, isJson: ending === "json" }];
  });
  for (const { path, kind, base, isJson } of named.slice(0, maxFiles)) {
    const name = base.toLowerCase().replaceAll(/[._]/g, "-");
    if (kind === "link") {
      const message = `${path} is a symbolic link; flibs reads only regular files`;
      findings.push(finding("distgit.link-outside", path, undefined, message, "Put the file itself there"));
    } else if (!suiteName.test(name)) {
      const message = "the file's name is no name of a suite: at most 40 lower-case letters, digits and dashes before the ending";
      findings.push(finding(code, path, undefined, message, "Rename it, as in tests/structure-web.yaml"));
    } else {
      const read = readOne(path, (await tree.readFile(path, maxYamlBytes + 1)) ?? new Uint8Array(), isJson, budget);
      findings.push(...read.findings);
      if (read.value !== undefined) suites.push({ name, kind: "structure", file: path, definition: read.value, required: true });
    }
  }
  const beyond = named[maxFiles];
  if (beyond !== undefined) {
    findings.push(finding(code, beyond.path, undefined, `there are more than ${maxFiles} files of structure tests`, "Put tests together"));
  }
  return { suites, findings };
}

type Read = Pick<ReadYaml<StructureFile>, "value" | "findings">;
type Budget = { leftMs: number };

function readOne(path: string, bytes: Uint8Array, isJson: boolean, budget: Budget): Read {
  const broken = isJson ? whyNoJson(bytes) : undefined;
  if (broken !== undefined) return { findings: [finding(code, path, undefined, `not valid JSON: ${broken}`, "Mend it")] };
  // JSON is YAML as well; only that reader has lines, and tells of keys that stand there twice.
  const { value, findings, lineOf } = readYaml(path, bytes, StructureFile, code, typedKeys);
  if (value === undefined) return { findings };
  const wrong = countTests(value) > 0 ? [] : [finding(code, path, undefined, "the file has no test", "Add one, or remove the file")];
  wrong.push(...wrongExpressions(path, value, lineOf, budget));
  return { ...(wrong.length === 0 ? { value } : {}), findings: [...wrong, ...nameless(path, value, lineOf)] };
}

function wrongExpressions(path: string, file: StructureFile, lineOf: ReadYaml<StructureFile>["lineOf"], budget: Budget): Finding[] {
  const findings: Finding[] = [];
  for (const { path: at, expression } of expressionsOf(file)) {
    const line = lineOf(at);
    if (findings.length >= 20) break;
    if (budget.leftMs < 0) {
      findings.push(finding(code, path, line, "the expressions are too long to be understood", "Write fewer and shorter ones"));
      break;
    }
    const before = performance.now();
    const why = whyInvalid(expression);
    budget.leftMs -= performance.now() - before;
    if (why === undefined) continue;
    const fix = "Write it as Go's regexp package reads it: https://github.com/google/re2/wiki/Syntax";
    findings.push(finding(code, path, line, `${at.join(".")} is no RE2 expression: ${why}`, fix));
  }
  return findings;
}

function whyNoJson(bytes: Uint8Array): string | undefined {
  if (bytes.length > maxYamlBytes) return undefined;
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error)
      .replaceAll(/\p{Cc}+/gu, " ")
      .slice(0, 200);
  }
}

/** They are run, and fail; here people are told before a container is started. */
function nameless(path: string, file: StructureFile, lineOf: ReadYaml<StructureFile>["lineOf"]): readonly Finding[] {
  const needs = { commandTests: ["name", "command"], fileExistenceTests: ["name", "path"], fileContentTests: ["name", "path"] } as const;
  return Object.entries(needs).flatMap(([section, keys]) => {
    const tests = (file[section as keyof typeof needs] ?? []) as readonly Readonly<Record<string, unknown>>[];
    return tests.flatMap((test, index) =>
      keys
        .filter((key) => (test[key] ?? "") === "")
        .map((key) => {
          const message = `${section}.${index} has no ${key}, so it will fail`;
          return warning(code, path, lineOf([section, index]), message, `Add ${key}`);
        }),
    );
  });
}
