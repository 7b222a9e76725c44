import type { BuildRecord } from "../../src/builds/build-record.ts";
import { matchesBranch } from "../../src/domain/branch-pattern.ts";
import type { Approval } from "../../src/intake/approvals.ts";
import { commandFlow } from "../../src/intake/command-flow.ts";
import type { CommandIntent } from "../../src/intake/command-intent.ts";
import type { CommandPorts } from "../../src/intake/command-ports.ts";
import { isProposalBranch } from "../../src/promotion/registry-manifest.ts";
import { fakeBuildStore } from "../fakes/build-store.ts";
import { fakeForge } from "../fakes/forge.ts";
import { fakeRuns } from "../fakes/runs.ts";
import { memoryGate } from "../support/memory-gate.ts";
import { memoryJournal } from "../support/memory-journal.ts";

export const hello = "containers/hello";
export const manifests = "releng/manifests";

/**
 * A pull request of alice onto f42 in a container repository and one of flibs in the registry manifests. Alice may write everywhere, bob in the
 * container repository alone, mallory nowhere.
 */
export async function commandWorld(settings: Partial<CommandPorts["settings"]> = {}) {
  const clock = { at: "2026-11-23T22:00:00Z" };
  const forge = fakeForge({ now: () => new Date(clock.at) });
  const journal = memoryJournal();
  const { builds, records } = fakeBuildStore();
  const { all, runs, end } = fakeRuns();
  const approvals = new Map<string, Approval>();
  for (const repository of [hello, manifests]) {
    await forge.createRepository(repository);
    forge.commit(repository, "f42", { README: "1" });
    forge.commit(repository, "topic", { change: "1" }, "f42");
    forge.commit(repository, "promote/f42/hello", { change: "1" }, "f42");
    forge.roles.set(`${repository} mallory`, "read");
  }
  forge.roles.set(`${manifests} bob`, "read");
  const branches = { headBranch: "topic", baseBranch: "f42", title: "t" };
  const { number } = await forge.openPull({ repository: hello, ...branches, body: "", person: "alice" });
  await forge.openPull({
    repository: manifests,
    ...branches,
    headBranch: "promote/f42/hello",
    body: "promotes b1 of f42/hello",
    person: "flibs",
  });

  const asked: string[] = [];
  const world = {
    /** Thrown by what the next comment asks of the forge's promotions. */
    problem: undefined as Error | undefined,
    promoted: "the promotion of `hello-1-1` is proposed in releng/manifests#7",
  };
  const ask = async (what: string) => {
    asked.push(what);
    if (world.problem) throw world.problem;
    return world.promoted;
  };
  const gating = memoryGate({ now: () => new Date("2026-11-23T22:00:00Z") });
  const lengths = { lengthMs: 30 * 86_400_000, mostMs: 365 * 86_400_000 };
  const ports: CommandPorts = {
    forge,
    approvals: {
      async approve(approval) {
        const { repository, number: pull, head } = approval;
        approvals.set(`${repository} #${pull} ${head}`, { ...approval, at: "2026-11-23T21:00:00Z" });
      },
      findApproval: async (_forge, repository, pull, head) => approvals.get(`${repository} #${pull} ${head}`),
    },
    builds,
    runs,
    promote: (build, by) => ask(`promote ${build} for ${by}`),
    rollback: ({ imageRepository, to, requestedBy }) => ask(`roll ${imageRepository} back to ${to ?? "the one before"} for ${requestedBy}`),
    withdraw: ({ imageRepository, release, reason, to, removeTag, requestedBy }) =>
      ask(
        `withdraw ${imageRepository} ${release} (${reason})${to === undefined ? "" : ` to ${to}`}${removeTag ? " with its tag" : ""} for ${requestedBy}`,
      ),
    waiving: { gate: gating.gate, waivers: gating.waivers, now: () => gating.state.ports.now(), lengths },
    readPromotion: (body, headBranch) => {
      const [, build, imageRepository] = /promotes (\S+) of (\S+)/.exec(body) ?? [];
      return imageRepository === undefined || !isProposalBranch(headBranch, imageRepository) ? undefined : { imageRepository, build };
    },
    isBuilt: (branch) => matchesBranch("f*", branch),
    pageOf: (run) => `http://flibs.test/builds/${run}`,
    settings: { manifests, comments: { prefix: "flibs" }, replies: "quiet", ...settings },
  };
  const flow = commandFlow(ports);

  /** What somebody writes below a pull request. */
  const intentOf = async (actor: string, text: string, repository = hello, pull = number): Promise<CommandIntent> => {
    await forge.addComment(repository, pull, actor, text);
    const comment = (await forge.listComments(repository, pull)).at(-1)?.id ?? "";
    const place = repository === hello ? "containers" : "manifests";
    return { forge: "local", repository, place, number: pull, comment, text, actor };
  };
  const comment = async (actor: string, text: string, repository = hello, pull = number) => {
    const intent = await intentOf(actor, text, repository, pull);
    const id = `command ${repository} #${pull} ${intent.comment}`;
    const outcome = await journal.attempt(flow, id, intent);
    return { id, intent, outcome, reaction: forge.reactions.get(`${repository} #${pull} ${intent.comment}`) };
  };
  /** Ours below a pull request, without what keeps commit ids from becoming links. */
  const replies = async (repository = hello, pull = number) =>
    (await forge.listComments(repository, pull)).filter((one) => one.author === "flibs").map((one) => one.text.replaceAll("\u200b", ""));
  const head = async () => (await forge.findPull(hello, number))?.head ?? "";
  const addBuild = (id: string, change: Partial<BuildRecord> = {}) => {
    const asked = { forge: "local", repository: hello, branch: "f42", commit: "c".repeat(40), scratch: false, requestedBy: "alice" };
    const suites = ["smoke", "slow"].map((name) => ({ name, kind: "command", definition: {}, required: true }));
    const plan = { imageRepository: "f42/hello", platforms: [], parents: [], labels: {}, uniqueTag: "u", floatingTags: [], suites };
    const record: BuildRecord = { ...asked, id, state: "complete", plan, images: [], tests: [], createdAt: "2026-11-23T21:00:00Z" };
    records.set(id, { ...record, ...change });
  };
  const started = () => all.map(({ flow: name, subject, intent }) => ({ flow: name, subject, intent: intent as Record<string, unknown> }));
  return Object.assign(world, {
    ...{ clock, forge, journal, flow, ports, approvals, number, asked, all, runs, end, started, gating, records },
    ...{ intentOf, comment, replies, head, addBuild },
  });
}
