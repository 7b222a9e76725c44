import type { Command } from "commander";
import { formatAge } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import type { Pull } from "../forge/forge.ts";
import { promotionStatusName } from "../promotion/promotion-status.ts";
import { readCount } from "./build-commands.ts";
import type { Client } from "./client.ts";
import { formatMarkdown } from "./markdown-text.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, plain, type Terminal, type Tone, tint } from "./terminal.ts";

const tones: Readonly<Record<Pull["state"], Tone>> = { open: "busy", merged: "good", closed: "faint" };
const statusTones: Readonly<Record<string, Tone>> = { success: "good", failure: "bad", error: "bad", pending: "busy", running: "busy" };

interface PullOptions {
  readonly repository?: string;
  readonly json: boolean;
}

/** `pr list|show|open|comment|merge|close` and `repo create|list`, for the forge that has no pages of its own. */
export function addPullCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const pr = program.command("pr").description("Pull requests of the local forge; the registry-manifest repository's when none is named");
  const repositoryOf = (client: Client, option: string | undefined) => option ?? client.settings.manifests.repository;

  pr.command("list")
    .description("List pull requests, newest first")
    .option("--repository <name>", "of this repository")
    .option("--state <state>", "open, merged, closed or all", "open")
    .option("--json", "print JSON", false)
    .action(async (options: PullOptions & { state: string }) => {
      const state = readPullState(options.state);
      await context.withClient(async (client) => {
        const pulls = await client.forge.listPulls(repositoryOf(client, options.repository), state);
        terminal.out(options.json ? `${JSON.stringify(pulls, null, 2)}\n` : formatPulls(terminal, pulls, context.now()));
      });
    });

  pr.command("show")
    .argument("<number>", "number of the pull request")
    .description("Show a pull request with its checks and comments")
    .option("--repository <name>", "of this repository")
    .option("--json", "print JSON", false)
    .action(async (number: string, options: PullOptions) => {
      await context.withClient(async (client) => {
        const pull = await readPull(client, repositoryOf(client, options.repository), number);
        const statuses = await client.forge.listStatuses(pull.repository, pull.head);
        const comments = await client.forge.listComments(pull.repository, pull.number);
        if (options.json) return terminal.out(`${JSON.stringify({ ...pull, statuses, comments }, null, 2)}\n`);
        terminal.out(`${tint(terminal, "strong", `#${pull.number} ${plain(pull.title)}`)}\n`);
        terminal.out(
          `${tint(terminal, tones[pull.state], pull.state)}, ${plain(pull.headBranch)} into ${plain(pull.baseBranch)}, by ${plain(pull.author)}\n`,
        );
        for (const status of statuses) {
          terminal.out(
            `  ${tint(terminal, statusTones[status.state] ?? "faint", status.state.padEnd(9))}${plain(status.name)}: ${plain(status.title)}\n`,
          );
          if (status.state === "failure" || status.state === "error") terminal.out(`${indent(formatMarkdown(status.summary))}\n`);
        }
        terminal.out(`\n${formatMarkdown(pull.body)}\n`);
        for (const comment of comments) {
          terminal.out(`\n${tint(terminal, "faint", `--- ${plain(comment.author)}, ${comment.at}`)}\n${formatMarkdown(comment.text)}\n`);
        }
      });
    });

  pr.command("open")
    .argument("<branch>", "branch to be merged")
    .description("Open a pull request")
    .requiredOption("--title <text>", "title")
    .option("--body <text>", "body, Markdown", "")
    .option("--base <branch>", "branch to merge into", "main")
    .option("--repository <name>", "in this repository")
    .option("--json", "print JSON", false)
    .action(async (headBranch: string, options: PullOptions & { title: string; body: string; base: string }) => {
      await context.withClient(async (client) => {
        const repository = repositoryOf(client, options.repository);
        const { title, body, base: baseBranch } = options;
        const opened = await client.people().openPull({ repository, headBranch, baseBranch, title, body, person: context.person });
        terminal.out(options.json ? `${JSON.stringify(opened)}\n` : `opened ${repository} #${opened.number}\n`);
      });
    });

  pr.command("comment")
    .argument("<number>", "number of the pull request")
    .argument("<text>", "Markdown")
    .description("Comment on a pull request")
    .option("--repository <name>", "in this repository")
    .action(async (number: string, text: string, options: PullOptions) => {
      await context.withClient(async (client) => {
        const pull = await readPull(client, repositoryOf(client, options.repository), number);
        await client.people().addComment(pull.repository, pull.number, context.person, text);
        terminal.out(`commented on ${pull.repository} #${pull.number}\n`);
      });
    });

  pr.command("merge")
    .argument("<number>", "number of the pull request")
    .description("Merge a pull request; for a promotion that is the release")
    .option("--repository <name>", "in this repository")
    .option("--force", "merge although a check has not succeeded", false)
    .option("--json", "print JSON", false)
    .action(async (number: string, options: PullOptions & { force: boolean }) => {
      await context.withClient(async (client) => {
        const pull = await readPull(client, repositoryOf(client, options.repository), number);
        if (!options.force) await demandChecks(client, pull);
        const merged = await client.people().mergePull(pull.repository, pull.number, context.person, pull.head);
        terminal.out(
          options.json
            ? `${JSON.stringify(merged)}\n`
            : `merged ${pull.repository} #${pull.number} as ${merged.mergeCommit.slice(0, 12)}\n`,
        );
      });
    });

  pr.command("close")
    .argument("<number>", "number of the pull request")
    .description("Close a pull request without merging it")
    .option("--repository <name>", "in this repository")
    .action(async (number: string, options: PullOptions) => {
      await context.withClient(async (client) => {
        const pull = await readPull(client, repositoryOf(client, options.repository), number);
        await client.people().closePull(pull.repository, pull.number, context.person);
        terminal.out(`closed ${pull.repository} #${pull.number}\n`);
      });
    });

  const repo = program.command("repo").description("Repositories of the local forge");
  repo
    .command("create")
    .argument("<name>", "<namespace>/<name>")
    .description("Create a bare repository with its hook, or renew the hook of an existing one")
    .action(async (name: string) => {
      await context.withClient(async (client) => {
        await client.people().createRepository(name);
        const { forge } = client.settings;
        if (forge.kind === "local") terminal.out(`${forge.directory}/${name}.git\n`);
      });
    });
  repo
    .command("list")
    .description("List the repositories")
    .action(async () => {
      await context.withClient(async (client) => {
        for (const name of await client.people().listRepositories()) terminal.out(`${name}\n`);
      });
    });
}

