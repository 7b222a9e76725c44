import { randomUUID } from "node:crypto";
import { type Answer, authorize, fatal, invalid, Refusal, unknownCommit, unknownProject, unknownPull } from "./answers.ts";
import { postFlag } from "./flags.ts";
import { comment, diffstats, editPull, end, merge, openPull, reopen } from "./pulls.ts";
import { type Access, fullName, gitName, mayCommit, type Project, type Pull, type World } from "./state.ts";
import { flagView, projectView, pullView } from "./views.ts";

export interface Call {
  readonly world: World;
  readonly project: Project;
  /** What stands behind the project's path, by the names of the route. */
  readonly at: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Form fields, or the members of a JSON body. */
  readonly form: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
  /** A JSON body: the form value "0" of `wait` counts as true. */
  readonly isJson: boolean;
}

type Handler = (call: Call) => Answer | Promise<Answer>;

const ok = (body: unknown): Answer => ({ status: 200, body });
const number = (text: string | null, fallback: number, most = Number.MAX_SAFE_INTEGER) =>
  Math.min(most, Math.max(1, Number.parseInt(text ?? "", 10) || fallback));

/** `GET <project>/git/branches`: method and what follows the project's path. */
export const projectRoutes: Readonly<Record<string, Handler>> = {
  "GET ": ({ world, project }) => ok(projectView(world, project)),
  "GET hascommit": ({ world, project, query }) => {
    const [user, branch] = [query.get("user") ?? "", query.get("branch") ?? ""];
    if (user === "" || branch === "") throw invalid({});
    return ok({ args: { branch, project: projectView(world, project), user }, hascommit: mayCommit(world, project, user, branch) });
  },
  "GET contributors": ({ project }) => {
    const lists = (of: Record<Access, string[]>) => ({
      admin: of.admin,
      collaborators: of.collaborator,
      commit: of.commit,
      ticket: of.ticket,
    });
    return ok({ groups: lists(project.groups), users: { ...lists(project.users), admin: [project.owner, ...project.users.admin] } });
  },
  "GET git/branches": async ({ world, project, query }) => {
    const refs = world.git.listRefs(gitName(project), "refs/heads/");
    const heads = Object.fromEntries(refs.map(({ ref, sha }) => [ref.slice("refs/heads/".length), sha]));
    const names = Object.keys(heads);
    if (query.get("with_commits") !== "true") return ok({ branches: names, default: project.defaultBranch, total_branches: names.length });
    const own = heads[project.defaultBranch];
    return ok({ branches: heads, default: own === undefined ? {} : { [project.defaultBranch]: own }, total_branches: names.length });
  },
  "GET git/tags": async ({ world, project }) => {
    const refs = world.git.listRefs(gitName(project), "refs/tags/");
    const tags: Record<string, string> = {};
    for (const { ref } of refs) tags[ref.slice("refs/tags/".length)] = world.git.resolve(gitName(project), ref) ?? "";
    return ok({ tags, total_tags: refs.length });
  },
  "GET tree/:ref": (call) => tree(call, ""),
  "GET tree/:ref/f/:path*": (call) => tree(call, call.at.path ?? ""),
  "GET c/:sha/info": async ({ world, project, at }) => {
    const sha = knownCommit(world, project, at.sha ?? "");
    const found = world.git.readCommit(gitName(project), sha);
    return ok({
      ...{ author: found.author.name, committer: found.committer.name, commit_time: Date.parse(found.committer.date) / 1000 },
      ...{ commit_time_offset: 0, hash: sha, message: `${found.message}\n`, parent_ids: found.parents, tree_id: found.tree },
    });
  },
  "GET c/:sha/flag": ({ world, project, at }) => {
    const flags = project.flags.filter(({ commit }) => commit === at.sha);
    return ok({ flags: flags.map((one) => flagView(world, one)), total_flags: flags.length });
  },
  "POST c/:sha/flag": ({ world, project, at, form, authorization }) => {
    const token = authorize(world, authorization, "commit_flag", project);
    // An id that no repository has is taken.
    return postFlag(world, project, at.sha ?? "", token, form);
  },
  "GET pull-requests": ({ world, project, query }) => {
    const wanted = query.get("status") ?? "Open";
    const [author, perPage, page] = [query.get("author"), number(query.get("per_page"), 20, 100), number(query.get("page"), 1)];
    const all = project.pulls.filter(
      (one) =>
        (wanted === "all" || (wanted === "Closed" ? one.status !== "Open" : one.status === wanted)) &&
        (author === null || one.user === author),
    );
    const listed = all.toReversed();
    const pages = Math.max(1, Math.ceil(listed.length / perPage));
    const of = (n: number) => `${world.instance}api/0/${fullName(project)}/pull-requests?per_page=${perPage}&status=${wanted}&page=${n}`;
    return ok({
      args: { assignee: null, author, page, per_page: perPage, status: wanted, tags: [] },
      pagination: {
        ...{ first: of(1), last: of(pages), next: page < pages ? of(page + 1) : null, page, pages, per_page: perPage },
        prev: page > 1 ? of(page - 1) : null,
      },
      requests: listed.slice((page - 1) * perPage, page * perPage).map((one) => pullView(world, project, one)),
      total_requests: listed.length,
    });
  },
  "GET pull-request/:id": (call) => ok(pullView(call.world, call.project, pullIn(call), call.query.get("comments") !== "false")),
  "GET pull-request/:id/diffstats": async (call) => {
    if (call.world.statsAreMissing()) throw new Refusal(400, "No statistics could be computed for this PR", "ENOPRSTATS");
    return ok(await diffstats(call.world, call.project, pullIn(call)));
  },
  "GET pull-request/:id/flag": (call) => {
    const flags = call.project.flags.filter(({ commit }) => commit === pullIn(call).stop);
    return ok({ flags: flags.map((one) => flagView(call.world, one)) });
  },
  "POST pull-request/:id/flag": (call) => {
    const token = authorize(call.world, call.authorization, "pull_request_flag", call.project);
    const pull = pullIn(call);
    return postFlag(call.world, call.project, pull.stop, token, call.form, pull);
  },
  "POST pull-request/:id/comment": (call) => {
    const token = authorize(call.world, call.authorization, "pull_request_comment", call.project);
    const pull = pullIn(call);
    const { comment: text, commit, filename, row } = call.form;
    if (typeof text !== "string" || text === "") throw invalid({ comment: ["This field is required."] });
    const inline = typeof commit === "string" && typeof filename === "string" ? { commit, filename, line: Number(row ?? 0) } : undefined;
    comment(call.world, call.project, pull, token.user, text, inline);
    return ok({ message: "Comment added" });
  },
  "POST pull-request/new": newPull,
  "POST pull-request/:id": (call) => {
    const { world, project, form } = call;
    const token = authorize(world, call.authorization, "pull_request_update", project);
    const pull = pullIn(call);
    if (token.user !== pull.user && !mayCommit(world, project, token.user, pull.branch)) {
      throw new Refusal(403, "You are not allowed to update this pull-request", "ENOTALLOWED");
    }
    if (typeof form.title !== "string" || form.title === "") throw invalid({ title: ["This field is required."] });
    const initialComment = typeof form.initial_comment === "string" ? form.initial_comment : null;
    editPull(world, project, pull, token.user, { title: form.title, initialComment });
    return ok(pullView(world, project, pull));
  },
  "POST pull-request/:id/merge": mergePull,
  "POST pull-request/:id/close": (call) => endPull(call, "close"),
  "POST pull-request/:id/reopen": (call) => endPull(call, "reopen"),
  "GET webhook/token": ({ world, project, authorization }) => {
    let user: string;
    try {
      user = authorize(world, authorization, undefined, project).user;
    } catch (error) {
      // Without a token at all this is one of Pagure's bugs.
      if (authorization === undefined) return fatal;
      throw error;
    }
    const direct = project.owner === user || Object.values(project.users).some((list) => list.includes(user));
    if (!direct) throw new Refusal(401, "You do not have access to this project's hook token", "ENOTHIGHENOUGH");
    return ok({ status: "ok", webhook: { token: project.hookKey } });
  },
  "POST options/update": ({ world, project, form, authorization }) => {
    const token = authorize(world, authorization, "modify_project", project);
    if (typeof form["Web-hooks"] === "string")
      project.hookUrls = form["Web-hooks"]
        .split("\n")
        .map((one) => one.trim())
        .filter(Boolean);
    project.modified = world.now();
    world.hooks.emit(project, "project.edit", { agent: token.user, fields: ["Web-hooks"], project: projectView(world, project) });
    return ok({ message: `Edited successfully settings of repo: ${fullName(project)}`, status: "ok" });
  },
};

