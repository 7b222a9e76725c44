import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { CommitStatus, Forge, ProposedChange, Pull, Reaction, StatusState } from "../../src/forge/forge.ts";
import type { Permission } from "../../src/forge/permission.ts";

/** What a person does on the forge with its own means (git push, web page, API); names of branches and texts of files. */
export interface ForgePerson {
  /** A commit by a person on top of the branch (created from `from`, or as a first commit); null deletes a file. Returns the commit. */
  commit(branch: string, files: Readonly<Record<string, string | null>>, from?: string): Promise<string>;
  deleteBranch(branch: string): Promise<void>;
  openPull(headBranch: string, baseBranch: string, title: string): Promise<number>;
  comment(number: number, text: string): Promise<void>;
  merge(number: number): Promise<string>;
  close(number: number): Promise<void>;
}

/** What only some forges have; where it is left out, the tests that need it are skipped with a reason. */
export interface ForgeExtras {
  /** Those that the forge knows; all of GitHub's when left out. */
  readonly roles?: readonly Exclude<Permission, "none">[];
  setRole?(person: string, role: Exclude<Permission, "none">): void;
  /** A person's fork with a branch, and a pull request from it to `main`. */
  openPullFromFork?(headBranch: string, files: Readonly<Record<string, string>>): Promise<number>;
  /** Asks an open pull request to be merged into another branch. */
  retarget?(number: number, baseBranch: string): Promise<void>;
  reopen?(number: number): Promise<void>;
  /** Those of flibs. */
  listReactions?(number: number, comment: string): Promise<readonly Reaction[]>;
}

export interface ForgeWorld extends ForgeExtras {
  readonly forge: Forge;
  readonly person: ForgePerson;
  /** An empty repository, `namespace/name`. */
  readonly repository: string;
  close(): Promise<void>;
}

export interface ForgeSubject {
  create(): Promise<ForgeWorld>;
  /** Tests that this forge can't pass, each with the reason. */
  readonly skip?: readonly { readonly name: string; readonly reason: string }[];
}

