import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createGitStore, type FileChange, type GitStore } from "../../fakes/github/git.ts";

// What the double writes and works out by itself is what git says of the same repository.
let store: GitStore;
const repository = "Containers/cockpit";

beforeAll(async () => {
  store = await createGitStore();
  await store.create(repository);
});
afterAll(() => store.close());

const git = (...args: readonly string[]) =>
  execFileSync("git", ["--git-dir", store.path(repository), ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();

let minute = 0;
function commit(parents: readonly string[], files: Readonly<Record<string, string | null>>): string {
  const changes = Object.entries(files).map(([path, text]): FileChange => {
    const [, mode = "100644", content = ""] = /^(?:(1\d{5}) )?(.*)$/s.exec(text ?? "") ?? [];
    return { path, mode, sha: text === null ? null : store.writeBlob(repository, content) };
  });
  minute += 1;
  const who = { name: "alice", email: "alice@example.org", date: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString() };
  const tree = store.writeTree(repository, parents[0], changes);
  return store.writeCommit(repository, { tree, parents, author: who, committer: who, message: `change ${minute}\n\nwhy` });
}

test("files, directories, links and modes make the trees that git makes", () => {
  const first = commit([], {
    b: "text\n",
    "a/z": "1\n",
    "a.txt": "2\n",
    "a-b": "3\n",
    link: "120000 a.txt",
    run: "100755 #!/bin/sh\n",
    "ä/ö": "x",
  });
  // A file in the place of a directory, a directory in that of a file, and one that is gone with its last file.
  const second = commit([first], { a: "file\n", "b/c/d": "deep\n", "ä/ö": null });
  store.setRef(repository, "refs/heads/main", second);
  expect(git("fsck", "--strict", "--full")).toBe("");
  for (const id of [first, second]) {
    const lines = store
      .listTree(repository, id, true)
      .map(({ mode, type, sha, size = "-", path }) => `${mode} ${type} ${sha} ${size}\t${path}`);
    expect(git("-c", "core.quotePath=false", "ls-tree", "-r", "-t", "--long", id).replaceAll(/ +(?=\S+\t)/g, " ")).toBe(lines.join("\n"));
  }
  const said = git("-c", "core.quotePath=false", "diff-tree", "-r", "--no-commit-id", "--name-status", "--no-renames", second).split("\n");
  const letters = { added: "A", removed: "D", modified: "M" };
  expect(
    store
      .changes(repository, first, second)
      .map(({ path, how }) => `${letters[how]}\t${path}`)
      .toSorted(),
  ).toEqual(said.toSorted());
  expect(git("log", "-1", "--format=%T %P %an <%ae> %aI %cI%n%B", second)).toBe(
    [
      `${store.readCommit(repository, second).tree} ${first} alice <alice@example.org> 2026-01-01T00:02:00+00:00 2026-01-01T00:02:00+00:00`,
      "change 2\n\nwhy",
    ].join("\n"),
  );
});

test("histories that part and meet have git's order, merge bases and refs", () => {
  const root = commit([], { root: "1\n" });
  const left = commit([root], { left: "1\n" });
  const right = commit([commit([root], { right: "1\n" })], { right: "2\n" });
  const criss = commit([left, right], { right: "2\n" });
  const cross = commit([right, left], { left: "1\n" });
  const tip = commit([commit([criss], { tip: "1\n" }), commit([cross], { top: "1\n" })], { top: "1\n" });
  const stranger = commit([], { other: "1\n" });
  const all = [root, left, right, criss, cross, tip, stranger];
  for (const to of all) {
    for (const from of all) {
      const ordered = git("rev-list", "--reverse", "--topo-order", to, `^${from}`);
      expect(store.between(repository, [from], to)).toEqual(ordered === "" ? [] : ordered.split("\n"));
      expect(store.between(repository, [from, left], to)).toHaveLength(Number(git("rev-list", "--count", to, `^${from}`, `^${left}`)));
      const bases = from === stranger || to === stranger ? [] : git("merge-base", "--all", from, to).split("\n");
      if (from !== to && bases.length < 2)
        expect([store.mergeBase(repository, from, to)]).toEqual(bases.length === 0 ? [undefined] : bases);
      expect(store.isAncestor(repository, from, to)).toBe(git("rev-list", to).split("\n").includes(from));
    }
  }

  store.setRef(repository, "refs/heads/topic/a", tip);
  store.setRef(repository, "refs/tags/v1", root);
  expect(() => store.setRef(repository, "refs/heads/topic", tip)).toThrow();
  expect(() => store.setRef(repository, "refs/heads/gone", "1".repeat(40))).toThrow("not there");
  const refs = () => store.listRefs(repository, "refs/").map(({ ref, sha, type }) => `${ref} ${sha} ${type}`);
  expect(git("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)").split("\n")).toEqual(refs());
  store.setRef(repository, "refs/heads/topic/a", undefined);
  store.setRef(repository, "refs/heads/topic", tip);
  expect(git("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)").split("\n")).toEqual(refs());
  const names = ["topic", "v1", "refs/tags/v1", "heads/topic", root, root.slice(0, 12), "HEAD", "nothing", "2".repeat(40)];
  expect(names.map((name) => store.resolve(repository, name))).toEqual([
    tip,
    root,
    root,
    tip,
    root,
    root,
    expect.any(String),
    undefined,
    undefined,
  ]);
});
