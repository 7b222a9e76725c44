import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { appError } from "../domain/errors.ts";
import { type Outcome, readOutcome } from "../promotion/proposal-outcome.ts";
import { isFinal, type RunRequest } from "../workflow/run.ts";
import type { Client } from "./client.ts";
import { exitCodes } from "./exit.ts";
import { findBuild } from "./find-build.ts";
import { formatMarkdown } from "./markdown-text.ts";
import type { CommandContext } from "./program.ts";

interface Options {
  readonly json: boolean;
}

/** `promote`, `rollback`, `withdraw`: what the commands in comments do, for operators. Nothing is released before a pull request is merged. */
export function addPromotionCommands(program: Command, context: CommandContext): void {
  program
    .command("promote")
    .argument("<build>", "id or NVR of a complete build")
    .description("Propose a build for release by a pull request; what is full for automatic promotions is not full for this one")
    .option("--json", "print JSON", false)
    .action(async (name: string, options: Options) => {
      await context.withClient(async (client) => {
        const { id } = await findBuild(client, name);
        await propose(context, client, "promote", { build: id, requestedBy: context.person }, id, options);
      });
    });

  program
    .command("rollback")
    .argument("<image>", "an image's name in the registry, without registry and tag")
    .argument("[to]", "the release to go to; the one that users had before when left out")
    .description("Propose to make another release the current one, by a pull request that moves floating tags")
    .option("--json", "print JSON", false)
    .action(async (imageRepository: string, to: string | undefined, options: Options) => {
      const intent = { imageRepository, ...(to === undefined ? {} : { to }), requestedBy: context.person };
      await context.withClient((client) => propose(context, client, "rollback", intent, imageRepository, options));
    });

  program
    .command("withdraw")
    .argument("<image>", "an image's name in the registry, without registry and tag")
    .argument("<release>", "the release that nobody may use any more, version-release")
    .argument("<reason...>", "why, for people; kept in the file")
    .description("Propose that nobody uses a release any more, by a pull request that removes its signatures when it is merged")
    .option("--to <release>", "where floating tags that point to it go; where users were before when left out")
    .option("--remove-tag", "delete the tag from production, too", false)
    .option("--json", "print JSON", false)
    .action(async (image: string, release: string, words: string[], options: Options & { to?: string; removeTag: boolean }) => {
      const reason = words.join(" ");
      if (reason.trim() === "" || reason.length > 500)
        throw appError("cli.usage", "a reason has 1 to 500 letters", { hint: "Say it in short" });
      const to = options.to === undefined ? {} : { to: options.to };
      const intent = { imageRepository: image, release, reason, removeTag: options.removeTag, ...to, requestedBy: context.person };
      await context.withClient((client) => propose(context, client, "withdraw", intent, image, options));
    });
}

async function propose(
  context: CommandContext,
  client: Client,
  flow: "promote" | "rollback" | "withdraw",
  intent: unknown,
  subject: string,
  { json }: Options,
): Promise<void> {
  const key = `cli ${context.uniqueId()}`;
  const request: RunRequest = { flow, subject: `${flow} ${subject}`, intent, key, whenBusy: "queue" };
  const outcome = await waitFor(client, await client.runs.start(request), flow);
  context.terminal.out(json ? `${JSON.stringify(outcome.result, null, 2)}\n` : formatMarkdown(`${outcome.says}\n`));
  if (!outcome.proposed) context.exit(exitCodes.failed);
}

/** The service carries the run out; what it proposed stands in its journal. */
async function waitFor(client: Client, id: string, flow: "promote" | "rollback" | "withdraw"): Promise<Outcome> {
  for (;;) {
    const run = await client.runs.find(id);
    if (run === undefined) throw appError("cli.not-found", `run ${id} is gone`);
    if (!isFinal(run.status)) {
      await delay(200);
      continue;
    }
    if (run.status === "done") return readOutcome(flow, await client.runs.journal(id));
    throw appError(
      "cli.proposal-failed",
      run.error?.message ?? `run ${id} was ${run.status}`,
      run.error?.hint === undefined ? {} : { hint: run.error.hint },
    );
  }
}
