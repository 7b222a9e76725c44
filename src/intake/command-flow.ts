import { z } from "zod";
import { appError } from "../domain/errors.ts";
import { type Flow, isFinal } from "../workflow/run.ts";
import { type Step, Suspended } from "../workflow/step.ts";
import { carryOut } from "./command-actions.ts";
import { CommandIntent, PullFacts, type Told } from "./command-intent.ts";
import type { CommandPorts } from "./command-ports.ts";
import { formatAnswer, type Outcome } from "./commands/answer.ts";
import { formatHelp, formatHelpAbout } from "./commands/help-text.ts";
import { leadOf, parseComment } from "./commands/parse-comment.ts";
import { type CommandFacts, mayRun } from "./commands/permission.ts";
import { branchOfRights, judgeTrust } from "./trust.ts";

const waitMs = 15_000;

/**
 * Carries out the commands of one comment, in their order, each once. The permission is asked for here and now; what is started is asked again when it
 * begins. A reaction says that the comment was seen and how it went; at most one comment answers it, edited in place. One more says when it was flibs
 * that failed.
 */
export function commandFlow(ports: CommandPorts): Flow<CommandIntent> {
  return {
    name: "command",
    intent: CommandIntent,
    async run(step, intent) {
      const facts = await step("facts", PullFacts, () => readFacts(ports, intent));
      await step("seen", z.null(), () => react(ports, intent, "seen"));
      const outcomes = await carryOutAll(ports, step, intent, facts);
      const { replies, comments } = ports.settings;
      const answer = (told: readonly Outcome[]) => formatAnswer(told, replies, leadOf(comments));
      await step("answer", z.null(), () => say(ports, intent, answer(outcomes.map(({ outcome }) => outcome))));
      const isWell = outcomes.every(({ outcome }) => outcome.kind === "accepted" || outcome.kind === "help");
      await step("react", z.null(), () => react(ports, intent, isWell ? "done" : "refused"));
      if (replies === "quiet" || outcomes.every(({ run }) => run === undefined)) return;
      const ended = await step("wait", z.array(z.string().nullable()), () => endsOf(ports, outcomes));
      const final = outcomes.map(({ outcome }, n) => withEnd(outcome, ended[n] ?? undefined));
      await step("answer at the end", z.null(), () => say(ports, intent, answer(final)));
    },
    async finish(step, intent, ending) {
      if (ending.status !== "failed") return;
      const words = `Your command could not be carried out. This is not your fault; the operators find it as run ${step.run}.`;
      // Beside what was told already: a refusal's line to paste must not be lost.
      await step("say failure", z.null(), () => say(ports, intent, words, " failure"));
      await step("react failure", z.null(), () => react(ports, intent, "refused"));
    },
  };
}

async function carryOutAll(ports: CommandPorts, step: Step, intent: CommandIntent, first: PullFacts): Promise<readonly Told[]> {
  const { commands, problems } = parseComment(intent.text, ports.settings.comments);
  const told: Told[] = problems.map(({ problem, line }) => ({ outcome: { kind: "error", problem, line } }));
  let facts = first;
  for (const found of commands) {
    const { command, line, lead } = found;
    const known = commandFacts(ports, intent, facts);
    const may = mayRun(command, known, lead);
    if (!may.ok) {
      told.push({ outcome: { kind: "refused", command, refusal: may.refusal, line } });
    } else if (command.verb === "help") {
      const { prefix, prefixOnly } = ports.settings.comments;
      const style = { lead, ...(prefix === undefined || prefixOnly === true ? {} : { prefix }) };
      const text = command.about === undefined ? formatHelp(known, style) : formatHelpAbout(command.about, lead);
      told.push({ outcome: { kind: "help", text, line } });
    } else {
      const done = await carryOut(ports, step, intent, facts, found);
      told.push(done);
      if (command.verb === "ok-to-test" && done.outcome.kind === "accepted") facts = { ...facts, approved: true };
    }
  }
  return told;
}

function commandFacts(ports: CommandPorts, { place, repository, actor }: CommandIntent, facts: PullFacts): CommandFacts {
  const { state, author, head, permission, base, approved } = facts;
  return {
    ...{ place, repository, manifests: ports.settings.manifests, state, actor, permission, head },
    pullAuthor: author,
    isTrustedPull: base === null,
    ...(approved ? { approval: { sha: head } } : {}),
  };
}

async function readFacts(ports: CommandPorts, intent: CommandIntent): Promise<PullFacts> {
  const { forge, approvals, isBuilt } = ports;
  const { repository, number, actor } = intent;
  const policy = { isBuilt, manifests: ports.settings.manifests };
  const pull = await forge.findPull(repository, number);
  if (pull === undefined) throw appError("builds.pull-moved", `${repository} has no pull request #${number} any more`);
  const here = await forge.findPermission(repository, actor, branchOfRights(policy, repository, pull.baseBranch));
  const manifests = repository === policy.manifests ? here : await forge.findPermission(policy.manifests, actor);
  const trust = await judgeTrust({ forge, approvals, ...policy }, pull);
  const saidAt = await findTime(ports, intent);
  return {
    ...{ state: pull.state, author: pull.author, head: pull.head, baseBranch: pull.baseBranch, body: pull.body },
    ...{ headBranch: pull.headBranch, fromFork: pull.fromFork },
    permission: { here, manifests },
    base: trust.kind === "stranger" ? trust.base : null,
    approved: trust.kind === "stranger" && trust.approval !== undefined,
    ...(saidAt === undefined ? {} : { saidAt }),
  };
}

/** Of what may be carried out long after it was written, and must not be about what came meanwhile. */
async function findTime({ forge, settings }: CommandPorts, { repository, number, comment, text }: CommandIntent) {
  const isWaiving = parseComment(text, settings.comments).commands.some(({ command: { verb } }) => verb === "waive" || verb === "unwaive");
  return isWaiving ? (await forge.listComments(repository, number)).find(({ id }) => id === comment)?.at : undefined;
}

async function react({ forge }: CommandPorts, { repository, number, comment }: CommandIntent, reaction: "seen" | "done" | "refused") {
  await forge.react(repository, number, comment, reaction);
  return null;
}

/** Nothing to say is said by nothing. */
async function say(
  { forge }: CommandPorts,
  { repository, number, comment }: CommandIntent,
  text: string | undefined,
  more = "",
): Promise<null> {
  if (text !== undefined) await forge.ensureComment(repository, number, `command ${comment}${more}`, text);
  return null;
}

/** How the runs that were started ended; while one is at work this run sleeps, and holds nothing meanwhile. */
async function endsOf(ports: CommandPorts, told: readonly Told[]): Promise<(string | null)[]> {
  const ends: (string | null)[] = [];
  for (const { run } of told) {
    const found = run === undefined ? undefined : await ports.runs.find(run);
    if (found && !isFinal(found.status)) throw new Suspended(`run ${found.id}`, waitMs);
    ends.push(found === undefined ? null : `[run ${found.id}](${ports.pageOf(found.id)}) ended: ${endWords(found)}`);
  }
  return ends;
}

function endWords(run: { readonly status: string; readonly error?: { readonly code: string } }): string {
  return run.status === "failed" ? `failed (\`${run.error?.code ?? "unknown"}\`)` : run.status;
}

function withEnd(outcome: Outcome, end: string | undefined): Outcome {
  return outcome.kind === "accepted" && end !== undefined ? { ...outcome, says: end, finished: true } : outcome;
}
