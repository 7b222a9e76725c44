import { type FileChange, github, type Signature } from "../git.ts";
import { moveRef } from "../state/branches.ts";
import type { Repository } from "../state/data.ts";
import { signatureOf } from "../state/merge.ts";
import { nodeId } from "../views/accounts.ts";
import { gitCommitView } from "../views/commits.ts";
import { apiOf } from "../views/repositories.ts";
import { nameOf, notFound, Refusal, type World } from "../world.ts";
import { actorOf, type Call, created, type Handlers, ok, repositoryOfCall } from "./call.ts";

interface TreeRequest {
  readonly base_tree?: string;
  readonly tree: readonly {
    readonly path?: string;
    readonly mode?: string;
    readonly type?: string;
    readonly sha?: string | null;
    readonly content?: string;
  }[];
}

interface CommitRequest {
  readonly message: string;
  readonly tree: string;
  readonly parents?: readonly string[];
  readonly author?: Partial<Signature>;
  readonly committer?: Partial<Signature>;
}

export const gitDataRoutes: Handlers = {
  "git/get-ref": (call) => {
    const repository = repositoryOfCall(call);
    const ref = `refs/${call.params.ref}`;
    const found = call.world.git.listRefs(nameOf(repository), ref).find((each) => each.ref === ref);
    if (!found) throw notFound();
    return ok(refView(call.world, repository, found));
  },

  "git/list-matching-refs": (call) => {
    const repository = repositoryOfCall(call);
    const refs = call.world.git.listRefs(nameOf(repository), `refs/${call.params.ref}`);
    return ok(refs.map((each) => refView(call.world, repository, each)));
  },

  "git/create-ref": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const { ref, sha } = call.body as { readonly ref: string; readonly sha: string };
    if (!/^refs\/(heads|tags)\/./.test(ref))
      throw new Refusal(422, "Reference name must start with 'refs/' and contain at least two slashes.");
    if (!(await world.git.isRefName(nameOf(repository), ref))) throw new Refusal(422, `${ref} is not a valid ref name.`);
    mustExist(call, sha);
    if (world.git.findRef(nameOf(repository), ref)) throw new Refusal(422, "Reference already exists");
    await moveRef(world, repository, ref, sha, actorOf(call));
    return created(refView(world, repository, { ref, sha, type: "commit" }));
  },

  "git/update-ref": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const { sha, force = false } = call.body as { readonly sha: string; readonly force?: boolean };
    const ref = `refs/${call.params.ref}`;
    const before = world.git.findRef(nameOf(repository), ref);
    if (!before) throw new Refusal(422, "Reference does not exist");
    mustExist(call, sha);
    if (!force && !world.git.isAncestor(nameOf(repository), before, sha)) throw new Refusal(422, "Update is not a fast forward");
    await moveRef(world, repository, ref, sha, actorOf(call));
    return ok(refView(world, repository, { ref, sha, type: "commit" }));
  },

  "git/delete-ref": async (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const ref = `refs/${call.params.ref}`;
    if (!world.git.findRef(nameOf(repository), ref)) throw new Refusal(422, "Reference does not exist");
    await moveRef(world, repository, ref, undefined, actorOf(call));
    return { status: 204 };
  },

  "git/create-blob": (call) => {
    const repository = repositoryOfCall(call);
    const { content, encoding = "utf-8" } = call.body as { readonly content: string; readonly encoding?: string };
    const sha = call.world.git.writeBlob(nameOf(repository), Buffer.from(content, encoding === "base64" ? "base64" : "utf8"));
    return created({ url: `${apiOf(call.world, repository)}/git/blobs/${sha}`, sha });
  },

  "git/get-blob": (call) => {
    const repository = repositoryOfCall(call);
    const sha = call.params.file_sha ?? "";
    if (!isA(call, sha, "blob")) throw notFound();
    const bytes = call.world.git.readBlob(nameOf(repository), sha);
    if (/application\/vnd\.github(\.v3)?\.raw/.test(call.accept)) return { status: 200, bytes };
    const content = bytes.toString("base64").replace(/(.{60})/g, "$1\n");
    const url = `${apiOf(call.world, repository)}/git/blobs/${sha}`;
    return ok({ sha, node_id: nodeId("B", sha), size: bytes.length, url, content, encoding: "base64" });
  },

  "git/create-tree": (call) => {
    const { world } = call;
    const name = nameOf(repositoryOfCall(call));
    const wanted = call.body as TreeRequest;
    if (wanted.base_tree !== undefined && !isA(call, wanted.base_tree, "tree")) {
      throw new Refusal(422, "base_tree is not a valid tree oid", undefined);
    }
    const existing = wanted.base_tree === undefined ? [] : world.git.listTree(name, wanted.base_tree, true);
    const changes: FileChange[] = [];
    for (const { path = "", mode = "100644", sha, content } of wanted.tree) {
      if (path.split("/").some((part) => ["", ".", "..", ".git"].includes(part)))
        throw new Refusal(422, "tree.path contains a malformed path component");
      if (content === undefined && sha === undefined) throw new Refusal(422, "Must supply either tree.sha or tree.content.");
      if (sha && mode !== "160000" && !isA(call, sha, mode === "040000" ? "tree" : "blob")) {
        throw new Refusal(422, "tree.sha does not point to an object of its type");
      }
      if (sha && mode === "040000") {
        changes.push(
          ...existing
            .filter((entry) => entry.type !== "tree" && entry.path.startsWith(`${path}/`))
            .map((entry) => ({ ...entry, sha: null })),
        );
        const below = world.git.listTree(name, sha, true).filter((entry) => entry.type !== "tree");
        changes.push(...below.map((entry) => ({ ...entry, path: `${path}/${entry.path}` })));
        continue;
      }
      if (content !== undefined && sha !== undefined) throw new Refusal(422, "Must supply either tree.sha or tree.content.");
      if (sha === null && !existing.some((entry) => entry.path === path)) throw new Refusal(422, "GitRPC::BadObjectState");
      changes.push({ path, mode, sha: content === undefined ? (sha ?? null) : world.git.writeBlob(name, content) });
    }
    const tree = world.git.writeTree(name, wanted.base_tree, changes);
    return created(treeView(call, tree, false));
  },

  "git/get-tree": (call) => {
    const repository = repositoryOfCall(call);
    const wanted = call.params.tree_sha ?? "";
    const tree = isA(call, wanted, "tree") ? wanted : call.world.git.resolve(nameOf(repository), wanted);
    if (!tree) throw notFound();
    return ok(treeView(call, tree, call.query.has("recursive")));
  },

  "git/create-commit": (call) => {
    const { world } = call;
    const repository = repositoryOfCall(call);
    const wanted = call.body as CommitRequest;
    if (!isA(call, wanted.tree, "tree")) throw new Refusal(422, "Tree SHA does not exist");
    for (const parent of wanted.parents ?? []) {
      if (!isA(call, parent, "commit")) throw new Refusal(422, `Parent SHA does not exist or is not a commit object`);
    }
    const author = { ...signatureOf(world, actorOf(call)), ...wanted.author };
    // Left to GitHub, a commit is GitHub's and signed.
    const own = wanted.author === undefined && wanted.committer === undefined ? { ...github, date: author.date } : author;
    const committer = { ...own, ...wanted.committer };
    const { message, tree, parents = [] } = wanted;
    const sha = world.git.writeCommit(nameOf(repository), { message, tree, parents, author, committer });
    return created(gitCommitView(world, repository, world.git.readCommit(nameOf(repository), sha)));
  },

  "git/get-commit": (call) => {
    const repository = repositoryOfCall(call);
    const sha = call.params.commit_sha ?? "";
    if (!isA(call, sha, "commit")) throw notFound();
    return ok(gitCommitView(call.world, repository, call.world.git.readCommit(nameOf(repository), sha)));
  },
};