async function readPull(client: Client, repository: string, text: string): Promise<Pull> {
  const number = readCount(text.replace(/^#/, ""));
  const pull = await client.forge.findPull(repository, number);
  if (pull) return pull;
  throw appError("cli.not-found", `${repository} has no pull request #${number}`, { hint: "flibs pr list --state all shows them" });
}

/** The forge that is flibs' own has no branch protection but this one; the release checks the merged tree again anyway. */
async function demandChecks(client: Client, pull: Pull): Promise<void> {
  if (pull.repository !== client.settings.manifests.repository) return;
  const statuses = await client.forge.listStatuses(pull.repository, pull.head);
  const unfinished = statuses.filter((status) => status.state !== "success");
  const checked = statuses.some((status) => status.name === promotionStatusName);
  if (checked && unfinished.length === 0) return;
  const why = !checked ? "it has not been checked yet" : unfinished.map((status) => `${status.name} is ${status.state}`).join(", ");
  throw appError("cli.checks-missing", `${pull.repository} #${pull.number} is not merged: ${why}`, {
    hint: "See flibs pr show; wait for the check, or merge with --force if you know better",
  });
}

function readPullState(text: string): Pull["state"] | "all" {
  if (text === "open" || text === "merged" || text === "closed" || text === "all") return text;
  throw appError("cli.usage", `"${text.slice(0, 40)}" is not a state`, { hint: "Write open, merged, closed or all" });
}

function formatPulls(terminal: Terminal, pulls: readonly Pull[], now: number): string {
  if (pulls.length === 0) return "no pull requests\n";
  const rows = [...pulls]
    .sort((a, b) => b.number - a.number)
    .map((pull) => [
      `#${pull.number}`,
      { text: pull.state, tone: tones[pull.state] },
      pull.headBranch,
      formatAge(pull.openedAt, now),
      pull.title,
    ]);
  return formatTable(terminal, ["NUMBER", "STATE", "BRANCH", "OPENED", "TITLE"], rows);
}

function indent(text: string): string {
  return text
    .trim()
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}
