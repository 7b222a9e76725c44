import type { GatingPolicy } from "./policy.ts";

/** A policy as Greenwave's API shows it. Pure. */
export function formatPolicy({ id, productVersions, decisionContexts, subjectTypes, rules, packages, excludedPackages }: GatingPolicy) {
  return {
    id: id ?? null,
    product_versions: productVersions,
    decision_contexts: decisionContexts,
    subject_type: subjectTypes[0],
    rules: rules.map((rule) =>
      rule.kind === "remote"
        ? { rule: "RemoteRule", required: rule.required }
        : {
            rule: "PassingTestCaseRule",
            test_case_name: rule.testcase,
            scenario: rule.scenario ?? null,
            ...(rule.validSince === undefined ? {} : { valid_since: rule.validSince }),
            ...(rule.validUntil === undefined ? {} : { valid_until: rule.validUntil }),
          },
    ),
    packages: packages ?? [],
    excluded_packages: excludedPackages ?? [],
  };
}
