import { type Access, type Comment, type Flag, fullName, type Project, type Pull, urlPath, type World } from "./state.ts";

/** Pagure 5.13 writes times as text of epoch seconds with a fraction. */
export const timeText = (seconds: number): string => seconds.toFixed(6);

export function userView({ instance, users }: World, name: string) {
  return { full_url: `${instance}user/${name}`, fullname: users.get(name)?.fullname ?? name, name, url_path: `user/${name}` };
}

export function projectView(world: World, project: Project): Record<string, unknown> {
  const accesses: readonly Access[] = ["admin", "collaborator", "commit", "ticket"];
  const lists = (of: Record<Access, string[]>) => Object.fromEntries(accesses.map((access) => [access, [...of[access]]]));
  return {
    access_groups: lists(project.groups),
    access_users: { ...lists(project.users), owner: [project.owner] },
    close_status: [],
    custom_keys: [],
    date_created: timeText(project.created),
    date_modified: timeText(project.modified),
    description: project.description,
    full_url: `${world.instance}${urlPath(project)}`,
    fullname: fullName(project),
    id: project.id,
    milestones: {},
    name: project.name,
    namespace: project.namespace === "" ? null : project.namespace,
    parent: project.parent === undefined ? null : projectView(world, project.parent),
    priorities: {},
    tags: [],
    url_path: urlPath(project),
    user: userView(world, project.owner),
  };
}

export function commentView(world: World, comment: Comment) {
  return {
    comment: comment.text,
    commit: comment.inline?.commit ?? null,
    date_created: timeText(comment.created),
    edited_on: comment.edited === undefined ? null : timeText(comment.edited.at),
    editor: comment.edited === undefined ? null : userView(world, comment.edited.by),
    filename: comment.inline?.filename ?? null,
    id: comment.id,
    line: comment.inline?.line ?? null,
    notification: comment.notification,
    parent: null,
    reactions: {},
    tree: null,
    user: userView(world, comment.user),
  };
}

export function pullView(world: World, target: Project, pull: Pull, withComments = true) {
  return {
    assignee: null,
    branch: pull.branch,
    branch_from: pull.branchFrom,
    cached_merge_status: pull.mergeStatus,
    closed_at: pull.closedAt === undefined ? null : timeText(pull.closedAt),
    closed_by: pull.closedBy === undefined ? null : userView(world, pull.closedBy),
    comments: withComments ? pull.comments.map((one) => commentView(world, one)) : [],
    commit_start: pull.start,
    commit_stop: pull.stop,
    date_created: timeText(pull.created),
    full_url: `${world.instance}${urlPath(target)}/pull-request/${pull.id}`,
    id: pull.id,
    initial_comment: pull.initialComment,
    last_updated: timeText(pull.updated),
    project: projectView(world, target),
    remote_git: null,
    // null once the fork is gone.
    repo_from: world.projects.has(fullName(pull.from)) ? projectView(world, pull.from) : null,
    status: pull.status,
    tags: [],
    threshold_reached: null,
    title: pull.title,
    uid: pull.uid,
    updated_on: timeText(pull.updated),
    user: userView(world, pull.user),
  };
}

/** `percent` is a number in the API and in topics of pull requests, a text in those of commits. */
export function flagView(world: World, flag: Flag, percentAs: "number" | "text" = "number", owner = false) {
  const percent = flag.percent === undefined ? null : percentAs === "text" ? flag.percent : Number(flag.percent);
  const emails = owner ? { default_email: `${flag.user}@example.org`, emails: [`${flag.user}@example.org`] } : {};
  return {
    comment: flag.comment,
    commit_hash: flag.commit,
    date_created: timeText(flag.created),
    date_updated: timeText(flag.updated),
    percent,
    status: flag.status,
    url: flag.url,
    user: { ...userView(world, flag.user), ...emails },
    username: flag.username,
  };
}