function refView(
  world: World,
  repository: Repository,
  { ref, sha, type }: { readonly ref: string; readonly sha: string; readonly type: string },
) {
  const api = apiOf(world, repository);
  return {
    ref,
    node_id: nodeId("REF", ref),
    url: `${api}/git/${ref}`,
    object: { sha, type, url: `${api}/git/${type}s/${sha}` },
  };
}

function treeView(call: Call, tree: string, recursive: boolean) {
  const repository = repositoryOfCall(call);
  const api = apiOf(call.world, repository);
  const name = nameOf(repository);
  const sha = call.world.git.kindOf(name, tree) === "commit" ? call.world.git.readCommit(name, tree).tree : tree;
  const entries = call.world.git.listTree(nameOf(repository), sha, recursive);
  return {
    sha,
    url: `${api}/git/trees/${sha}`,
    truncated: false,
    tree: entries.map((entry) => ({
      path: entry.path,
      mode: entry.mode,
      type: entry.type,
      sha: entry.sha,
      ...(entry.size === undefined ? {} : { size: entry.size }),
      url: `${api}/git/${entry.type}s/${entry.sha}`,
    })),
  };
}

function isA(call: Call, sha: string, type: "blob" | "tree" | "commit"): boolean {
  return /^[0-9a-f]{40}$/.test(sha) && call.world.git.kindOf(nameOf(repositoryOfCall(call)), sha) === type;
}

function mustExist(call: Call, sha: string): void {
  if (!isA(call, sha, "commit")) throw new Refusal(422, "Object does not exist");
}
