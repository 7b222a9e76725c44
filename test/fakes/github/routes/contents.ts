import type { Signature, TreeEntry } from "../git.ts";
import { moveRef } from "../state/branches.ts";
import { signatureOf } from "../state/merge.ts";
import { gitCommitView } from "../views/commits.ts";
import { apiOf, pageOf } from "../views/repositories.ts";
import { nameOf, notFound, Refusal } from "../world.ts";
import { type Answer, actorOf, type Call, type Handlers, ok, repositoryOfCall } from "./call.ts";

const mebibyte = 2 ** 20;

interface FileRequest {
  readonly message: string;
  readonly content: string;
  readonly sha?: string;
  readonly branch?: string;
  readonly author?: Partial<Signature>;
  readonly committer?: Partial<Signature>;
}

export const contentRoutes: Handlers = {
  "repos/get-content": (call) => {
    const { world, params, query } = call;
    const repository = repositoryOfCall(call);
    const ref = query.get("ref") ?? repository.defaultBranch;
    const commit = world.git.resolve(nameOf(repository), ref);
    if (!commit) throw new Refusal(404, `No commit found for the ref ${ref}`);
    const path = (params.path ?? "").replace(/\/$/, "");
    const entry = path === "" ? undefined : world.git.findEntry(nameOf(repository), commit, path);
    if (path !== "" && !entry) throw notFound();
    if (!entry || entry.type === "tree") return directory(call, entry?.sha ?? commit, path, ref);
    return file(call, entry, ref);
  },

  "repos/create-or-update-file-contents": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const name = nameOf(repository);
    const path = call.params.path ?? "";
    const wanted = call.body as FileRequest;
    const branch = wanted.branch ?? repository.defaultBranch;
    const parent = world.git.findRef(name, `refs/heads/${branch}`);
    if (!parent) throw new Refusal(404, `Branch ${branch} not found`);
    const existing = world.git.findEntry(name, parent, path);
    if (existing && wanted.sha === undefined) throw new Refusal(422, `Invalid request.\n\n"sha" wasn't supplied.`);
    if (existing ? existing.sha !== wanted.sha : wanted.sha !== undefined) throw new Refusal(409, `${path} does not match ${wanted.sha}`);
    const blob = world.git.writeBlob(name, Buffer.from(wanted.content, "base64"));
    const tree = world.git.writeTree(name, parent, [{ mode: existing?.mode ?? "100644", sha: blob, path }]);
    const author = { ...signatureOf(world, actorOf(call)), ...wanted.author };
    const committer = { ...author, ...wanted.committer };
    const sha = world.git.writeCommit(name, { message: wanted.message, tree, parents: [parent], author, committer });
    await moveRef(world, repository, `refs/heads/${branch}`, sha, actorOf(call));
    const written = { mode: "100644", type: "blob", sha: blob, size: Buffer.from(wanted.content, "base64").length, path };
    const content = { ...common(call, written, branch), type: "file" };
    return {
      status: existing ? 200 : 201,
      body: { content, commit: gitCommitView(world, repository, world.git.readCommit(name, sha)) },
    };
  },
};

function directory(call: Call, tree: string, path: string, ref: string): Answer {
  const entries = call.world.git.listTree(nameOf(repositoryOfCall(call)), tree, false);
  const kind = (entry: TreeEntry) =>
    entry.type === "tree" ? "dir" : entry.type === "commit" ? "submodule" : entry.mode === "120000" ? "symlink" : "file";
  return ok(
    entries.slice(0, 1000).map((entry) => {
      const below = { ...entry, path: path === "" ? entry.path : `${path}/${entry.path}` };
      return { ...common(call, below, ref), size: entry.size ?? 0, type: kind(entry) };
    }),
  );
}

/** Up to 1 MiB as JSON, up to 100 MiB raw only. */
function file(call: Call, entry: TreeEntry, ref: string): Answer {
  const size = entry.size ?? 0;
  const raw = /application\/vnd\.github(\.v3)?\.raw/.test(call.accept);
  if (entry.type === "commit")
    return ok({
      ...common(call, entry, ref),
      size: 0,
      type: "submodule",
      submodule_git_url: `${pageOf(call.world, repositoryOfCall(call))}.git`,
    });
  if (size > 100 * mebibyte) throw new Refusal(403, "This API returns blobs up to 100 MB in size.");
  const bytes = call.world.git.readBlob(nameOf(repositoryOfCall(call)), entry.sha);
  if (raw) return { status: 200, bytes, headers: { "content-type": "application/vnd.github.raw; charset=utf-8" } };
  if (entry.mode === "120000") return ok({ ...common(call, entry, ref), type: "symlink", target: bytes.toString("utf8") });
  const large = size > mebibyte;
  const content = large ? "" : `${bytes.toString("base64").replace(/(.{60})/g, "$1\n")}\n`;
  return ok({ ...common(call, entry, ref), type: "file", content, encoding: large ? "none" : "base64" });
}

function common(call: Call, entry: TreeEntry, ref: string) {
  const repository = repositoryOfCall(call);
  const api = apiOf(call.world, repository);
  const page = pageOf(call.world, repository);
  const path = encodeURI(entry.path);
  const self = `${api}/contents/${path}?ref=${encodeURIComponent(ref)}`;
  const git = `${api}/git/${entry.type === "tree" ? "trees" : "blobs"}/${entry.sha}`;
  const html = `${page}/blob/${encodeURIComponent(ref)}/${path}`;
  return {
    name: entry.path.slice(entry.path.lastIndexOf("/") + 1),
    path: entry.path,
    sha: entry.sha,
    size: entry.size ?? 0,
    url: self,
    html_url: html,
    git_url: git,
    download_url: entry.type === "blob" ? `${page}/raw/${encodeURIComponent(ref)}/${path}` : null,
    _links: { self, git, html },
  };
}
