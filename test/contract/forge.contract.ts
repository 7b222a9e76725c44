import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Forge, ProposedChange } from "../../src/forge/forge.ts";

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

export interface ForgeWorld {
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
  const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());
  const proposal = (baseCommit: string, more: Partial<ProposedChange> = {}): ProposedChange => ({
    ...{ repository, branch: "promote/f40/cockpit", baseBranch: "main", baseCommit, files: { "images/f40/cockpit.yaml": "new\n" } },
    ...{ commitMessage: "Promote cockpit", title: "Promote cockpit 1-1", body: "what changes", ...more },
  });

  describe("sources", () => {
    it("a branch has the head that was pushed, an unknown one has none", async () => {
      expect(await forge.findHead(repository, "main")).toBeUndefined();
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

    it("tells nothing of our own comments", async () => {
      const base = await person.commit("main", { a: "1" });
      const opened = await forge.proposeChange(proposal(base));
      const { cursor } = await kinds(undefined);
      await forge.ensureComment(repository, "number" in opened && opened.number !== undefined ? opened.number : 0, "k", "/build");
      expect((await kinds(cursor)).kinds).toEqual([]);
    });
  });
}
