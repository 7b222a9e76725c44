import { setTimeout as delay } from "node:timers/promises";
import { type Answer, fatal, invalid, Refusal } from "./answers.ts";
import { type Flag, fullName, type Project, type Pull, type Token, type World } from "./state.ts";
import { flagView, projectView, pullView, userView } from "./views.ts";

const statuses = ["pending", "success", "failure", "error", "canceled"];
/** Pagure's own pattern: a dotted host, localhost or an address. */
const url = /^https?:\/\/(?:(?:[a-z0-9_-]+\.)+[a-z]{2,}|localhost|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?(?:\/?|[/?]\S+)$/i;

/** Adds a flag, or updates the one of this uid and commit, whichever project of the instance it was posted to. */
export async function postFlag(
  world: World,
  project: Project,
  commit: string,
  token: Token,
  form: Readonly<Record<string, unknown>>,
  pull?: Pull,
): Promise<Answer> {
  if (typeof form.percent === "number") return fatal;
  const text = (name: string) => (typeof form[name] === "string" && form[name] !== "" ? (form[name] as string) : undefined);
  const errors: Record<string, string[]> = {};
  for (const name of ["username", "comment", "url"]) if (text(name) === undefined) errors[name] = ["This field is required."];
  if (text("url") !== undefined && !url.test(text("url") ?? "")) errors.url = ["Invalid input."];
  if (text("status") !== undefined && !statuses.includes(text("status") ?? "")) errors.status = ["Not a valid choice."];
  if (Object.keys(errors).length > 0) throw invalid(errors);
  const percent = text("percent");
  const status = text("status") ?? (percent === undefined ? "pending" : percent === "0" ? "failure" : "success");
  const uid = text("uid") ?? Math.random().toString(36).slice(2);
  const broken = () =>
    new Refusal(400, "An error occurred at the database level and prevent the action from reaching completion", "EDBERROR");
  // PostgreSQL's column, and its unique constraint when two write at the same moment.
  if (uid.length > 32) throw broken();
  const key = `${commit} ${uid}`;
  if (world.writing.has(key)) throw broken();
  world.writing.add(key);
  try {
    await delay(20);
    const known = world.flagOf(commit, uid);
    const now = world.now();
    const content = { comment: text("comment") ?? "", url: text("url") ?? "", status, percent, updated: now };
    const flag: Flag = known
      ? Object.assign(known, content)
      : { ...content, commit, uid, username: text("username") ?? "", user: token.user, created: now, project: fullName(project) };
    if (known === undefined) project.flags.push(flag);
    const verb = known === undefined ? "added" : "updated";
    const agent = token.user;
    world.hooks.emit(project, `commit.flag.${verb}`, { agent, flag: flagView(world, flag, "text"), repo: projectView(world, project) });
    if (pull !== undefined) {
      const msg = { agent, flag: flagView(world, flag), pullrequest: pullView(world, project, pull) };
      world.hooks.emit(project, `pull-request.flag.${verb}`, msg);
    }
    const avatar = { avatar_url: "https://seccdn.libravatar.org/avatar/0?s=30&d=retro", user: userView(world, flag.user).name };
    const body = { flag: flagView(world, flag, "number", true), message: `Flag ${verb}`, uid, ...(pull === undefined ? {} : avatar) };
    return { status: 200, body };
  } finally {
    world.writing.delete(key);
  }
}