/** Those that stand on no project. */
export const instanceRoutes: Readonly<Record<string, (call: Omit<Call, "project">) => Answer>> = {
  "GET version": () => ok({ version: "0.31" }),
  "POST -/whoami": ({ world, authorization }) => ok({ username: authorize(world, authorization, undefined).user }),
  "GET group/:name": ({ world, at }) => {
    const members = world.groups.get(at.name ?? "");
    if (members === undefined) throw new Refusal(404, "Group not found", "ENOGROUP");
    return ok({ name: at.name, members });
  },
  "GET task/:id/status": ({ world, at }) => {
    const task = world.tasks.get(at.id ?? "");
    if (task === undefined) throw new Refusal(404, "No such task", "ENOTASK");
    return ok({ ready: task.ready, status: task.successful ? "SUCCESS" : task.ready ? "FAILURE" : "PENDING", successful: task.successful });
  },
  "GET projects": ({ world, query }) => {
    const [namespace, perPage, page] = [query.get("namespace"), number(query.get("per_page"), 20, 100), number(query.get("page"), 1)];
    const forks = query.get("fork");
    const all = [...world.projects.values()].filter(
      (one) => (namespace === null || one.namespace === namespace) && (forks !== "false" || one.fork === undefined),
    );
    const pages = Math.max(1, Math.ceil(all.length / perPage));
    const of = (n: number) => `${world.instance}api/0/projects?per_page=${perPage}&page=${n}`;
    const short = (one: Project) => ({ description: one.description, fullname: fullName(one), name: one.name, namespace: one.namespace });
    return ok({
      args: { namespace, page, per_page: perPage, short: query.get("short") === "1" },
      pagination: {
        ...{ first: of(1), last: of(pages), next: page < pages ? of(page + 1) : null, page, pages, per_page: perPage },
        prev: page > 1 ? of(page - 1) : null,
      },
      projects: all
        .slice((page - 1) * perPage, page * perPage)
        .map((one) => (query.get("short") === "1" ? short(one) : projectView(world, one))),
      total_projects: all.length,
    });
  },
};

