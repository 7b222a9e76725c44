import { z } from "zod";
import { matchesAny } from "./glob.ts";

/** A test that must have passed. `scenario` counts when it is given; times are ISO 8601, and the rule is none before and after them. */
export const TestCaseRule = z.object({
  kind: z.literal("test"),
  testcase: z.string(),
  scenario: z.string().exactOptional(),
  validSince: z.string().exactOptional(),
  validUntil: z.string().exactOptional(),
});
export type TestCaseRule = z.infer<typeof TestCaseRule>;

/** Whatever the repository's own gating.yaml says; `required`: it must have one. */
export const RemoteRule = z.object({ kind: z.literal("remote"), required: z.boolean() });
export type RemoteRule = z.infer<typeof RemoteRule>;

/** One policy of Greenwave's, as flibs keeps it with a build's plan. */
export const GatingPolicy = z.object({
  /** Policies of a gating.yaml need none. */
  id: z.string().exactOptional(),
  /** Patterns with `*` and `?`, as are the lists of packages. */
  productVersions: z.array(z.string()),
  decisionContexts: z.array(z.string()),
  subjectTypes: z.array(z.string()),
  rules: z.array(z.discriminatedUnion("kind", [TestCaseRule, RemoteRule])),
  /** Names of components; all when left out. */
  packages: z.array(z.string()).exactOptional(),
  excludedPackages: z.array(z.string()).exactOptional(),
});
export type GatingPolicy = z.infer<typeof GatingPolicy>;

/** What is being decided about. */
export interface DecisionSubject {
  /** `koji_build` with an NVR, `container-image` with a digest; others are compared as they are. */
  readonly type: string;
  readonly identifier: string;
  /** N of the NVR. */
  readonly packageName?: string;
  /** Of its dist-git repository, without its namespace: unlike the NVR's name its owner cannot choose it for each build. */
  readonly repositoryName?: string;
}

export interface PolicyQuestion {
  readonly decisionContexts: readonly string[];
  readonly productVersion: string;
}

/** The names under which Greenwave knows one kind of subject. */
export function sameSubjectType(one: string, other: string): boolean {
  const plain = (type: string) => (type === "brew-build" ? "koji_build" : type);
  return plain(one) === plain(other);
}

/** Does the policy speak about this? What its lists of packages say is another matter: see {@link isExcluded}. Pure. */
export function appliesTo(policy: GatingPolicy, question: PolicyQuestion, subject: DecisionSubject): boolean {
  return (
    policy.decisionContexts.some((one) => question.decisionContexts.includes(one)) &&
    policy.subjectTypes.some((one) => sameSubjectType(one, subject.type)) &&
    matchesAny(policy.productVersions, question.productVersion)
  );
}

/** Under all of its names: another component label must not get a build out of a policy. Pure. */
export function isExcluded({ excludedPackages = [] }: GatingPolicy, subject: DecisionSubject): boolean {
  const names = namesOf(subject);
  return names.length > 0 && names.every((name) => matchesAny(excludedPackages, name));
}

/** A policy with a list of packages asks nothing of what is listed under none of its names. Pure. */
export function isListed({ packages }: GatingPolicy, subject: DecisionSubject): boolean {
  const names = namesOf(subject);
  return packages === undefined || packages.length === 0 || names.length === 0 || names.some((name) => matchesAny(packages, name));
}

function namesOf({ packageName, repositoryName }: DecisionSubject): readonly string[] {
  return [packageName, repositoryName].filter((name) => name !== undefined);
}

/** ISO 8601 times compare as times, `now` in milliseconds. */
export function isValidAt({ validSince, validUntil }: TestCaseRule, now: number): boolean {
  return (validSince === undefined || Date.parse(validSince) <= now) && (validUntil === undefined || now < Date.parse(validUntil));
}
