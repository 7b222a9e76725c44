import type { FileChange } from "../github/git.ts";
import { comment, editPull, end, merge, openPull, reopen } from "./pulls.ts";
import { moveRefs } from "./pushes.ts";
import { type Comment, fullName, gitName, mayCommit, type Project, projectOf, pullOf, type World } from "./state.ts";
import { commentView, projectView, pullView } from "./views.ts";

/** Text, bytes, a link's target or an executable's text; null deletes. */
export type FileContent = string | Uint8Array | { readonly link: string } | { readonly text: string; readonly executable: true } | null;
export type Files = Readonly<Record<string, FileContent>>;

export interface PushOptions {
  readonly message?: string;
  /** Branch or commit to begin at; the branch itself when it exists, else the default branch. */
  readonly from?: string;
  /** Puts the branch onto `from` whatever it held. */
  readonly force?: boolean;
  /** Begins a new branch with a commit that has no parent. */
  readonly orphan?: boolean;
}

/** What a person does with git and in the web interface. Projects by full names. */
export interface Person {
  push(project: string, branch: string, files: Files, options?: PushOptions): Promise<string>;
  deleteBranch(project: string, branch: string): Promise<void>;
  /** A lightweight tag; with files, on a commit of no branch. */
  tag(project: string, name: string, at: string, files?: Files): Promise<string>;
  /** Full name of the fork, made when it is not there. */
  fork(project: string): Promise<string>;
  openPull(
    project: string,
    wanted: { readonly head: string; readonly base: string; readonly title?: string; readonly body?: string; readonly fork?: string },
  ): Promise<number>;
  comment(project: string, number: number, text: string): number;
  editComment(project: string, number: number, comment: number, text: string): void;
  /** Commit that the base branch has then. */
  merge(project: string, number: number): Promise<string>;
  close(project: string, number: number): void;
  reopen(project: string, number: number): void;
  /** In the web interface; `base` is the branch to merge into. */
  editPull(project: string, number: number, edit: { readonly title?: string; readonly base?: string }): void;
}

export function personOn(world: World, user: string): Person {
  const at = (name: string) => projectOf(world, name);
  async function push(name: string, branch: string, files: Files, options: PushOptions = {}): Promise<string> {
    const project = at(name);
    if (!mayCommit(world, project, user, branch)) throw new Error(`${user} may not push to ${branch} of ${name}`);
    const ref = `refs/heads/${branch}`;
    const tip = world.git.findRef(gitName(project), ref);
    const start = options.orphan ? undefined : world.git.resolve(gitName(project), options.from ?? project.defaultBranch);
    const commit = await commitFiles(world, project, user, options.force ? start : (tip ?? start), files, options.message);
    await moveRefs(world, project, [{ ref, from: tip, to: commit }], user);
    return commit;
  }
  return {
    push,
    async deleteBranch(name, branch) {
      const ref = `refs/heads/${branch}`;
      await moveRefs(world, at(name), [{ ref, from: world.git.findRef(gitName(at(name)), ref), to: undefined }], user);
    },
    async tag(name, tag, start, files) {
      const project = at(name);
      const from = world.git.resolve(gitName(project), start);
      const to = files === undefined ? from : await commitFiles(world, project, user, from, files);
      await moveRefs(world, project, [{ ref: `refs/tags/${tag}`, from: undefined, to }], user);
      return to ?? "";
    },
    async fork(name) {
      const parent = at(name);
      const made: Project = {
        ...{ id: world.projects.size + 1, namespace: parent.namespace, name: parent.name, fork: user, parent, owner: user },
        ...{ description: parent.description, created: world.now(), modified: world.now() },
        users: { admin: [], commit: [], collaborator: [], ticket: [] },
        groups: { admin: [], commit: [], collaborator: [], ticket: [] },
        ...{ collaboratorBranches: {}, defaultBranch: parent.defaultBranch, hookKey: "F".repeat(40), hookUrls: [], pulls: [], flags: [] },
      };
      const full = fullName(made);
      if (world.projects.has(full)) return full;
      world.projects.set(full, made);
      await world.git.create(gitName(made), gitName(parent));
      return full;
    },
    async openPull(name, { head, base, title = head, body, fork }) {
      const from = fork === undefined ? at(name) : at(fork);
      const wanted = { title, branch: base, branchFrom: head, from, initialComment: body ?? null, user };
      return (await openPull(world, at(name), wanted)).id;
    },
    comment: (name, number, text) => comment(world, at(name), pullOf(at(name), number), user, text),
    editComment(name, number, id, text) {
      const [project, pull] = [at(name), pullOf(at(name), number)];
      const found = pull.comments.find((one): one is Comment => one.id === id);
      if (found === undefined) throw new Error(`there is no comment ${id}`);
      found.text = text;
      found.edited = { by: user, at: world.now() };
      world.hooks.emit(project, "pull-request.comment.edited", {
        ...{ agent: user, comment: commentView(world, found), project: projectView(world, project) },
        pullrequest: pullView(world, project, pull, false),
      });
    },
    async merge(name, number) {
      const [project, pull] = [at(name), pullOf(at(name), number)];
      if (!mayCommit(world, project, user, pull.branch)) throw new Error(`${user} may not merge into ${name}`);
      const outcome = await merge(world, project, pull, user);
      if (outcome !== "merged") throw new Error(`#${number} of ${name} is not merged: ${outcome}`);
      return world.git.findRef(gitName(project), `refs/heads/${pull.branch}`) ?? "";
    },
    close: (name, number) => end(world, at(name), pullOf(at(name), number), user, false),
    reopen: (name, number) => reopen(world, at(name), pullOf(at(name), number), user),
    editPull: (name, number, { base, ...edit }) =>
      editPull(world, at(name), pullOf(at(name), number), user, base === undefined ? edit : { ...edit, branch: base }),
  };
}

export async function commitFiles(
  world: World,
  project: Project,
  user: string,
  parent: string | undefined,
  files: Files,
  message = `Change ${Object.keys(files).join(", ")}`,
): Promise<string> {
  const name = gitName(project);
  const changes: FileChange[] = [];
  for (const [path, content] of Object.entries(files)) {
    if (content === null) changes.push({ path, mode: "0", sha: null });
    else if (typeof content === "string" || content instanceof Uint8Array) {
      changes.push({ path, mode: "100644", sha: world.git.writeBlob(name, content) });
    } else if ("link" in content) changes.push({ path, mode: "120000", sha: world.git.writeBlob(name, content.link) });
    else changes.push({ path, mode: "100755", sha: world.git.writeBlob(name, content.text) });
  }
  const tree = world.git.writeTree(name, parent, changes);
  const signature = { name: user, email: `${user}@example.org`, date: new Date(world.now() * 1000).toISOString() };
  return world.git.writeCommit(name, { tree, parents: parent ? [parent] : [], author: signature, committer: signature, message });
}
