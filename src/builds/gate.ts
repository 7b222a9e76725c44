import { formatNvr } from "../domain/nvr.ts";
import { type Answer, type DecidedSubject, decide, type Judgement, type NoPolicy } from "../gating/decide.ts";
import type { Greenwave } from "../gating/greenwave.ts";
import { appliesTo, type DecisionSubject, type GatingPolicy, sameSubjectType } from "../gating/policy.ts";
import { subjectTypes } from "../gating/subject-types.ts";
import { testcaseOf } from "../gating/testcase.ts";
import { findWaiver, type Waiver, type WaiverStore } from "../gating/waivers.ts";
import type { BuildRecord } from "./build-record.ts";
import { architecturesOf, gateResults } from "./gate-results.ts";
import { type ProductVersion, productVersionOf } from "./product-version.ts";

/** What holds a build back or lets it through: the only place where that is decided. */
export interface Gate {
  /**
   * The decision about a build as it stands. `gates` are the suites that policy.yaml of the registry manifests asks for, besides; read from its main
   * branch when left out. Throws transient errors, and `gating.greenwave-answer`.
   */
  ask(build: BuildRecord, gates?: readonly string[]): Promise<GateAnswer>;
}

export interface GateAnswer extends Judgement {
  readonly decisionContext: string;
  readonly productVersion: string;
  /** Why nobody could decide, when that is so. Never satisfied then. */
  readonly undecided?: string;
}

export interface GateSettings {
  readonly context: string;
  readonly productVersions: readonly ProductVersion[];
}

export interface GatePorts {
  readonly waivers: Pick<WaiverStore, "listOf">;
  /** Of the operators. */
  readonly policies: readonly GatingPolicy[];
  /** In the place of `policies`. */
  readonly greenwave?: Greenwave;
  /** Suites that policy.yaml of the registry manifests asks for. */
  readGates(): Promise<readonly string[]>;
  now(): Date;
  readonly settings: GateSettings;
}

/** Name of the policy that nobody has to write: what the repository itself requires. */
export const ownPolicyId = "flibs_required_tests";

export function buildGate(ports: GatePorts): Gate {
  return {
    async ask(build, gates) {
      const decisionContext = ports.settings.context;
      const productVersion = productVersionOf(ports.settings.productVersions, build.branch);
      const about = { decisionContext, productVersion };
      if (build.plan === undefined) {
        return {
          ...about,
          satisfied: false,
          applicablePolicies: [],
          answers: [],
          undecided: `build ${build.id} has not got as far as a plan`,
        };
      }
      const subjects = await readSubjects(ports, build);
      // What is never promoted is held to its own tests only, and by nobody else's policy.
      const wanted = build.scratch ? [] : (gates ?? (await ports.readGates()));
      const own = ownPolicies(build, wanted, decisionContext, subjects.slice(0, 1), subjects);
      const now = ports.now().getTime();
      const policies = build.scratch || ports.greenwave ? own : [...own, ...ports.policies];
      const local = decide({ decisionContexts: [decisionContext], productVersion, subjects, policies, now });
      if ("message" in local) return { ...about, satisfied: false, applicablePolicies: [], answers: [], undecided: local.message };
      if (build.scratch) return { ...about, ...local };
      if (!ports.greenwave) return { ...about, ...covered(local, whyUncovered(ports, productVersion, subjects)) };
      const waivers = subjects.flatMap((one) => one.waivers);
      const remote = await ports.greenwave.ask({ ...about, subjects: subjects.slice(0, 1).map(plain) });
      return { ...about, ...joined(local, remote, waivers, now) };
    },
  };
}

/** Everything that is known of a build, under each of its names: first the one that decisions go by. */
export async function readSubjects({ waivers }: Pick<GatePorts, "waivers">, build: BuildRecord): Promise<readonly DecidedSubject[]> {
  const names = subjectsOf(build);
  const begun = Date.parse(build.createdAt);
  // A name that became free again may have been waived for the build that had it before.
  const known = (await waivers.listOf(names)).filter((one) => one.subject.type !== subjectTypes.nvr || Date.parse(one.timestamp) >= begun);
  const results = gateResults(build);
  return names.map((name, at) => ({
    ...name,
    ...(build.nvr === undefined ? {} : { packageName: build.nvr.name }),
    repositoryName: build.repository.split("/").at(-1) ?? build.repository,
    ...{ results, waivers: known, gating: build.plan?.gating, architectures: architecturesOf(build) },
    ...(at > 0 ? { mayLackPolicy: true } : {}),
  }));
}

