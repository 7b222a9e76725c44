import { appError } from "../../domain/errors.ts";
import { tryMerge } from "../git/merge.ts";
import { checkBranch } from "../git/names.ts";
import { changeRefs, reaches, untilWritten } from "../git/refs.ts";
import type { ForgePeople } from "../person.ts";
import type { Change } from "./delivery.ts";
import { checkPerson } from "./person-name.ts";
import { changeRecord, readStored } from "./pull-changes.ts";
import { branchRef, type PullRecord, pullHeadRef, readSnapshot, recordChange } from "./pull-record.ts";
import { readPullState } from "./pull-state.ts";
import { checkText, findPermission } from "./pulls.ts";
import type { LocalWorld } from "./world.ts";

/** What people do on the local forge, each told to flibs as a delivery afterwards. */
export function localPeople(world: LocalWorld): ForgePeople {
  const { git, repositories } = world;

  /** Throws `forge.denied`. Nobody may speak as flibs. */
  async function demandWrite(repository: string, person: string): Promise<void> {
    checkPerson(person);
    await repositories.path(repository);
    const permission = await findPermission(world, repository, person);
    if (person !== world.identity.name && (permission === "write" || permission === "admin")) return;
    throw appError("forge.denied", `${person} may not write to ${repository}`, {
      hint: person === world.identity.name ? "This name is kept for flibs itself" : "Ask an operator to be added to the writers",
    });
  }

  return {
    createRepository: (repository) => repositories.create(repository),
    listRepositories: () => repositories.list(),
    async openPull(request) {
      const { repository, headBranch, baseBranch, title, body, person } = request;
      await demandWrite(repository, person);
      checkText(title, 500);
      checkText(body);
      const path = await repositories.path(repository);
      let change: Change | undefined;
      const number = await untilWritten("the list of pull requests", async () => {
        const { refs, pulls } = await readSnapshot(git, path);
        const [head, base] = [headBranch, baseBranch].map((branch) => {
          const commit = refs.get(branchRef(checkBranch(branch)));
          if (commit === undefined)
            throw appError("forge.branch-unknown", `${repository} has no branch ${branch}`, { hint: "Push it first" });
          return commit;
        }) as [string, string];
        for (const { record } of pulls) {
          const same = record.headBranch === headBranch && record.baseBranch === baseBranch && record.state === "open";
          if (!same || (await readPullState(git, path, record, refs)).state !== "open") continue;
          throw appError("forge.pull-empty", `#${record.number} is open for ${headBranch} already`, {
            hint: "Push to the branch to update it",
          });
        }
        if (await reaches(git, path, head, base)) {
          throw appError("forge.pull-empty", `${baseBranch} has everything that ${headBranch} has`, { hint: "Commit something to merge" });
        }
        const next = (pulls.at(-1)?.record.number ?? 0) + 1;
        const openedAt = world.now().toISOString();
        const record: PullRecord = {
          ...{ number: next, title, body, author: person, headBranch, baseBranch, baseAtOpen: base, openedAt },
          ...{ state: "open", comments: [] },
        };
        change = { kind: "pull-opened", number: next, head };
        const changes = [await recordChange(git, path, record, undefined), { ref: pullHeadRef(next), from: undefined, to: head }];
        return (await changeRefs(git, path, changes)) ? next : undefined;
      });
      if (change) await world.announce(repository, person, [change]);
      return { number };
    },
    async addComment(repository, number, person, text) {
      await demandWrite(repository, person);
      checkText(text);
      let comment = "";
      await changeRecord(world, repository, number, (record) => {
        comment = String(record.comments.length + 1);
        return { ...record, comments: [...record.comments, { id: comment, author: person, text, at: world.now().toISOString() }] };
      });
      await world.announce(repository, person, [{ kind: "comment-added", number, comment, text }]);
    },
    async mergePull(repository, number, person, head) {
      await demandWrite(repository, person);
      const merged = await untilWritten(`the base of #${number}`, () => merge(world, repository, number, person, head));
      const { base, mergeCommit } = merged;
      await world.announce(repository, person, [
        { kind: "branch-pushed", branch: base, after: mergeCommit },
        { kind: "pull-merged", number, base, mergeCommit },
      ]);
      return { mergeCommit };
    },
    async closePull(repository, number, person) {
      await demandWrite(repository, person);
      const done = await untilWritten(`pull request #${number}`, async () => {
        const { record, blob, path, refs } = await readStored(world, repository, number);
        const now = await readPullState(git, path, record, refs);
        if (now.state === "merged") throw appError("forge.pull-closed", `#${number} of ${repository} is merged already`);
        if (record.state === "closed") return "closed already";
        const next: PullRecord = { ...record, state: "closed", endedBy: person };
        const head = { ref: pullHeadRef(number), from: refs.get(pullHeadRef(number)), to: now.head };
        return (await changeRefs(git, path, [head, await recordChange(git, path, next, blob)])) ? "closed" : undefined;
      });
      if (done === "closed") await world.announce(repository, person, [{ kind: "pull-closed", number }]);
    },
  };
}

/** One try: base branch and record move together, only when neither branch moved meanwhile. */
async function merge(
  world: LocalWorld,
  repository: string,
  number: number,
  person: string,
  wanted: string | undefined,
): Promise<{ base: string; mergeCommit: string } | undefined> {
  const { git } = world;
  const { record, blob, path, refs } = await readStored(world, repository, number);
  const { state, head, baseHead } = await readPullState(git, path, record, refs);
  if (state !== "open") throw appError("forge.pull-closed", `#${number} of ${repository} is ${state} already`);
  if (wanted !== undefined && wanted !== head) {
    throw appError(
      "forge.pull-unmergeable",
      `the branch of #${number} of ${repository} has moved from ${wanted.slice(0, 12)} to ${head.slice(0, 12)}`,
      {
        hint: "Look at it again before you merge it",
      },
    );
  }
  if (await reaches(git, path, head, baseHead))
    throw appError("forge.pull-unmergeable", `#${number} of ${repository} has nothing to merge`);
  const trial = await tryMerge(git, path, baseHead, head);
  if ("conflicts" in trial) {
    const where =
      trial.conflicts.length === 0 ? "the branches have no commit in common" : `conflicts in ${trial.conflicts.slice(0, 10).join(", ")}`;
    throw appError("forge.pull-unmergeable", `#${number} of ${repository} cannot be merged: ${where}`, {
      hint: `Merge ${record.baseBranch} into ${record.headBranch}, mend the conflicts and push`,
    });
  }
  const date = `@${Math.trunc(world.now().getTime() / 1000)} +0000`;
  const who = { NAME: person, EMAIL: `${person.replaceAll("@", ".")}@localhost`, DATE: date };
  const env = Object.fromEntries(
    ["AUTHOR", "COMMITTER"].flatMap((role) => Object.entries(who).map(([key, value]) => [`GIT_${role}_${key}`, value])),
  );
  const input = `Merge pull request #${number} from ${record.headBranch}\n\n${record.title}\n`;
  const mergeCommit = (await git.run(path, ["commit-tree", trial.tree, "-p", baseHead, "-p", head], { input, env })).text.trim();
  const next: PullRecord = { ...record, state: "merged", mergeCommit, endedBy: person };
  const written = await changeRefs(git, path, [
    { ref: branchRef(record.baseBranch), from: baseHead, to: mergeCommit },
    { ref: branchRef(record.headBranch), from: head, to: head },
    { ref: pullHeadRef(number), from: refs.get(pullHeadRef(number)), to: head },
    await recordChange(git, path, next, blob),
  ]);
  return written ? { base: record.baseBranch, mergeCommit } : undefined;
}
