import { createHash } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { appError } from "../../src/domain/errors.ts";
import type { ForgeEvent } from "../../src/forge/event.ts";
import type { CommitStatus, Forge, Pull, PullComment, Reaction } from "../../src/forge/forge.ts";
import { type Change, eventOf, parseDelivery, verifyDelivery } from "../../src/forge/local/delivery.ts";
import type { Permission } from "../../src/forge/permission.ts";
import type { ForgePeople } from "../../src/forge/person.ts";
import { mergeBases } from "../support/merge-bases.ts";

type Files = Readonly<Record<string, string>>;

interface FakeCommit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly files: Files;
}

interface FakePull extends Omit<Pull, "head" | "baseHead" | "mergeable"> {
  /** Set when it ended. */
  readonly lastHead?: string;
  readonly comments: readonly (PullComment & { readonly key?: string })[];
}

interface FakeRepository {
  readonly heads: Map<string, string>;
  readonly commits: Map<string, FakeCommit>;
  readonly pulls: FakePull[];
  readonly statuses: Map<string, CommitStatus[]>;
  /** Last head of ours by branch. */
  readonly proposals: Map<string, string>;
}

/** A forge whose repositories stand in memory; obeys the contract of `test/contract/forge.contract.ts`. */
export interface FakeForge extends Forge, ForgePeople {
  /** A person's commit on top of a branch (begun at `from`, or as a first commit); null deletes a file. Returns the commit. */
  commit(repository: string, branch: string, files: Readonly<Record<string, string | null>>, from?: string): string;
  deleteBranch(repository: string, branch: string): void;
  /** Everything that happened, in order: what deliveries would have told. */
  readonly events: readonly ForgeEvent[];
  /** Deliveries are signed with these. */
  readonly secrets: string[];
  readonly admins: Set<string>;
  /** Ours, by `namespace/name #number comment`. */
  readonly reactions: ReadonlyMap<string, Reaction>;
  /** Roles other than write, by person, by `namespace/name person` for one repository, or `namespace/name person branch`. */
  readonly roles: Map<string, Permission>;
}

