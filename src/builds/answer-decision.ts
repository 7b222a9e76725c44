import type { Digest } from "../domain/digest.ts";
import { type DecidedSubject, decide } from "../gating/decide.ts";
import { formatDecision, type Material } from "../gating/decision-json.ts";
import type { DecisionSubject, GatingPolicy } from "../gating/policy.ts";
import type { BuildRecord, BuildStore } from "./build-record.ts";
import { type DecisionRequest, isDigestSubject, isNvrType, readDecisionRequest, readNvr } from "./decision-request.ts";
import { buildGate, type GatePorts, ownPolicy, readSubjects } from "./gate.ts";

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
  const known = await Promise.all(request.subjects.map((subject) => readKnown(ports, subject)));
  const [only, ...more] = known;
  if (ports.greenwave && only?.build && more.length === 0 && isOwnQuestion(ports, request)) {
    const { undecided, ...judgement } = await buildGate(ports).ask(only.build);
    if (undecided !== undefined) return { status: 404, body: { message: undecided } };
    return { status: 200, body: formatDecision(judgement, request.verbose ? materialOf(known) : undefined) };
  }
  const own = request.rules === undefined ? await ownPolicies(ports, request, known) : [];
  const judgement = decide({
    ...request,
    subjects: known.map(({ subject }) => subject),
    policies: [...own, ...(ports.greenwave ? [] : ports.policies)],
    now: request.when ?? ports.now().getTime(),
  });
  if ("message" in judgement) return { status: 404, body: judgement };
  return { status: 200, body: formatDecision(judgement, request.verbose ? materialOf(known) : undefined) };
}

interface Known {
  readonly subject: DecidedSubject;
  /** Undefined for what was not built here. */
  readonly build?: BuildRecord;
}

async function readKnown(ports: DecisionPorts, subject: DecisionSubject): Promise<Known> {
  const build = await findBuild(ports, subject);
  if (build === undefined) {
    const waivers = await ports.waivers.listOf([subject]);
    return { subject: { ...subject, results: [], waivers, gating: undefined, architectures: [] } };
  }
  const [about] = await readSubjects(ports, build);
  return { build, subject: { results: [], waivers: [], gating: undefined, architectures: [], ...about, ...subject } };
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

function isOwnQuestion({ settings }: DecisionPorts, { decisionContexts, rules, when }: DecisionRequest): boolean {
  return rules === undefined && when === undefined && decisionContexts.includes(settings.context);
}

/** What each build's own repository requires is a policy of flibs' context, for that build alone. */
async function ownPolicies(ports: DecisionPorts, request: DecisionRequest, known: readonly Known[]): Promise<readonly GatingPolicy[]> {
  const { context } = ports.settings;
  const official = known.filter(({ build }) => build !== undefined && !build.scratch);
  if (official.length === 0 || !request.decisionContexts.includes(context)) return [];
  const gates = await ports.readGates();
  const rules = official.flatMap(({ build, subject }) => (build === undefined ? [] : [ownPolicy(build, gates, context, [subject.type])]));
  const [first] = rules;
  // Asked about together they are asked for the tests of all.
  return first === undefined
    ? []
    : [{ ...first, subjectTypes: [...new Set(rules.flatMap((one) => one.subjectTypes))], rules: rules.flatMap((one) => one.rules) }];
}

function materialOf(known: readonly Known[]): Material {
  const waivers = new Map(known.flatMap(({ subject }) => subject.waivers.map((one) => [one.id, one] as const)));
  return {
    results: known.flatMap(({ subject }) => subject.results.map((result) => ({ subject, result }))),
    waivers: [...waivers.values()].sort((a, b) => b.id - a.id),
  };
}