/**
 * TR14: where the operators have policies, a build that none of them speaks of is decided about by nobody: whoever owns a repository chooses its branches, and
 * so the product version. One that a policy excludes, or does not list, is spoken of. Undefined when all is well. Pure.
 */
export function whyUncovered(
  { policies, settings }: Pick<GatePorts, "policies" | "settings">,
  productVersion: string,
  subjects: readonly DecisionSubject[],
): string | undefined {
  const subject = subjects.find(({ type }) => sameSubjectType(type, subjectTypes.nvr));
  const question = { decisionContexts: [settings.context], productVersion };
  if (policies.length === 0 || subject === undefined || policies.some((policy) => appliesTo(policy, question, subject))) return undefined;
  return `product version ${productVersion} has no policy of the operators for ${subject.type} at ${settings.context}`;
}

function covered(judgement: Judgement, undecided: string | undefined): Judgement & { undecided?: string } {
  return undecided === undefined ? judgement : { ...judgement, satisfied: false, undecided };
}

/** Its NVR, which scratch builds have none of, and its digest once it has one; a build that has neither goes by its id. */
export function subjectsOf({ id, nvr, digest }: Pick<BuildRecord, "id" | "nvr" | "digest">): readonly DecisionSubject[] {
  const byNvr = nvr === undefined ? [] : [{ type: subjectTypes.nvr, identifier: formatNvr(nvr) }];
  const byDigest = digest === undefined ? [] : [{ type: subjectTypes.digest, identifier: digest }];
  const both = [...byNvr, ...byDigest];
  return both.length > 0 ? both : [{ type: "flibs-build", identifier: id }];
}

/**
 * Required suites and those that policy.yaml asks for, of the subjects `tested`; gating.yaml, whose policies each speak of one kind of subject, of `all`.
 * They need no policy of anybody's to count. Pure.
 */
export function ownPolicies(
  { plan }: Pick<BuildRecord, "plan">,
  gates: readonly string[],
  context: string,
  tested: readonly DecisionSubject[],
  all: readonly DecisionSubject[],
): readonly GatingPolicy[] {
  const required = (plan?.suites ?? []).filter((suite) => suite.required).map((suite) => suite.name);
  const suites = [...new Set([...required, ...gates.filter((gate) => gate !== "signature")])];
  const about = { id: ownPolicyId, productVersions: ["*"], decisionContexts: [context] };
  const typesOf = (subjects: readonly DecisionSubject[]) => [...new Set(subjects.map(({ type }) => type))];
  return [
    { ...about, subjectTypes: typesOf(tested), rules: suites.map((suite) => ({ kind: "test" as const, testcase: testcaseOf(suite) })) },
    { ...about, subjectTypes: typesOf(all), rules: [{ kind: "remote", required: false }] },
  ];
}

/** The other service's word is added to ours; what is waived here need not be waived there as well. */
function joined(
  local: Judgement,
  remote: Judgement | NoPolicy,
  waivers: readonly Waiver[],
  now: number,
): Judgement & { undecided?: string } {
  if ("message" in remote) return { ...local, satisfied: false, undecided: remote.message };
  const answers = remote.answers.map((one): Answer => {
    const isOpen = one.waiver === undefined && (one.kind === "missing" || one.kind === "failed" || one.kind === "errored");
    const waiver = isOpen && one.testcase !== undefined ? findWaiver(waivers, one.testcase, now) : undefined;
    return waiver === undefined ? one : { ...one, waiver };
  });
  const isOpen = ({ kind, waiver }: Answer) => waiver === undefined && !["passed", "excluded", "fetched-gating-yaml"].includes(kind);
  const wasOpen = remote.answers.some(isOpen);
  // A refusal without a reason that could be waived stays one.
  const satisfied = remote.satisfied || (wasOpen && !answers.some(isOpen));
  return {
    satisfied: local.satisfied && satisfied,
    applicablePolicies: [...new Set([...local.applicablePolicies, ...remote.applicablePolicies])],
    answers: [...local.answers, ...answers],
    ...(!satisfied && !wasOpen ? { undecided: "the site's Greenwave does not allow it, and does not say why" } : {}),
  };
}

function plain({ type, identifier, packageName }: DecisionSubject): DecisionSubject {
  return { type, identifier, ...(packageName === undefined ? {} : { packageName }) };
}
