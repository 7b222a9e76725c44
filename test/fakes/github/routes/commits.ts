import { commitView, diffView } from "../views/commits.ts";
import { apiOf, pageOf } from "../views/repositories.ts";
import { findRepository, nameOf, notFound } from "../world.ts";
import { type Call, commitOfCall, type Handlers, page, repositoryOfCall } from "./call.ts";

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

export const commitRoutes: Handlers = {
  "repos/list-branches": (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const refs = world.git.listRefs(nameOf(repository), "refs/heads/");
    const branches = call.query.get("protected") === "true" ? [] : refs;
    return page(call, branches, (some) =>
      some.map(({ ref, sha }) => ({
        name: ref.slice("refs/heads/".length),
        commit: { sha, url: `${apiOf(world, repository)}/commits/${sha}` },
        protected: false,
      })),
    );
  },

  "repos/list-commits": async (call) => {
    const { world, query } = call;
    const repository = repositoryOfCall(call);
    const name = nameOf(repository);
    const start = query.get("sha") ?? repository.defaultBranch;
    const tip = world.git.resolve(name, start);
    if (!tip) throw notFound();
    const path = query.get("path");
    const bounds = [
      ["since", "--since"],
      ["until", "--until"],
    ].flatMap(([key = "", option]) => (query.has(key) ? [`${option}=${query.get(key)}`] : []));
    const text = await world.git.run(name, ["rev-list", ...bounds, tip, ...(path ? ["--", path] : [])]);
    const ids = text === "" ? [] : text.split("\n");
    const answer = page(call, ids);
    const views = (answer.body as readonly string[]).map((id) => view(call, id));
    return { ...answer, body: views };
  },

  "repos/get-commit": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const name = nameOf(repository);
    const sha = commitOfCall(call, call.params.ref ?? "");
    const commit = world.git.readCommit(name, sha);
    const parent = commit.parents[0];
    if (/\.sha\b/.test(call.accept)) return text(sha, "sha");
    if (/\.(diff|patch)\b/.test(call.accept))
      return text(await world.git.run(name, ["diff-tree", "-p", "--root", "--no-commit-id", sha]), "diff");
    const files = await world.git.diff(name, parent ?? emptyTree, sha);
    const sum = (key: "additions" | "deletions") => files.reduce((total, file) => total + file[key], 0);
    const stats = { additions: sum("additions"), deletions: sum("deletions"), total: sum("additions") + sum("deletions") };
    return page(call, files.slice(0, 3000), (some) => ({
      ...commitView(world, repository, commit),
      stats,
      files: some.map((file) => diffView(world, repository, file, sha)),
    }));
  },

  /** At most 250 commits unpaged, 300 files, files on the first page only; the base may be of another repository of the network. */
  "repos/compare-commits-with-basehead": async (call) => {
    const { world, query } = call;
    const repository = repositoryOfCall(call);
    const name = nameOf(repository);
    const [from = "", to = ""] = (call.params.basehead ?? "").split("...");
    const [base, head] = [resolveSide(call, from), resolveSide(call, to)];
    if (!base || !head) throw notFound();
    const shared = world.git.mergeBase(name, base, head);
    if (!shared) throw notFound();
    if (/\.diff\b/.test(call.accept)) return text(await world.git.run(name, ["diff-tree", "-p", "-M", shared, head]), "diff");
    const ahead = world.git.between(name, [base], head);
    const behind = world.git.between(name, [head], base);
    const perPage = Math.min(100, Number(query.get("per_page") ?? 250));
    const number = Number(query.get("page") ?? 1);
    const paged = query.has("page") || query.has("per_page");
    const shown = paged ? ahead.slice((number - 1) * perPage, number * perPage) : ahead.slice(0, 250);
    const files = number > 1 ? [] : await world.git.diff(name, shared, head);
    const status = ahead.length > 0 ? (behind.length > 0 ? "diverged" : "ahead") : behind.length > 0 ? "behind" : "identical";
    const range = `${pageOf(world, repository)}/compare/${encodeURIComponent(from)}...${encodeURIComponent(to)}`;
    const links = paged ? (page(call, ahead).headers ?? {}) : {};
    const body = {
      url: `${apiOf(world, repository)}/compare/${encodeURIComponent(from)}...${encodeURIComponent(to)}`,
      html_url: range,
      permalink_url: range,
      diff_url: `${range}.diff`,
      patch_url: `${range}.patch`,
      base_commit: await view(call, base),
      merge_base_commit: await view(call, shared),
      status,
      ahead_by: ahead.length,
      behind_by: behind.length,
      total_commits: ahead.length,
      commits: await Promise.all(shown.map((id) => view(call, id))),
      files: files.slice(0, 300).map((file) => diffView(world, repository, file, head)),
    };
    return { status: 200, body, headers: links };
  },

  /** Sends on to another address, which does not ask for the token again. */
  "repos/download-tarball-archive": (call) => {
    const { world, params } = call;
    const repository = repositoryOfCall(call);
    const sha = world.git.resolve(nameOf(repository), params.ref || repository.defaultBranch);
    if (!sha) throw notFound();
    return { status: 302, headers: { location: `${world.url}/_codeload/${nameOf(repository)}/legacy.tar.gz/${sha}` } };
  },
};

function view(call: Call, id: string) {
  const repository = repositoryOfCall(call);
  return commitView(call.world, repository, call.world.git.readCommit(nameOf(repository), id));
}

/** `branch`, a commit, or `owner:branch` for another repository of the network. */
function resolveSide(call: Call, side: string): string | undefined {
  const repository = repositoryOfCall(call);
  const [owner, ref] = side.includes(":") ? side.split(":", 2) : [repository.owner, side];
  const there = findRepository(call.world, `${owner}/${repository.name}`);
  return there && call.world.git.resolve(nameOf(there), ref ?? "");
}

const text = (content: string, kind: string) => ({
  status: 200,
  bytes: Buffer.from(content === "" || kind === "sha" ? content : `${content}\n`),
  headers: { "content-type": `application/vnd.github.${kind}; charset=utf-8` },
});