function pullIn({ project, at }: Call): Pull {
  const found = project.pulls.find(({ id }) => String(id) === at.id);
  if (found === undefined) throw unknownPull();
  return found;
}

function knownCommit(world: World, project: Project, sha: string): string {
  const found = /^[0-9a-f]{6,40}$/.test(sha) ? world.git.resolve(gitName(project), sha) : undefined;
  if (found === undefined) throw unknownCommit();
  return found;
}

function tree({ world, project, at }: Call, path: string): Answer {
  const ref = at.ref ?? "";
  const commit = world.git.resolve(gitName(project), ref);
  if (commit === undefined) throw new Refusal(404, "File not found", "ENOTFOUND");
  const entry = path === "" ? undefined : world.git.findEntry(gitName(project), commit, path);
  if (path !== "" && !entry) throw new Refusal(404, "File not found", "ENOTFOUND");
  const raw = `${world.instance}${fullName(project)}/raw/${ref}/f/`;
  const name = path === "" ? null : (path.split("/").at(-1) ?? null);
  if (entry?.type === "blob") return ok({ content_url: `${raw}${path}`, name, type: "file" });
  const entries = world.git.listTree(gitName(project), entry?.sha ?? commit, false);
  const content = entries
    .map((entry) => ({ ...entry, path: path === "" ? entry.path : `${path}/${entry.path}` }))
    .map(({ path: full, type }) => ({
      content_url: type === "tree" ? `${world.instance}api/0/${fullName(project)}/tree/${ref}/f/${full}` : `${raw}${full}`,
      ...{ name: full.split("/").at(-1), path: full, type: type === "tree" ? "folder" : "file" },
    }))
    .sort((a, b) => (a.type === b.type ? (a.path < b.path ? -1 : 1) : a.type === "folder" ? -1 : 1));
  return ok({ content, name, type: "folder" });
}

