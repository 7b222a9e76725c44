import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { runHttpBackend } from "../http-backend.ts";
import { type Answer, authorize, fatal, Refusal, unknownProject, unknownPull } from "./answers.ts";
import { afterPush, type RefMove } from "./pushes.ts";
import { instanceRoutes, projectRoutes } from "./routes.ts";
import { gitName, mayCommit, type Project, type World } from "./state.ts";

/**
 * What the next request that fits gets instead of its answer. `html` is what a proxy or a broken Pagure says; `after` does the work and
 * then says that; `hang` never answers; `expired` is a token that is not good any more.
 */
export type Fault = "404" | "500" | "502" | "html" | "502-after" | "EDBERROR" | "expired" | "hang";

export interface Faults {
  /** The next `times` requests whose `METHOD path` contains `where`. */
  next(where: string, fault: Fault, times?: number): void;
  pending(): number;
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly authorization: string | undefined;
  readonly form: Readonly<Record<string, unknown>>;
}

export function createFaults(): Faults & { take(request: string): Fault | undefined } {
  const waiting: { where: string; fault: Fault }[] = [];
  return {
    next(where, fault, times = 1) {
      for (let i = 0; i < times; i++) waiting.push({ where, fault });
    },
    pending: () => waiting.length,
    take(request) {
      const at = waiting.findIndex(({ where }) => request.includes(where));
      return at < 0 ? undefined : waiting.splice(at, 1)[0]?.fault;
    },
  };
}

/** The world is made once the address is known. */
export function createPagureServer(world: () => World, faults: ReturnType<typeof createFaults>, seen: Seen[]): Server {
  return createServer((request, response) => {
    handle(world(), faults, seen, request, response).catch(() => response.destroy());
  });
}

