import type { GatingPolicy } from "../gating/policy.ts";
import { maxPolicyBytes, parsePolicies, speaksOf } from "../gating/policy-yaml.ts";
import { subjectTypes } from "../gating/subject-types.ts";
import { type Finding, finding, warning } from "./finding.ts";
import type { Tree } from "./tree.ts";

/** The packagers' own gate, as Greenwave knows it, at the root of the repository. */
export const gatingFile = "gating.yaml";

export interface ReadGating {
  /** Undefined when there is no such file, or one that cannot be read. */
  readonly gating?: readonly GatingPolicy[];
  readonly findings: readonly Finding[];
}

/** `context` is what flibs asks about before it promotes: a file that never speaks of it holds nothing back, and its author should know. */
export async function readGatingYaml(tree: Tree, context?: string): Promise<ReadGating> {
  const bytes = await tree.readFile(gatingFile, maxPolicyBytes + 1);
  if (bytes === undefined) return { findings: [] };
  const { policies, faults } = parsePolicies(bytes, "repository");
  if (faults.length > 0) {
    return { findings: faults.map(({ line, message, fix }) => finding("distgit.invalid-gating-yaml", gatingFile, line, message, fix)) };
  }
  const isUsed = context === undefined || speaksOf(policies, context, Object.values(subjectTypes));
  const message = `no policy here is for the decision context ${context}, which is what flibs asks about: none of them holds a promotion back`;
  const unused = warning("distgit.gating-unused", gatingFile, undefined, message, `Add ${context} to the decision_contexts of a policy`);
  return { gating: policies, findings: isUsed ? [] : [unused] };
}
