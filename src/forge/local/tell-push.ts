import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join, relative } from "node:path";
import { isBranchName } from "../git/names.ts";
import { announce } from "./announce.ts";
import type { Change } from "./delivery.ts";

/** Tells flibs of what stands in a hook's `<old> <new> <ref>` lines; true when it heard. `path` is a repository below `directory`. */
export async function tellPush(directory: string, path: string, input: string): Promise<boolean> {
  const branches = new Map<string, string | undefined>();
  for (const line of input.split("\n")) {
    const [, after = "", ref = ""] = line.split(" ");
    const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
    if (branch !== undefined && isBranchName(branch)) branches.set(branch, /^0+$/.test(after) ? undefined : after);
  }
  if (branches.size === 0) return true;
  const pushes = [...branches].map(
    ([branch, after]): Change => ({ kind: "branch-pushed", branch, ...(after === undefined ? {} : { after }) }),
  );
  const pulls = (await havePulls(path)) ? await (await import("./pushed-pulls.ts")).changesOf(path, branches) : [];
  const changes = [...pushes, ...pulls];
  const repository = relative(directory, path).replace(/\.git$/, "");
  return (await announce(directory, repository, pusher(), changes)) === "heard";
}

/** Each push waits for what is loaded here, and most repositories never had a pull request. */
async function havePulls(path: string): Promise<boolean> {
  const listed = await readFile(join(path, "packed-refs"), "latin1").catch(() => "");
  return existsSync(join(path, "refs/flibs/pulls")) || listed.includes(" refs/flibs/pulls/");
}

/** Servers in front of git name the person themselves; otherwise it is who the operating system says. */
function pusher(): string {
  const { REMOTE_USER, GL_USER } = process.env;
  return (REMOTE_USER ?? GL_USER ?? userInfo().username).slice(0, 100);
}