async function newPull({ world, project, form, authorization }: Call): Promise<Answer> {
  const text = (name: string) => (typeof form[name] === "string" ? (form[name] as string) : "");
  const fork = text("repo_from_username");
  const plain = [text("repo_from_namespace"), text("repo_from")].filter(Boolean).join("/");
  const from = plain === "" ? project : world.projects.get(fork === "" ? plain : `forks/${fork}/${plain}`);
  // A project's token must be one of the project that the branch is in.
  const token = authorize(world, authorization, "pull_request_create", from ?? project);
  const errors: Record<string, string[]> = {};
  for (const name of ["title", "branch_to", "branch_from"]) if (text(name) === "") errors[name] = ["This field is required."];
  if (Object.keys(errors).length > 0) throw invalid(errors);
  if (from === undefined) throw unknownProject();
  if (!mayCommit(world, from, token.user, text("branch_from"))) {
    throw new Refusal(403, "You are not allowed to create pull-requests from this project", "ENOTHIGHENOUGH");
  }
  for (const [where, branch] of [
    [from, text("branch_from")],
    [project, text("branch_to")],
  ] as const) {
    if (world.git.findRef(gitName(where), `refs/heads/${branch}`) === undefined) throw invalid({ branch: [`No branch ${branch}`] });
  }
  const [head, base] = [
    world.git.findRef(gitName(from), `refs/heads/${text("branch_from")}`),
    world.git.findRef(gitName(project), `refs/heads/${text("branch_to")}`),
  ];
  if (from === project && head !== undefined && base !== undefined && world.git.isAncestor(gitName(project), head, base)) {
    throw invalid({ branch: ["There are no commits to request a pull of"] });
  }
  const pull = await openPull(world, project, {
    ...{ title: text("title"), branch: text("branch_to"), branchFrom: text("branch_from"), from, user: token.user },
    initialComment: text("initial_comment") === "" ? null : text("initial_comment"),
  });
  return ok(pullView(world, project, pull));
}

async function mergePull(call: Call): Promise<Answer> {
  const { world, project, form } = call;
  const token = authorize(world, call.authorization, "pull_request_merge", project);
  const pull = pullIn(call);
  if (!mayCommit(world, project, token.user, pull.branch)) {
    throw new Refusal(403, "You are not allowed to merge/close pull-request for this project", "ENOPRCLOSE");
  }
  const doMerge = () => merge(world, project, pull, token.user);
  if (call.isJson && form.wait === false) {
    const task = { id: randomUUID(), ready: false, successful: false };
    world.tasks.set(task.id, task);
    void doMerge().then((outcome) => Object.assign(task, { ready: true, successful: outcome === "merged" }));
    return ok({ message: "Merging queued", taskid: task.id });
  }
  const outcome = await doMerge();
  if (outcome === "merged") return ok({ message: "Changes merged!" });
  if (outcome === "closed") throw new Refusal(409, "This pull-request was merged or closed", "EPRCLOSED");
  throw new Refusal(409, "This pull-request conflicts and thus cannot be merged", "EPRCONFLICTS");
}

function endPull(call: Call, verb: "close" | "reopen"): Answer {
  const { world, project } = call;
  const token = authorize(world, call.authorization, `pull_request_${verb}`, project);
  const pull = pullIn(call);
  const isAuthor = verb === "close" && pull.user === token.user;
  if (!isAuthor && !mayCommit(world, project, token.user, pull.branch)) {
    throw new Refusal(403, "You are not allowed to merge/close pull-request for this project", "ENOPRCLOSE");
  }
  if (verb === "close") end(world, project, pull, token.user, false);
  else reopen(world, project, pull, token.user);
  return ok({ message: `Pull-request ${verb === "close" ? "closed" : "reopened"}!` });
}