/** What every forge promises, in the words of the port; call inside a `describe`. */
export function forgeContract(subject: ForgeSubject): void {
  let world: ForgeWorld;
  let forge: Forge;
  let person: ForgePerson;
  let repository: string;

  const it = (name: string, story: () => Promise<void>) => {
    const skipped = subject.skip?.find((one) => one.name === name);
    if (skipped) test.skip(`${name} (${skipped.reason})`, story);
    // Real forges start a git process for each word of a story.
    else test(name, story, 30_000);
  };
  beforeEach(async () => {
    world = await subject.create();
    ({ forge, person, repository } = world);
  });
  afterEach(() => world.close());

  const unknown = "0123456789012345678901234567890123456789";
  /** What a forge whose statuses have room for a line only gives back. */
  const kept = (status: CommitStatus): CommitStatus => (forge.capabilities.summaries ? status : { ...status, summary: "" });
  const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());
  const proposal = (baseCommit: string, more: Partial<ProposedChange> = {}): ProposedChange => ({
    ...{ repository, branch: "promote/f40/cockpit", baseBranch: "main", baseCommit, files: { "images/f40/cockpit.yaml": "new\n" } },
    ...{ commitMessage: "Promote cockpit", title: "Promote cockpit 1-1", body: "what changes", ...more },
  });

  describe("sources", () => {
    it("a branch has the head that was pushed, an unknown one has none", async () => {
      expect(await forge.findHead(repository, "main")).toBeUndefined();
      // Names the repository and carries no credential.
      const source = new URL(forge.sourceUrl(repository));
      const page = forge.compareUrl(repository, "a".repeat(40), "b".repeat(40));
      if (page !== undefined) expect(new URL(page).pathname).toMatch(new RegExp(`/${"a".repeat(40)}[.]{2,3}${"b".repeat(40)}`));
      expect(source.pathname).toMatch(new RegExp(`/${repository}\\.git$`));
      expect([source.username, source.password, source.search, source.hash]).toEqual(["", "", "", ""]);
      const commit = await person.commit("main", { a: "1" });
      expect(await forge.findHead(repository, "main")).toBe(commit);
      expect(await forge.findHead(repository, "other")).toBeUndefined();
      expect(await forge.findHead("containers/unknown", "main")).toBeUndefined();
    });

    it("a file is read at the commit that was named, not at the head", async () => {
      const first = await person.commit("main", { "tests/a": "one\n" });
      const second = await person.commit("main", { "tests/a": "two\n", b: "" });
      expect(text(await forge.findFile(repository, first, "tests/a"))).toBe("one\n");
      expect(text(await forge.findFile(repository, second, "tests/a"))).toBe("two\n");
      expect(text(await forge.findFile(repository, second, "b"))).toBe("");
      expect(await forge.findFile(repository, first, "b")).toBeUndefined();
      expect(await forge.findFile(repository, second, "tests")).toBeUndefined();
      await expect(forge.findFile(repository, unknown, "b")).rejects.toMatchObject({ code: "forge.commit-unknown" });
    });

    it("files below a directory are listed by path, with sizes, and equal bytes have one id", async () => {
      const commit = await person.commit("main", {
        "images/f40/b.yaml": "x\n",
        "images/a.yaml": "x\n",
        "images/f40/c.yaml": "longer\n",
        other: "",
      });
      const files = await forge.listFiles(repository, commit, "images");
      expect(files.map((file) => [file.path, file.size])).toEqual([
        ["images/a.yaml", 2],
        ["images/f40/b.yaml", 2],
        ["images/f40/c.yaml", 7],
      ]);
      expect(files[0]?.blob).toBe(files[1]?.blob);
      expect(await forge.listFiles(repository, commit, "absent")).toEqual([]);
      expect(await forge.listFiles(repository, commit, "")).toHaveLength(4);
    });

    it("reachability, history of a file and the diff between two commits", async () => {
      const first = await person.commit("main", { a: "one\n" });
      const second = await person.commit("main", { b: "other\n" });
      const third = await person.commit("main", { a: "two\n" });
      expect(await forge.isAncestor(repository, first, third)).toBe(true);
      expect(await forge.isAncestor(repository, third, third)).toBe(true);
      expect(await forge.isAncestor(repository, third, first)).toBe(false);
      expect(await forge.isAncestor(repository, unknown, first)).toBe(false);
      expect(await forge.fileHistory(repository, third, "a", 10)).toEqual([third, first]);
      expect(await forge.fileHistory(repository, third, "a", 1)).toEqual([third]);
      const diff = await forge.diff(repository, second, third, ["a"], 10_000);
      expect(diff).toContain("-one\n+two\n");
      expect(await forge.diff(repository, first, second, ["a"], 10_000)).toBe("");
      expect((await forge.diff(repository, second, third, ["a"], 20)).length).toBeLessThanOrEqual(20);
    });
  });

  describe("where two histories parted", () => {
    it("is the commit both have, the older one of the two when it has been merged, and none when they never met", async () => {
      const first = await person.commit("main", { a: "one\n" });
      const topic = await person.commit("topic", { b: "1\n" }, "main");
      const main = await person.commit("main", { a: "two\n" });
      expect(await forge.listMergeBases(repository, main, topic)).toEqual([first]);
      expect(await forge.listMergeBases(repository, topic, main)).toEqual([first]);
      expect(await forge.listMergeBases(repository, first, main)).toEqual([first]);
      expect(await forge.listMergeBases(repository, main, main)).toEqual([main]);
      const stranger = await person.commit("stranger", { c: "1\n" });
      const merged = await person.merge(await person.openPull("topic", "main", "Topic"));
      expect(await forge.listMergeBases(repository, merged, topic)).toEqual([topic]);
      expect(await forge.listMergeBases(repository, merged, stranger)).toEqual([]);
      await expect(forge.listMergeBases(repository, unknown, main)).rejects.toMatchObject({ code: "forge.commit-unknown" });
      await expect(forge.listMergeBases(repository, main, unknown)).rejects.toMatchObject({ code: "forge.commit-unknown" });
    });

    it("is two commits after merges that cross", async () => {
      await person.commit("main", { a: "1\n" });
      const left = await person.commit("left", { l: "1\n" }, "main");
      const right = await person.commit("right", { r: "1\n" }, "main");
      // Branches of their own, so that each merge takes the other side as it was.
      await person.commit("left-2", { x: "1\n" }, "left");
      await person.commit("right-2", { y: "1\n" }, "right");
      const one = await person.merge(await person.openPull("right", "left-2", "Right into left"));
      const two = await person.merge(await person.openPull("left", "right-2", "Left into right"));
      expect(await forge.listMergeBases(repository, one, two)).toEqual([left, right].sort());
    });
  });

  describe("statuses", () => {
    it("a second status of one name replaces the first", async () => {
      const commit = await person.commit("main", { a: "1" });
      const status = { name: "flibs / lint", state: "running", title: "linting", summary: "" } as const;
      const other = { name: "flibs / build", state: "pending", title: "waits", summary: "" } as const;
      await forge.setStatus(repository, commit, status);
      await forge.setStatus(repository, commit, other);
      await forge.setStatus(repository, commit, { ...status, state: "success", title: "fine" });
      await forge.setStatus(repository, commit, { ...status, state: "success", title: "fine" });
      expect(await forge.listStatuses(repository, commit)).toEqual([{ ...status, state: "success", title: "fine" }, other]);
    });

    it("statuses set at the same moment are all kept", async () => {
      const commit = await person.commit("main", { a: "1" });
      const names = ["1", "2", "3", "4"].map((n) => `flibs / ${n}`);
      await Promise.all(names.map((name) => forge.setStatus(repository, commit, { name, state: "success", title: "", summary: "" })));
      expect((await forge.listStatuses(repository, commit)).map((one) => one.name).sort()).toEqual(names);
    });
  });

  describe("what a status says", () => {
    const status = { name: "flibs / build", state: "running", title: "step 3 of 7", summary: "| step | time |\n|---|---|\n" } as const;
    const page = { url: "https://flibs.example.test/builds/1", key: "build-1" };

    it("comes back with the key of the run that says it, and saying it again changes nothing", async () => {
      const commit = await person.commit("main", { Dockerfile: "FROM x\n" });
      const annotations = [{ path: "Dockerfile", line: 1, level: "warning", message: "no release of x is named", title: "FROM" }] as const;
      const actions = [{ identifier: "cancel", label: "Cancel", description: "Stops this build" }];
      await forge.setStatus(repository, commit, { ...status, ...page, annotations, actions });
      await forge.setStatus(repository, commit, { ...status, ...page, annotations, actions });
      const said = await forge.listStatuses(repository, commit);
      expect(said).toMatchObject([kept({ ...status, ...page })]);
      expect(said).toHaveLength(1);
    });

    it("may be that it begins again after it was over", async () => {
      const commit = await person.commit("main", { a: "1" });
      await forge.setStatus(repository, commit, { ...status, ...page, state: "failure", title: "failed" });
      await forge.setStatus(repository, commit, { ...status, key: "build-2", url: page.url });
      expect(await forge.listStatuses(repository, commit)).toEqual([kept({ ...status, key: "build-2", url: page.url })]);
      await forge.setStatus(repository, commit, { ...status, key: "build-2", url: page.url, state: "success" });
      expect(await forge.listStatuses(repository, commit)).toMatchObject([{ state: "success", key: "build-2" }]);
    });

    it("is one of ten states, and each comes back as it was set", async () => {
      const commit = await person.commit("main", { a: "1" });
      const states: readonly StatusState[] = [
        ...(["pending", "running", "waiting-approval", "success", "failure"] as const),
        ...(["error", "timed-out", "cancelled", "skipped", "neutral"] as const),
      ];
      const all = states.map((state): CommitStatus => ({ name: `flibs / ${state}`, state, title: `it is ${state}`, summary: "why" }));
      for (const one of all) await forge.setStatus(repository, commit, one);
      expect(await forge.listStatuses(repository, commit)).toEqual(all.map(kept));
    });

    it("is refused for a commit that is not there", async () => {
      await person.commit("main", { a: "1" });
      await expect(forge.setStatus(repository, unknown, status)).rejects.toMatchObject({ code: "forge.commit-unknown" });
    });
  });

  describe("people", () => {
    it("have the role that they were given", async () => {
      for (const role of world.roles ?? (["read", "triage", "write", "maintain", "admin"] as const)) {
        world.setRole?.("dave", role);
        expect(await forge.findPermission(repository, "dave")).toBe(role);
      }
    });

    it("who may write are known, and nobody has a role in a repository that is not there", async () => {
      expect(await forge.findPermission(repository, "bob")).toBe("write");
      expect(await forge.findPermission("containers/unknown", "bob")).toBe("none");
    });
  });

  describe("pull requests of people", () => {
    async function open(): Promise<number> {
      await person.commit("main", { a: "1\n" });
      await person.commit("topic", { b: "1\n" }, "main");
      return person.openPull("topic", "main", "Add b");
    }

    it("an open one shows heads that move with their branches", async () => {
      const number = await open();
      const head = await person.commit("topic", { b: "2\n" });
      const base = await person.commit("main", { c: "1\n" });
      expect(await forge.findPull(repository, number)).toMatchObject({
        ...{ repository, number, title: "Add b", state: "open", headBranch: "topic", head },
        ...{ baseBranch: "main", baseHead: base, mergeable: true },
      });
      expect(await forge.findPull(repository, number + 1)).toBeUndefined();
      const page = forge.pullUrl(repository, number);
      if (page !== undefined) expect((await forge.findPull(repository, number))?.url).toBe(page);
    });

    it("one that conflicts is not mergeable", async () => {
      const number = await open();
      await person.commit("main", { b: "else\n" });
      expect((await forge.findPull(repository, number))?.mergeable).toBe(false);
    });

    it("a merged one names its merge commit, which is on the base branch", async () => {
      const number = await open();
      const mergeCommit = await person.merge(number);
      expect(await forge.findPull(repository, number)).toMatchObject({ state: "merged", mergeCommit });
      expect(await forge.isAncestor(repository, mergeCommit, (await forge.findHead(repository, "main")) ?? "")).toBe(true);
      expect(text(await forge.findFile(repository, mergeCommit, "b"))).toBe("1\n");
      expect((await forge.listPulls(repository, "merged")).map((pull) => pull.number)).toEqual([number]);
      expect(await forge.listPulls(repository, "open")).toEqual([]);
    });

    it("merged ones are listed newest first, for as long as somebody asks", async () => {
      await person.commit("main", { a: "1\n" });
      const merged: { readonly number: number; readonly mergeCommit: string }[] = [];
      for (const branch of ["one", "two", "three"]) {
        await person.commit(branch, { [branch]: "1\n" }, "main");
        const number = await person.openPull(branch, "main", branch);
        if (branch === "two") await person.close(number);
        else merged.unshift({ number, mergeCommit: await person.merge(number) });
      }
      await person.commit("topic", { b: "1\n" }, "main");
      await person.openPull("topic", "main", "Add b");
      const found: Pull[] = [];
      for await (const pull of forge.listMergedPulls(repository)) found.push(pull);
      expect(found).toMatchObject(merged);
      expect([...found].reverse()).toEqual(await forge.listPulls(repository, "merged"));
      for await (const pull of forge.listMergedPulls(repository)) {
        expect(pull).toMatchObject(merged[0] ?? {});
        break;
      }
      for await (const pull of forge.listMergedPulls("containers/unknown")) throw new Error(`there is a pull request ${pull.number}`);
    });

    it("a closed one stays known with the head it had", async () => {
      const number = await open();
      const head = await forge.findHead(repository, "topic");
      await person.close(number);
      await person.deleteBranch("topic");
      expect(await forge.findPull(repository, number)).toMatchObject({ state: "closed", head });
    });

    it("a comment of ours is written once, edited in place, and leaves those of people alone", async () => {
      const number = await open();
      await person.comment(number, "looks *good*");
      await forge.ensureComment(repository, number, "release", "first");
      await forge.ensureComment(repository, number, "release", "first");
      await forge.ensureComment(repository, number, "release", "second");
      await forge.ensureComment(repository, number, "check", "other");
      const texts = (await forge.listComments(repository, number)).map((comment) => comment.text);
      if (forge.capabilities.editableComments) expect(texts).toEqual(["looks *good*", "second", "other"]);
      else expect(texts).toEqual(["looks *good*", "first", "second", "other"]);
    });
  });

  describe("comments with nothing new in them", () => {
    it("are edited, or not said again", async () => {
      await person.commit("main", { a: "1\n" });
      await person.commit("topic", { b: "1\n" }, "main");
      const number = await person.openPull("topic", "main", "Add b");
      const texts: string[][] = [];
      for (const [text, news] of [
        ["failed after 12 ms", "failed"],
        ["failed after 34 ms", "failed"],
        ["gone", "gone"],
        ["failed after 56 ms", "failed"],
      ] as const) {
        await forge.ensureComment(repository, number, "release", text, news);
        texts.push((await forge.listComments(repository, number)).map((comment) => comment.text));
      }
      const [first, , gone] = [["failed after 12 ms"], undefined, ["failed after 12 ms", "gone"]];
      if (forge.capabilities.editableComments) {
        expect(texts).toEqual([first, ["failed after 34 ms"], ["gone"], ["failed after 56 ms"]]);
      } else expect(texts).toEqual([first, first, gone, [...gone, "failed after 56 ms"]]);
    });
  });

  describe("pull requests from elsewhere, and answers to comments", () => {
    it("a pull request from a fork says so, and its commits can be read", async () => {
      await person.commit("main", { a: "1\n" });
      const number = (await world.openPullFromFork?.("topic", { b: "1\n" })) ?? 0;
      const pull = await forge.findPull(repository, number);
      expect(pull).toMatchObject({ state: "open", headBranch: "topic", baseBranch: "main", fromFork: true, mergeable: true });
      expect(text(await forge.findFile(repository, pull?.head ?? "", "b"))).toBe("1\n");
      await person.commit("own", { c: "1" }, "main");
      expect(await forge.findPull(repository, await person.openPull("own", "main", "Own"))).toMatchObject({ fromFork: false });
    });

    it("a reaction takes the place of the earlier one", async () => {
      await person.commit("main", { a: "1\n" });
      await person.commit("topic", { b: "1\n" }, "main");
      const number = await person.openPull("topic", "main", "Add b");
      await person.comment(number, "/build");
      const [comment] = await forge.listComments(repository, number);
      for (const reaction of ["seen", "seen", "done", "refused"] as const) {
        await forge.react(repository, number, comment?.id ?? "", reaction);
        expect(await world.listReactions?.(number, comment?.id ?? "")).toEqual([reaction]);
      }
    });
  });

  describe("proposals", () => {
    it("are opened once: the same change again changes nothing", async () => {
      const base = await person.commit("main", { "images/f40/cockpit.yaml": "old\n", keep: "kept\n" });
      const opened = await forge.proposeChange(proposal(base));
      expect(opened).toMatchObject({ outcome: "opened" });
      expect(await forge.proposeChange(proposal(base))).toEqual({ ...opened, outcome: "unchanged" });
      const [pull, ...more] = await forge.listPulls(repository, "open");
      expect(more).toEqual([]);
      expect(pull).toMatchObject({
        title: "Promote cockpit 1-1",
        body: "what changes",
        headBranch: "promote/f40/cockpit",
        mergeable: true,
      });
      expect(text(await forge.findFile(repository, pull?.head ?? "", "images/f40/cockpit.yaml"))).toBe("new\n");
      expect(text(await forge.findFile(repository, pull?.head ?? "", "keep"))).toBe("kept\n");
    });

    it("are brought up to date in place: files, title and body", async () => {
      const base = await person.commit("main", { a: "1" });
      const first = await forge.proposeChange(proposal(base));
      const files = { "images/f40/cockpit.yaml": "newer\n" };
      const second = await forge.proposeChange(proposal(base, { files, title: "Promote cockpit 1-2", body: "other" }));
      expect(second).toMatchObject({ outcome: "updated", number: "number" in first ? first.number : 0 });
      const head = "head" in second ? second.head : "";
      expect(await forge.listPulls(repository, "all")).toMatchObject([{ title: "Promote cockpit 1-2", body: "other", head }]);
      expect(await forge.isAncestor(repository, base, head)).toBe(true);
    });

    it("never write over a person's commit", async () => {
      const base = await person.commit("main", { a: "1" });
      const opened = await forge.proposeChange(proposal(base));
      const head = await person.commit("promote/f40/cockpit", { "images/f40/cockpit.yaml": "by hand\n" });
      const again = await forge.proposeChange(proposal(base, { files: { "images/f40/cockpit.yaml": "newer\n" } }));
      expect(again).toEqual({ outcome: "person-owned", number: "number" in opened ? opened.number : 0, head });
      expect(await forge.findHead(repository, "promote/f40/cockpit")).toBe(head);
    });

    it("are computed again when the base has moved", async () => {
      const base = await person.commit("main", { a: "1" });
      await person.commit("main", { a: "2" });
      expect(await forge.proposeChange(proposal(base))).toEqual({ outcome: "base-moved" });
      expect(await forge.findHead(repository, "promote/f40/cockpit")).toBeUndefined();
      expect(await forge.listPulls(repository, "all")).toEqual([]);
    });

    it("after a merge the next one is a pull request of its own on the same branch", async () => {
      const base = await person.commit("main", { a: "1" });
      const first = await forge.proposeChange(proposal(base));
      const mergeCommit = await person.merge("number" in first && first.number !== undefined ? first.number : 0);
      const second = await forge.proposeChange(proposal(mergeCommit, { files: { "images/f40/cockpit.yaml": "newer\n" } }));
      expect(second).toMatchObject({ outcome: "opened" });
      expect((await forge.listPulls(repository, "all")).map((pull) => pull.state).sort()).toEqual(["merged", "open"]);
    });
  });

  describe("the sweep", () => {
    async function kinds(cursor: string | undefined): Promise<{ kinds: readonly string[]; cursor: string }> {
      const { events, cursor: next } = await forge.changesSince(cursor);
      return { kinds: events.filter((event) => event.repository === repository).map((event) => event.kind), cursor: next };
    }

    it("finds pushes and deleted branches that no delivery told, once", async () => {
      await person.commit("main", { a: "1" });
      const first = await kinds(undefined);
      expect(first.kinds).toEqual(["branch-pushed"]);
      expect((await kinds(first.cursor)).kinds).toEqual([]);
      const after = await person.commit("f40", { a: "2" }, "main");
      const { events, cursor } = await forge.changesSince(first.cursor);
      expect(events).toEqual([expect.objectContaining({ kind: "branch-pushed", forge: forge.name, repository, branch: "f40", after })]);
      await person.deleteBranch("f40");
      expect((await forge.changesSince(cursor)).events).toMatchObject([{ kind: "branch-pushed", branch: "f40", after: undefined }]);
    });

    it("finds what happened to pull requests", async () => {
      await person.commit("main", { a: "1" });
      await person.commit("topic", { b: "1" }, "main");
      let { cursor } = await kinds(undefined);
      const seen: string[][] = [];
      const look = async () => {
        const found = await kinds(cursor);
        cursor = found.cursor;
        seen.push([...found.kinds].sort());
      };
      const number = await person.openPull("topic", "main", "Add b");
      await look();
      await person.comment(number, "/hold");
      await look();
      await person.commit("topic", { b: "2" });
      await look();
      await person.merge(number);
      await look();
      expect(seen).toEqual([["pull-opened"], ["comment-added"], ["branch-pushed", "pull-updated"], ["branch-pushed", "pull-merged"]]);
    });

    it("finds another base branch and what was opened again, each as a request of its own", async () => {
      await person.commit("main", { a: "1" });
      await person.commit("f40", { a: "2" }, "main");
      const head = await person.commit("topic", { b: "1" }, "main");
      const number = await person.openPull("topic", "main", "Add b");
      let cursor: string | undefined;
      const look = async () => {
        const found = await forge.changesSince(cursor);
        cursor = found.cursor;
        return found.events.filter((event) => event.kind.startsWith("pull-"));
      };
      const [opened] = await look();
      await world.retarget?.(number, "f40");
      const [away] = await look();
      await world.retarget?.(number, "main");
      const [back] = await look();
      expect(await look()).toEqual([]);
      await person.close(number);
      await look();
      await world.reopen?.(number);
      const [again] = await look();
      const told = [opened, away, back, again];
      expect(told.map((event) => event?.kind)).toEqual(["pull-opened", "pull-updated", "pull-updated", "pull-opened"]);
      for (const event of told) expect(event).toMatchObject({ number, head });
      expect(new Set(told.map((event) => event && "request" in event && event.request)).size).toBe(4);
    });

    it("tells nothing of our own comments", async () => {
      const base = await person.commit("main", { a: "1" });
      const opened = await forge.proposeChange(proposal(base));
      const { cursor } = await kinds(undefined);
      await forge.ensureComment(repository, "number" in opened && opened.number !== undefined ? opened.number : 0, "k", "/build");
      expect((await kinds(cursor)).kinds).toEqual([]);
    });
  });
}
