import type { Digest } from "../domain/digest.ts";
import { type DecidedSubject, decide, type Judgement, type NoPolicy } from "../gating/decide.ts";
import { formatDecision, type Material } from "../gating/decision-json.ts";
import { type DecisionSubject, sameSubjectType } from "../gating/policy.ts";
import type { BuildRecord, BuildStore } from "./build-record.ts";
import { type DecisionRequest, isDigestSubject, isNvrType, readDecisionRequest, readNvr } from "./decision-request.ts";
import { buildGate, type GatePorts, ownPolicies, readSubjects, whyUncovered } from "./gate.ts";

export interface DecisionPorts extends GatePorts {
  readonly builds: Pick<BuildStore, "find" | "findByNvr" | "findByDigest">;
}

export interface DecisionAnswer {
  readonly status: 200 | 400 | 404;
  readonly body: object;
}

/**
 * Answers whoever asks as they would ask Greenwave: by the operators' policies, the gating.yaml and the required tests of the build's own commit.
 * At flibs' own decision context the answer is the very one that promotions go by. TR14: no policy is 404. Throws what the gate throws.
 */
export async function answerDecision(ports: DecisionPorts, body: unknown): Promise<DecisionAnswer> {
  const request = readDecisionRequest(body);
  if ("message" in request) return { status: 400, body: request };
  const groups = await readGroups(ports, request);
  const isOwn = isOwnQuestion(ports, request);
  const gates = isOwn && groups.some(({ build }) => build !== undefined && !build.scratch) ? await ports.readGates() : [];
  const judgements: Judgement[] = [];
  for (const group of groups) {
    const judgement = await judge(ports, request, group, isOwn ? gates : undefined);
    if ("message" in judgement) return { status: 404, body: judgement };
    judgements.push(judgement);
  }
  const all: Judgement = {
    satisfied: judgements.every(({ satisfied }) => satisfied),
    applicablePolicies: [...new Set(judgements.flatMap(({ applicablePolicies }) => applicablePolicies))],
    answers: judgements.flatMap(({ answers }) => answers),
  };
  return { status: 200, body: formatDecision(all, request.verbose ? materialOf(groups.flatMap(({ asked }) => asked)) : undefined) };
}

/** The subjects of a request that are one build, or one that was not built here. */
interface Group {
  readonly asked: readonly DecidedSubject[];
  /** Further names of the build, which its gating.yaml may speak of. */
  readonly others: readonly DecidedSubject[];
  readonly build?: BuildRecord;
}

async function readGroups(ports: DecisionPorts, { subjects }: DecisionRequest): Promise<readonly Group[]> {
  const groups = new Map<string, Group>();
  for (const subject of subjects) {
    const build = await findBuild(ports, subject);
    if (build === undefined) {
      const waivers = await ports.waivers.listOf([subject]);
      const unknown = { ...subject, results: [], waivers, gating: undefined, architectures: [] };
      groups.set(JSON.stringify([subject.type, subject.identifier]), { asked: [unknown], others: [] });
      continue;
    }
    const known = groups.get(build.id);
    const names = known?.others ?? (await readSubjects(ports, build));
    const [about] = known?.asked ?? names;
    const { mayLackPolicy: _, ...facts } = { results: [], waivers: [], gating: undefined, architectures: [], ...about };
    const others = names.filter(({ type }) => !sameSubjectType(type, subject.type)).map((one) => ({ ...one, mayLackPolicy: true }));
    groups.set(build.id, { build, asked: [...(known?.asked ?? []), { ...facts, ...subject }], others });
  }
  return [...groups.values()];
}

/** By the policies for this build alone. `gates` are of policy.yaml, and given for questions at flibs' own context. */
async function judge(
  ports: DecisionPorts,
  request: DecisionRequest,
  { build, asked, others }: Group,
  gates: readonly string[] | undefined,
): Promise<Judgement | NoPolicy> {
  if (ports.greenwave && build && gates && request.when === undefined) {
    const { undecided, ...judgement } = await buildGate(ports).ask(build, gates);
    return undecided === undefined ? judgement : { message: undecided };
  }
  const isGated = build !== undefined && !build.scratch && gates !== undefined;
  const subjects = isGated ? [...asked, ...others] : asked;
  // What a build's own repository requires is a policy of flibs' context, for that build alone.
  const own = isGated ? ownPolicies(build, gates, ports.settings.context, asked, subjects) : [];
  const uncovered = isGated && !ports.greenwave ? whyUncovered(ports, request.productVersion, subjects) : undefined;
  if (uncovered !== undefined) return { message: uncovered };
  const policies = [...own, ...(ports.greenwave ? [] : ports.policies)];
  return decide({ ...request, subjects, policies, now: request.when ?? ports.now().getTime() });
}

async function findBuild({ builds }: DecisionPorts, subject: DecisionSubject): Promise<BuildRecord | undefined> {
  if (isNvrType(subject.type)) {
    const nvr = readNvr(subject.identifier);
    return nvr && (await builds.findByNvr(nvr));
  }
  if (!isDigestSubject(subject)) return undefined;
  const found = await builds.findByDigest(subject.identifier as Digest);
  return found && (await builds.find(found.id));
}

function isOwnQuestion({ settings }: DecisionPorts, { decisionContexts, rules }: DecisionRequest): boolean {
  return rules === undefined && decisionContexts.includes(settings.context);
}

function materialOf(subjects: readonly DecidedSubject[]): Material {
  const waivers = new Map(subjects.flatMap((subject) => subject.waivers.map((one) => [one.id, one] as const)));
  return {
    results: subjects.flatMap((subject) => subject.results.map((result) => ({ subject, result }))),
    waivers: [...waivers.values()].sort((a, b) => b.id - a.id),
  };
}
