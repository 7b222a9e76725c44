import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { formatAge } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import type { Outcome } from "../promotion/proposal-outcome.ts";
import { heldWords } from "../promotion/proposal-words.ts";
import { isFinal, type RunRequest } from "../workflow/run.ts";
import type { Client } from "./client.ts";
import { exitCodes } from "./exit.ts";
import { findBuild } from "./find-build.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, plain } from "./terminal.ts";

interface Options {
  readonly json: boolean;
}

/** `promote`, `rollback`, `withdraw`, `promotions`: what the commands in comments do, for operators. Nothing is released before a pull request is merged. */
export function addPromotionCommands(program: Command, context: CommandContext): void {
  addPromotions(program, context);
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

/** `promotions`: what waits for people, and what waits for room. */
function addPromotions(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command("promotions")
    .description("List open promotions, roll-backs and withdrawals, and promotions that are held back until there is room")
    .option("--json", "print JSON", false)
    .action(async ({ json }: Options) => {
      const { imageOfProposal } = await import("../promotion/machine-block.ts");
      await context.withClient(async (client) => {
        const held = await client.places.listHeld();
        const { repository, branch } = client.settings.manifests;
        const pulls = (await client.forge.listPulls(repository, "open")).filter((pull) => pull.baseBranch === branch);
        const open = pulls.flatMap((pull) => {
          const about = pull.fromFork ? undefined : imageOfProposal(pull.body);
          return about ? [{ number: pull.number, title: pull.title, openedAt: pull.openedAt, ...about }] : [];
        });
        if (json) return terminal.out(`${JSON.stringify({ open, held }, null, 2)}\n`);
        const now = context.now();
        const rows = open.map((one) => [`${repository}#${one.number}`, formatAge(one.openedAt, now), one.title]);
        terminal.out(rows.length === 0 ? "nothing is proposed\n" : formatTable(terminal, ["PULL REQUEST", "OPENED", "WHAT"], rows));
        if (held.length === 0) return;
        const waiting = held.map((one) => [one.imageRepository, one.build, formatAge(one.heldAt, now), heldWords[one.why]]);
        terminal.out(`\n${formatTable(terminal, ["HELD BACK", "BUILD", "SINCE", "WHY"], waiting)}`);
      });
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
  context.terminal.out(json ? `${JSON.stringify(outcome.result, null, 2)}\n` : `${plain(outcome.says).replaceAll("`", "")}\n`);
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
    if (run.status === "done") {
      const { readOutcome } = await import("../promotion/proposal-outcome.ts");
      return readOutcome(flow, await client.runs.journal(id));
    }
    throw appError(
      "cli.proposal-failed",
      run.error?.message ?? `run ${id} was ${run.status}`,
      run.error?.hint === undefined ? {} : { hint: run.error.hint },
    );
  }
}
