import { appError } from "../domain/errors.ts";
import type { ProposedChange, Pull } from "../forge/forge.ts";
import type { PromotionPorts } from "./promotion-ports.ts";

const mostAttempts = 5;
const mostBranches = 9;

/** What is proposed for one image, whatever it is: how its branches are called and how its pull requests are told apart. */
export interface Proposal<Block extends { readonly repository: string }> {
  readonly imageRepository: string;
  /** Commit of the base branch that it was computed from. */
  readonly base: string;
  /** Branch of the first, second, … place; all but the first are for when people took those before it. */
  branchOf(number: number): string;
  parseBlock(body: string): Block | undefined;
  /** From the block of the open pull request on that branch; `personOwned` is a branch that was left to people. Undefined = better not. */
  make(
    old: Block | undefined,
    personOwned: string | undefined,
    open: readonly Pull[],
  ): Promise<Pick<ProposedChange, "files" | "commitMessage" | "title" | "body"> | undefined>;
}

export interface Placed {
  readonly outcome: "opened" | "updated" | "unchanged";
  readonly branch: string;
  readonly number: number;
  readonly head: string;
  /** The open pull request whose branch people took. */
  readonly leftAlone: Pull | undefined;
}

/** Repeats what is computed from main's head until main stands still. Throws `promotion.base-moves` (transient). */
export async function untilBaseRests<T>(what: string, once: () => Promise<T | "base-moved">): Promise<T> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const result = await once();
    if (result !== "base-moved") return result;
  }
  throw appError("promotion.base-moves", `the base of ${what} moved ${mostAttempts} times`);
}

/**
 * Puts a proposal on the first branch that no person took. Pull requests from forks are strangers', whatever their branches are called.
 * Throws `promotion.branches-taken`.
 */
export async function proposeOnBranch<Block extends { readonly repository: string }>(
  ports: PromotionPorts,
  proposal: Proposal<Block>,
): Promise<Placed | "base-moved" | undefined> {
  const { repository, branch: baseBranch } = ports.settings;
  const { imageRepository, base } = proposal;
  const all = await ports.forge.listPulls(repository, "open");
  const open = all.filter((pull) => pull.baseBranch === baseBranch && !pull.fromFork);
  let personOwned: string | undefined;
  for (let number = 1; number <= mostBranches; number += 1) {
    const branch = proposal.branchOf(number);
    const pull = open.find((one) => one.headBranch === branch);
    const old = pull && proposal.parseBlock(pull.body);
    // `promote/f40/web-2` may be the second branch of f40/web or the first of f40/web-2.
    if (old && old.repository !== imageRepository) continue;
    const change = await proposal.make(old, personOwned, open);
    if (!change) return undefined;
    const outcome = await ports.forge.proposeChange({ repository, branch, baseBranch, baseCommit: base, ...change });
    if (outcome.outcome === "base-moved") return "base-moved";
    if (outcome.outcome === "person-owned") {
      personOwned ??= branch;
      continue;
    }
    return { ...outcome, branch, leftAlone: open.find((one) => one.headBranch === personOwned) };
  }
  throw appError("promotion.branches-taken", `people own ${mostBranches} branches for ${imageRepository}`, {
    hint: `Merge, close or delete ${proposal.branchOf(1)} and its followers`,
  });
}

/** On the pull request whose branch was left to its person: where it goes on. */
export async function sayLeftAlone(ports: PromotionPorts, placed: Placed, what: string): Promise<void> {
  const { leftAlone, number } = placed;
  if (!leftAlone || leftAlone.number === number) return;
  const text = `${what} is proposed in #${number}: the head of this branch is a person's commit and was left alone.`;
  await ports.forge.ensureComment(ports.settings.repository, leftAlone.number, "person-owned", text);
}
