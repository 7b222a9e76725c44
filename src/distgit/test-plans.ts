import type { TestSuite } from "../gating/test-runner.ts";
import { type Finding, finding } from "./finding.ts";
import type { Tree } from "./tree.ts";

const planFile = /^plans\/([^/]+)\.fmf$/;
const suiteName = /^[a-z0-9][a-z0-9-]{0,39}$/;
const maxPlans = 20;
const code = "distgit.tests-invalid";

/**
 * Suites of kind `tmt`: one for each file `plans/*.fmf` of a repository that is an fmf tree (`.fmf/version` is 1), which may hold one plan or several. The suite
 * of `plans/smoke.fmf` is `tmt-smoke`. `definition` is `{plan}`, the name of the plan or of what they have in common (`/plans/smoke`). What stands in the files
 * is for tmt.
 */
export async function readTestPlans(tree: Tree): Promise<{ readonly suites: readonly TestSuite[]; readonly findings: readonly Finding[] }> {
  const version = await tree.readFile(".fmf/version", 100);
  if (version === undefined) return { suites: [], findings: [] };
  if (Buffer.from(version).toString().trim() !== "1") {
    return { suites: [], findings: [finding(code, ".fmf/version", undefined, "only version 1 of fmf is known", "Write 1")] };
  }
  const suites: TestSuite[] = [];
  const findings: Finding[] = [];
  const plans = tree.entries.flatMap(({ path, kind }) => {
    const [, base] = planFile.exec(path) ?? [];
    return base === undefined || kind !== "file" ? [] : [{ path, base }];
  });
  for (const { path, base } of plans.slice(0, maxPlans)) {
    const name = `tmt-${base === "main" ? "plans" : base.toLowerCase().replaceAll(/[._]/g, "-")}`;
    if (suiteName.test(name)) {
      // fmf gives what stands in main.fmf the name of its directory.
      const plan = base === "main" ? "/plans" : `/plans/${base}`;
      suites.push({ name, kind: "tmt", file: path, definition: { plan }, required: true });
    } else {
      const message = "the file's name is no name of a suite: at most 36 letters, digits, dashes and underscores before the ending";
      findings.push(finding(code, path, undefined, message, "Rename it, as in plans/smoke.fmf"));
    }
  }
  const beyond = plans[maxPlans];
  if (beyond !== undefined)
    findings.push(finding(code, beyond.path, undefined, `there are more than ${maxPlans} files of plans`, "Put plans together"));
  return { suites, findings };
}