export function fakeForge(options: { readonly name?: string; readonly now?: () => Date } = {}): FakeForge {
  const name = options.name ?? "local";
  const now = options.now ?? (() => new Date("2024-01-01T00:00:00Z"));
  const repositories = new Map<string, FakeRepository>();
  const events: ForgeEvent[] = [];
  const admins = new Set<string>();
  const reactions = new Map<string, Reaction>();
  const roles = new Map<string, Permission>();
  const secrets = ["fake forge"];

  const tell = (repository: string, actor: string, change: Change) => events.push(eventOf({ forge: name, repository, actor }, change));
  function at(repository: string): FakeRepository {
    const found = repositories.get(repository);
    if (found) return found;
    throw appError("forge.repository-unknown", `there is no repository ${repository}`);
  }
  function commitAt(repository: string, id: string): FakeCommit {
    const commit = at(repository).commits.get(id);
    if (commit) return commit;
    throw appError("forge.commit-unknown", `${repository} has no commit ${id}`);
  }
  function pullAt(repository: string, number: number): FakePull {
    const pull = at(repository).pulls[number - 1];
    if (pull) return pull;
    throw appError("forge.pull-unknown", `${repository} has no pull request #${number}`);
  }
  function replace(pull: FakePull): void {
    at(pull.repository).pulls[pull.number - 1] = pull;
  }
  function addCommit(repository: string, parents: readonly string[], files: Files, message: string): string {
    const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
    const id = createHash("sha1")
      .update(JSON.stringify([parents, sorted, message]))
      .digest("hex");
    at(repository).commits.set(id, { id, parents, files: sorted });
    return id;
  }
  function move(repository: string, branch: string, head: string, actor: string): void {
    at(repository).heads.set(branch, head);
    tell(repository, actor, { kind: "branch-pushed", branch, after: head });
    for (const pull of at(repository).pulls) {
      if (pull.state === "open" && pull.headBranch === branch) tell(repository, actor, { kind: "pull-updated", number: pull.number, head });
    }
  }
  /** Newest first: the commit itself and all that it can reach. */
  function ancestors(repository: string, id: string): readonly FakeCommit[] {
    const seen = new Set<string>();
    const queue = [id];
    for (const one of queue) {
      if (seen.has(one)) continue;
      seen.add(one);
      queue.push(...(at(repository).commits.get(one)?.parents ?? []));
    }
    return [...seen].flatMap((one) => at(repository).commits.get(one) ?? []);
  }
  const reaches = (repository: string, ancestor: string, descendant: string) =>
    ancestors(repository, descendant).some((one) => one.id === ancestor);
  /** Whole files in a three-way merge; undefined = conflict. */
  function merged(repository: string, base: string, head: string): Files | undefined {
    const known = new Set(ancestors(repository, base).map((one) => one.id));
    const common = ancestors(repository, head).find((one) => known.has(one.id))?.files ?? {};
    const [ours, theirs] = [commitAt(repository, base).files, commitAt(repository, head).files];
    const result: Record<string, string> = {};
    for (const path of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
      const [was, mine, other] = [common[path], ours[path], theirs[path]];
      if (mine !== was && other !== was && mine !== other) return undefined;
      const text = mine === was ? other : mine;
      if (text !== undefined) result[path] = text;
    }
    return result;
  }
  function view({ comments: _, lastHead, ...pull }: FakePull): Pull {
    const head = lastHead ?? at(pull.repository).heads.get(pull.headBranch) ?? "";
    const baseHead = at(pull.repository).heads.get(pull.baseBranch) ?? "";
    return { ...pull, head, baseHead, mergeable: pull.state === "open" && merged(pull.repository, baseHead, head) !== undefined };
  }
  function addPull(repository: string, request: Pick<FakePull, "title" | "body" | "author" | "headBranch" | "baseBranch">): number {
    const number = at(repository).pulls.length + 1;
    at(repository).pulls.push({
      repository,
      number,
      ...request,
      fromFork: false,
      state: "open",
      openedAt: now().toISOString(),
      comments: [],
    });
    tell(repository, request.author, { kind: "pull-opened", number, head: at(repository).heads.get(request.headBranch) ?? "" });
    return number;
  }

  return {
    name,
    sourceUrl: (repository) => `https://forge.example.test/${repository}.git`,
    pullUrl: () => undefined,
    compareUrl: (repository, from, to) => `https://forge.example.test/${repository}/compare/${from}...${to}`,
    capabilities: {
      reactions: true,
      editableComments: true,
      maxBodyLength: 65_536,
      annotations: true,
      summaries: true,
      deliveryRecord: false,
    },
    events,
    secrets,
    admins,
    reactions,
    roles,
    commit(repository, branch, files, from) {
      const { heads } = at(repository);
      const parent = heads.get(branch) ?? (from === undefined ? undefined : heads.get(from));
      const next = { ...(parent === undefined ? {} : commitAt(repository, parent).files) };
      for (const [path, text] of Object.entries(files)) {
        if (text === null) delete next[path];
        else next[path] = text;
      }
      const id = addCommit(repository, parent === undefined ? [] : [parent], next, `change ${branch}`);
      move(repository, branch, id, "bob");
      return id;
    },
    deleteBranch(repository, branch) {
      at(repository).heads.delete(branch);
      tell(repository, "bob", { kind: "branch-pushed", branch });
    },
    findHead: async (repository, branch) => repositories.get(repository)?.heads.get(branch),
    async findFile(repository, commit, path) {
      const { files } = commitAt(repository, commit);
      return Object.hasOwn(files, path) ? new TextEncoder().encode(files[path]) : undefined;
    },
    async listFiles(repository, commit, directory) {
      const files = Object.entries(commitAt(repository, commit).files).filter(
        ([path]) => directory === "" || path.startsWith(`${directory}/`),
      );
      return files
        .map(([path, text]) => ({ path, blob: createHash("sha1").update(text).digest("hex"), size: Buffer.byteLength(text) }))
        .sort((a, b) => (a.path < b.path ? -1 : 1));
    },
    async checkout(repository, commit, directory, maxBytes) {
      const files = Object.entries(commitAt(repository, commit).files);
      const total = files.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
      if (total > maxBytes)
        throw appError("forge.tree-too-large", `the files of commit ${commit} are ${total} bytes, the limit is ${maxBytes}`);
      await mkdir(directory, { recursive: true });
      if ((await readdir(directory)).length > 0) return;
      for (const [path, text] of files) {
        await mkdir(dirname(join(directory, path)), { recursive: true });
        await writeFile(join(directory, path), text);
      }
    },
    async diff(repository, from, to, paths, maxBytes) {
      const [old, fresh] = [commitAt(repository, from).files, commitAt(repository, to).files];
      const lines = (sign: string, text: string | undefined) => (text ?? "").replace(/^(?=[\s\S])/gm, sign);
      const changed = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].filter((path) => old[path] !== fresh[path]).sort();
      const named = changed.filter((path) => paths.length === 0 || paths.some((one) => path === one || path.startsWith(`${one}/`)));
      const text = named.map((path) => `--- a/${path}\n+++ b/${path}\n${lines("-", old[path])}${lines("+", fresh[path])}`).join("");
      return Buffer.from(text).subarray(0, maxBytes).toString();
    },
    isAncestor: async (repository, ancestor, descendant) => repositories.has(repository) && reaches(repository, ancestor, descendant),
    async listMergeBases(repository, a, b) {
      commitAt(repository, a);
      commitAt(repository, b);
      return mergeBases((id) => at(repository).commits.get(id)?.parents ?? [], a, b);
    },
    async fileHistory(repository, head, path, limit) {
      const { commits } = at(repository);
      commitAt(repository, head);
      const changed = ancestors(repository, head).filter(
        (one) => one.parents.length < 2 && one.files[path] !== commits.get(one.parents[0] ?? "")?.files[path],
      );
      return changed.slice(0, limit).map((one) => one.id);
    },
    async setStatus(repository, commit, status) {
      commitAt(repository, commit);
      const known = at(repository).statuses.get(commit) ?? [];
      const place = known.findIndex((one) => one.name === status.name);
      at(repository).statuses.set(commit, place < 0 ? [...known, status] : known.with(place, status));
    },
    listStatuses: async (repository, commit) => at(repository).statuses.get(commit) ?? [],
    async findPull(repository, number) {
      const pull = repositories.get(repository)?.pulls[number - 1];
      return pull && view(pull);
    },
    async listPulls(repository, state) {
      const pulls = repositories.get(repository)?.pulls ?? [];
      return pulls.filter((pull) => state === "all" || pull.state === state).map(view);
    },
    async *listMergedPulls(repository) {
      const pulls = repositories.get(repository)?.pulls ?? [];
      yield* pulls
        .filter((pull) => pull.state === "merged")
        .map(view)
        .reverse();
    },
    listComments: async (repository, number) => pullAt(repository, number).comments.map(({ key: _, ...comment }) => comment),
    async ensureComment(repository, number, key, text) {
      const pull = pullAt(repository, number);
      const place = pull.comments.findIndex((one) => one.key === key);
      const id = String(place < 0 ? pull.comments.length + 1 : place + 1);
      const comment = { id, author: "flibs", text, at: now().toISOString(), key };
      if (pull.comments[place]?.text === text) return;
      replace({ ...pull, comments: place < 0 ? [...pull.comments, comment] : pull.comments.with(place, comment) });
    },
    async react(repository, number, comment, reaction) {
      pullAt(repository, number);
      reactions.set(`${repository} #${number} ${comment}`, reaction);
    },
    async proposeChange(change) {
      const { repository, branch, baseBranch, baseCommit, title, body } = change;
      const { heads, pulls, proposals } = at(repository);
      if (heads.get(baseBranch) !== baseCommit) return { outcome: "base-moved" };
      const head = heads.get(branch);
      const open = pulls.find((pull) => pull.state === "open" && pull.headBranch === branch);
      if (head !== undefined && head !== proposals.get(branch) && !reaches(repository, head, baseCommit)) {
        return { outcome: "person-owned", number: open?.number, head };
      }
      const next = addCommit(
        repository,
        [baseCommit],
        { ...commitAt(repository, baseCommit).files, ...change.files },
        change.commitMessage,
      );
      if (open && head === next && open.title === title && open.body === body) return { outcome: "unchanged", number: open.number, head };
      proposals.set(branch, next);
      if (head !== next) move(repository, branch, next, "flibs");
      if (open) replace({ ...open, title, body });
      const number = open?.number ?? addPull(repository, { title, body, author: "flibs", headBranch: branch, baseBranch });
      return { outcome: open ? "updated" : "opened", number, head: next };
    },
    async findPermission(repository, person, branch) {
      if (!repositories.has(repository)) return "none";
      if (admins.has(person)) return "admin";
      const there = branch === undefined ? undefined : roles.get(`${repository} ${person} ${branch}`);
      return there ?? roles.get(`${repository} ${person}`) ?? roles.get(person) ?? "write";
    },
    verifyDelivery: (delivery) => verifyDelivery(delivery, secrets),
    parseDelivery: async (delivery) => parseDelivery(delivery, name),
    findLostDeliveries: async () => ({ lost: [], cursor: "" }),
    async changesSince(cursor) {
      if (cursor !== undefined) {
        // A sweep does not hear flibs itself.
        const since = events.slice(Number(cursor)).filter((event) => event.kind !== "comment-added" || event.actor !== "flibs");
        return { events: since, cursor: String(events.length) };
      }
      const all: ForgeEvent[] = [];
      for (const [repository, { heads, pulls }] of repositories) {
        const common = { forge: name, repository, actor: "unknown" };
        for (const [branch, after] of heads) all.push({ ...common, kind: "branch-pushed", branch, after });
        for (const pull of pulls.map(view)) {
          if (pull.state === "open") all.push({ ...common, kind: "pull-opened", number: pull.number, head: pull.head });
        }
      }
      return { events: all, cursor: String(events.length) };
    },
    async createRepository(repository) {
      const fresh = { heads: new Map(), commits: new Map(), pulls: [], statuses: new Map(), proposals: new Map() };
      if (!repositories.has(repository)) repositories.set(repository, fresh);
    },
    listRepositories: async () => [...repositories.keys()].sort(),
    async openPull({ repository, headBranch, baseBranch, title, body, person }) {
      const { heads } = at(repository);
      for (const branch of [headBranch, baseBranch]) {
        if (!heads.has(branch)) throw appError("forge.branch-unknown", `${repository} has no branch ${branch}`);
      }
      return { number: addPull(repository, { title, body, author: person, headBranch, baseBranch }) };
    },
    async addComment(repository, number, person, text) {
      const pull = pullAt(repository, number);
      const id = String(pull.comments.length + 1);
      replace({ ...pull, comments: [...pull.comments, { id, author: person, text, at: now().toISOString() }] });
      tell(repository, person, { kind: "comment-added", number, comment: id, text });
    },
    async mergePull(repository, number, person, wanted) {
      const pull = pullAt(repository, number);
      const { state, head, baseHead, baseBranch, headBranch } = view(pull);
      if (state !== "open") throw appError("forge.pull-closed", `#${number} of ${repository} is ${state} already`);
      if (wanted !== undefined && wanted !== head)
        throw appError("forge.pull-unmergeable", `the branch of #${number} of ${repository} has moved`);
      const files = merged(repository, baseHead, head);
      if (files === undefined) throw appError("forge.pull-unmergeable", `#${number} of ${repository} cannot be merged: conflicts`);
      const mergeCommit = addCommit(repository, [baseHead, head], files, `Merge pull request #${number} from ${headBranch}`);
      replace({ ...pull, state: "merged", mergeCommit, lastHead: head });
      move(repository, baseBranch, mergeCommit, person);
      tell(repository, person, { kind: "pull-merged", number, base: baseBranch, mergeCommit });
      return { mergeCommit };
    },
    async closePull(repository, number, person) {
      const pull = pullAt(repository, number);
      if (pull.state === "merged") throw appError("forge.pull-closed", `#${number} of ${repository} is merged already`);
      if (pull.state === "closed") return;
      replace({ ...pull, state: "closed", lastHead: view(pull).head });
      tell(repository, person, { kind: "pull-closed", number });
    },
  };
}
