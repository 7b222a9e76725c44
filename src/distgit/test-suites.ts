import type { TestSuite } from "../gating/test-runner.ts";
import { type Finding, finding } from "./finding.ts";
import { readTestCommands } from "./test-commands.ts";
import { readTestPlans } from "./test-plans.ts";
import { readTestPlaybooks } from "./test-playbooks.ts";
import { readTestStructure } from "./test-structure.ts";
import type { Tree } from "./tree.ts";

export interface DeclaredSuites {
  readonly suites: readonly TestSuite[];
  readonly findings: readonly Finding[];
}

/** Forms that only some sites run. */
export interface SiteForms {
  readonly tmt?: boolean;
}

/** Every form in which a repository can declare tests, in the order in which they run: what is quick first. */
const readers: readonly ((tree: Tree, site: SiteForms) => Promise<DeclaredSuites>)[] = [
  readTestCommands,
  readTestStructure,
  (tree) => readTestPlaybooks(tree),
  async (tree, { tmt = false }) => (tmt ? await readTestPlans(tree) : { suites: [], findings: [] }),
];

/** All suites of a repository. Their names are unique among all forms: statuses, results and waivers go by the name alone. */
export async function readTestSuites(tree: Tree, site: SiteForms = {}): Promise<DeclaredSuites> {
  const declared: DeclaredSuites[] = [];
  for (const read of readers) declared.push(await read(tree, site));
  return uniqueSuites(declared);
}

/** Pure. Of two suites with one name the first one stays, and the second one's file is told. */
export function uniqueSuites(declared: readonly DeclaredSuites[]): DeclaredSuites {
  const suites = new Map<string, TestSuite>();
  const findings = declared.flatMap((one) => one.findings);
  for (const suite of declared.flatMap((one) => one.suites)) {
    const other = suites.get(suite.name);
    if (other === undefined) {
      suites.set(suite.name, suite);
      continue;
    }
    const message = `the suite "${suite.name}" is also declared by ${other.file ?? "another file"}`;
    findings.push(finding("distgit.tests-invalid", suite.file ?? "tests", undefined, message, "Give one of the two another name"));
  }
  return { suites: [...suites.values()], findings };
}
