import type { IncomingMessage, ServerResponse } from "node:http";
import { runHttpBackend } from "../http-backend.ts";
import { byToken } from "./auth.ts";
import { covers } from "./state/installations.ts";
import type { Usage } from "./usage.ts";
import { findRepository, nameOf, Refusal, type World } from "./world.ts";

export const gitPath = /^\/([^/]+\/[^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/;
const codeload = /^\/_codeload\/([^/]+\/[^/]+)\/legacy\.tar\.gz\/([0-9a-f]{40})$/;

/** git's smart HTTP for clones and fetches: `git http-backend` behind the check of `x-access-token:<installation token>`. */
export function serveGit(world: World, usage: Usage, request: IncomingMessage, response: ServerResponse, url: URL): void {
  const [, fullName = "", service = ""] = gitPath.exec(url.pathname) ?? [];
  const repository = findRepository(world, fullName);
  const refusal = mayFetch(world, request.headers.authorization, fullName, service, url);
  usage.made({
    operationId: "git",
    method: request.method ?? "GET",
    path: url.pathname,
    status: refusal?.status ?? 200,
    by: "git",
    userAgent: request.headers["user-agent"] ?? "",
  });
  if (refusal || !repository) {
    response.writeHead(refusal?.status ?? 404, refusal?.status === 401 ? { "www-authenticate": 'Basic realm="GitHub"' } : {});
    return void response.end(refusal?.message ?? "Not Found");
  }
  usage.more.add("contents");
  void runHttpBackend(request, response, {
    ...{ root: world.git.root, path: `/${nameOf(repository).toLowerCase()}.git/${service}`, url, user: "x-access-token" },
  });
}

function mayFetch(world: World, header: string | undefined, fullName: string, service: string, url: URL): Refusal | undefined {
  const isPush = service === "git-receive-pack" || url.searchParams.get("service") === "git-receive-pack";
  const [, password = ""] = Buffer.from(/^basic (.+)$/i.exec(header ?? "")?.[1] ?? "", "base64")
    .toString()
    .split(/:(.*)/s);
  if (password === "") return new Refusal(401, "Repository not found.");
  try {
    const { installation, token } = byToken(world, password);
    const repository = findRepository(world, fullName);
    const isReached = repository && covers(installation, repository) && (token.repositories?.includes(repository.id) ?? true);
    if (!isReached || !token.permissions.contents) return new Refusal(404, "Repository not found.");
    // World actions push; an App of this project writes through the API.
    return isPush ? new Refusal(403, "Write access to repository not granted.") : undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Where the tarball link leads: no token is asked for, the address is the secret. Answers undefined for other paths. */
export async function tarball(world: World, url: URL): Promise<Buffer | undefined> {
  const [, fullName = "", sha = ""] = codeload.exec(url.pathname) ?? [];
  const repository = findRepository(world, fullName);
  if (!repository || !world.git.resolve(nameOf(repository), sha)) return undefined;
  const prefix = `${repository.owner}-${repository.name}-${sha.slice(0, 7)}/`;
  return world.git.archive(nameOf(repository), sha, prefix);
}