async function handle(
  world: World,
  faults: ReturnType<typeof createFaults>,
  seen: Seen[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://pagure");
  const [method, path] = [request.method ?? "GET", decodeURIComponent(url.pathname)];
  if (/\.git\/(?:info\/refs|git-(?:upload|receive)-pack)$/.test(path)) return await serveGit(world, faults, request, response, url);
  const body = await readBody(request);
  const form = parseForm(request.headers["content-type"] ?? "", body);
  const fault = faults.take(`${method} ${path}`);
  if (fault === "hang") return;
  let answer: Answer;
  if (fault !== undefined && fault !== "502-after") answer = faultAnswer(world, fault);
  else answer = await answerTo(world, method, path, url, form, request);
  if (fault === "502-after") answer = { status: 502, html: "<html><body>Bad Gateway</body></html>" };
  seen.push({ method, path: `${path}${url.search}`, status: answer.status, authorization: request.headers.authorization, form });
  const isHtml = answer.html !== undefined;
  response.writeHead(answer.status, { "content-type": isHtml ? "text/html; charset=utf-8" : "application/json" });
  response.end(isHtml ? answer.html : JSON.stringify(answer.body));
}

function faultAnswer(world: World, fault: Exclude<Fault, "hang" | "502-after">): Answer {
  switch (fault) {
    case "500":
      return fatal;
    case "502":
      return { status: 502, html: "<html><body>Bad Gateway</body></html>" };
    case "html":
      return { status: 200, html: "<html><body>{}</body></html>" };
    case "EDBERROR":
      return new Refusal(400, "An error occurred at the database level", "EDBERROR").answer;
    case "404":
      // What was told already, and is not in the database yet.
      return unknownPull().answer;
    case "expired":
      return new Refusal(401, `Invalid or expired token. Please visit ${world.instance}settings`, "EINVALIDTOK").answer;
  }
}

async function answerTo(
  world: World,
  method: string,
  path: string,
  url: URL,
  form: Readonly<Record<string, unknown>>,
  request: IncomingMessage,
): Promise<Answer> {
  const isJson = (request.headers["content-type"] ?? "").startsWith("application/json");
  const common = { world, query: url.searchParams, form, authorization: request.headers.authorization, isJson };
  try {
    const raw = /^\/(.+?)\/raw\/([^/]+)\/f\/(.+)$/.exec(path);
    if (raw && !path.startsWith("/api/")) return rawFile(world, raw[1] ?? "", raw[2] ?? "", raw[3] ?? "");
    const [, below] = /^\/api\/0\/(.+?)\/?$/.exec(path) ?? [];
    if (below === undefined) return { status: 404, html: "<html><body>Page not found (404)</body></html>" };
    for (const [route, handler] of Object.entries(instanceRoutes)) {
      const at = match(route, method, below);
      if (at !== undefined) return handler({ ...common, at });
    }
    const found = findProject(world, below);
    if (found === undefined) throw unknownProject();
    for (const [route, handler] of Object.entries(projectRoutes)) {
      const at = match(route, method, found.rest);
      if (at !== undefined) return await handler({ ...common, at, project: found.project });
    }
    return { status: 404, html: "<html><body>Page not found (404)</body></html>" };
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    return fatal;
  }
}

/** `pull-request/:id/merge`; `:path*` takes the rest. */
function match(route: string, method: string, path: string): Record<string, string> | undefined {
  const [wanted = "", pattern = ""] = route.split(" ");
  if (wanted !== method) return undefined;
  const names: string[] = [];
  const text = pattern.replace(/:(\w+)(\*?)/g, (_all, name: string, star: string) => {
    names.push(name);
    return star === "" ? "([^/]+)" : "(.+)";
  });
  const found = new RegExp(`^${text}$`).exec(path);
  return found ? Object.fromEntries(names.map((name, i) => [name, found[i + 1] ?? ""])) : undefined;
}

/** The longest full name that the path begins with. */
function findProject(world: World, path: string): { readonly project: Project; readonly rest: string } | undefined {
  const parts = path.replace(/^fork\//, "forks/").split("/");
  for (let length = Math.min(4, parts.length); length > 0; length--) {
    const project = world.projects.get(parts.slice(0, length).join("/"));
    if (project !== undefined) return { project, rest: parts.slice(length).join("/") };
  }
  return undefined;
}

function rawFile(world: World, name: string, ref: string, path: string): Answer {
  const project = world.projects.get(name.replace(/^fork\//, "forks/"));
  const commit = project && world.git.resolve(gitName(project), ref);
  if (!project || commit === undefined) return { status: 404, html: "<html><body>Page not found (404)</body></html>" };
  const entry = world.git.findEntry(gitName(project), commit, path);
  if (!entry) throw new Error(`there is no ${path}`);
  return { status: 200, html: world.git.readBlob(gitName(project), entry.sha).toString() };
}

/** Anybody fetches; who pushes says so with a token that has `commit`, of a user who may. */
async function serveGit(
  world: World,
  faults: ReturnType<typeof createFaults>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const [, name = "", service = ""] = /^\/(.+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname) ?? [];
  const project = world.projects.get(name);
  const refuse = (status: number, text: string, headers: Record<string, string> = {}) => {
    response.writeHead(status, headers);
    response.end(text);
  };
  if (project === undefined) return refuse(404, "Not Found");
  const pushes = service === "git-receive-pack" || url.searchParams.get("service") === "git-receive-pack";
  if (faults.take(`${pushes ? "PUSH" : "FETCH"} ${name}`) !== undefined) return refuse(502, "Bad Gateway");
  let user = "";
  if (pushes) {
    const pair = Buffer.from(/^basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "", "base64").toString();
    const [login = "", password = ""] = pair.split(/:(.*)/s);
    if (password === "") return refuse(401, "Authentication required", { "www-authenticate": 'Basic realm="Pagure API token"' });
    try {
      const token = authorize(world, `token ${password}`, "commit", project);
      if (token.user !== login || !mayCommit(world, project, login, undefined)) return refuse(403, "Forbidden");
      user = login;
    } catch {
      return refuse(401, "Invalid token", { "www-authenticate": 'Basic realm="Pagure API token"' });
    }
  }
  const before = world.git.listRefs(gitName(project), "refs/");
  const ended = service !== "git-receive-pack" ? undefined : () => tellPush(world, project, before, user);
  await runHttpBackend(request, response, {
    ...{ root: world.git.root, path: `/${gitName(project).toLowerCase()}.git/${service}`, url, user, refsOnly: true },
    ...(ended && { ended }),
  });
}

async function tellPush(
  world: World,
  project: Project,
  before: readonly { readonly ref: string; readonly sha: string }[],
  user: string,
): Promise<void> {
  const after = new Map(world.git.listRefs(gitName(project), "refs/").map(({ ref, sha }) => [ref, sha]));
  const old = new Map(before.map(({ ref, sha }) => [ref, sha]));
  const moves: RefMove[] = [];
  for (const ref of new Set([...old.keys(), ...after.keys()])) {
    const [from, to] = [old.get(ref), after.get(ref)];
    if (from !== to && !ref.startsWith("refs/pull/")) moves.push({ ref, from, to });
  }
  await afterPush(world, project, moves, before, user);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function parseForm(type: string, body: string): Readonly<Record<string, unknown>> {
  if (body === "") return {};
  if (type.startsWith("application/json")) return JSON.parse(body) as Record<string, unknown>;
  return Object.fromEntries(new URLSearchParams(body));
}
