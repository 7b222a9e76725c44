import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { BuildRequested } from "../builds/build-record.ts";
import { checkRequest } from "../builds/check-request.ts";
import { chooseTarget } from "../builds/targets.ts";
import { appError } from "../domain/errors.ts";
import { requestBuild } from "../intake/requests.ts";
import { addBuildOptions, type ContainerBuildOptions, readBuildOptions, type WantedBuild } from "./build-options.ts";
import { readWorkingCopy } from "./checkout-of.ts";
import type { Client } from "./client.ts";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import type { ScmUrl } from "./scm-url.ts";
import { plain, type Terminal } from "./terminal.ts";
import { formatEnding, watchRun } from "./watch-build.ts";

const pause = () => delay(250);

/** `container-build`: what fedpkg, rhpkg and Koji's client take, with their checks. */
export function addContainerBuild(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const command = program
    .command("container-build")
    .argument("[words...]", "<namespace>/<name>, or <target> <scm-url>#<revision>; the clone that one stands in when left out")
    .description("Build a container repository at a commit and watch it, like fedpkg and koji container-build");
  addBuildOptions(command).action(async (words: string[], options: ContainerBuildOptions) => {
    const wanted = readBuildOptions(words, options);
    await context.withClient(async (client) => {
      const request = await readRequest(client, wanted, context.person);
      const target = chooseTarget(client.settings.targets, request);
      checkRequest(request);
      for (const note of wanted.notes) terminal.err(`note: ${note}\n`);
      const id = await client.runs.start(requestBuild(request, `cli ${context.uniqueId()}`));
      if (!wanted.wait) return terminal.out(wanted.json ? `${JSON.stringify({ id })}\n` : `${id}\n`);
      if (!wanted.quiet) {
        const forTarget = target === undefined ? "" : ` for ${target.name}`;
        terminal.err(plain(`build ${id} of ${request.repository} ${request.branch} at ${request.commit.slice(0, 12)}${forTarget}\n`));
      }
      if (!(await watchBuild(client, terminal, id, wanted))) context.exit(exitCodes.failed);
    });
  });
}

/** True when the build went well. Standard output has the logs, or with `json` the record alone; `quiet` tells only how it ended. */
export async function watchBuild(
  client: Client,
  terminal: Terminal,
  id: string,
  { json, quiet = false }: { readonly json: boolean; readonly quiet?: boolean },
): Promise<boolean> {
  const silent: Terminal = { ...terminal, out: () => {}, err: () => {} };
  const run = await watchRun(client, quiet ? silent : json ? { ...terminal, out: terminal.err } : terminal, id, pause);
  const build = await client.builds.find(id);
  const { candidate } = client.settings.registries;
  if (json) terminal.out(`${JSON.stringify(build ?? run, null, 2)}\n`);
  else terminal.err(formatEnding(terminal, run, build, candidate.publicName ?? candidate.endpoint));
  return run.status === "done" && !build?.error;
}

async function readRequest(client: Client, wanted: WantedBuild, requestedBy: string): Promise<BuildRequested> {
  const common = { forge: client.forge.name, ...wanted.asked, requestedBy };
  const { source, branch, commit } = wanted;
  switch (source.kind) {
    case "here":
      return { ...common, ...readWorkingCopy(process.cwd(), wanted) };
    case "named": {
      const repository = source.repository.includes("/")
        ? source.repository
        : `${client.settings.containers.namespace}/${source.repository}`;
      const own = branch ?? "main";
      return { ...common, repository, branch: own, commit: commit ?? (await readHead(client, repository, own)) };
    }
    case "scm": {
      const { repository, revision } = source.url;
      demandOwnForge(client, source.url);
      const own = branch ?? "main";
      return { ...common, repository, branch: own, commit: await readRevision(client, repository, own, revision) };
    }
  }
}

/** A whole commit id is taken as it is; anything else is looked up on the forge now. */
async function readRevision(client: Client, repository: string, branch: string, revision: string): Promise<string> {
  if (/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(revision)) return revision;
  if (/^[0-9a-f]{7,63}$/i.test(revision)) {
    throw appError("cli.usage", `scm URL has "${revision}", which is not a whole commit id`, {
      hint: "Give the commit id with all of its 40 digits, a branch, or HEAD",
    });
  }
  return await readHead(client, repository, revision === "HEAD" ? branch : revision.replace(/^origin\//, ""));
}

async function readHead(client: Client, repository: string, branch: string): Promise<string> {
  const head = await client.forge.findHead(repository, branch);
  if (head !== undefined) return head;
  throw appError("cli.not-found", `${repository} has no branch ${branch}`, { hint: "flibs repo list shows the repositories" });
}

/** What stands elsewhere under the same name is something else. The local forge has no address of its own to compare with. */
function demandOwnForge({ settings: { forge } }: Client, { host }: ScmUrl): void {
  if (forge.kind === "local") return;
  const own = forge.kind === "github" ? new URL(forge.baseUrl).host.replace(/^api\.github\.com$/, "github.com") : new URL(forge.url).host;
  // Fedora's dist-git is pushed to on another host than its pages are on.
  const pushed = forge.kind === "pagure" && forge.push.kind === "ssh" ? new URL(forge.push.url).host : own;
  if (host === own || host === pushed) return;
  throw appError("cli.usage", `scm URL is of ${host || "a file"}, but flibs builds what is on ${own}`, {
    hint: `Give the repository's address on ${own}`,
  });
}
