import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { formatAge, formatBytes } from "../domain/amounts.ts";
import type { Digest } from "../domain/digest.ts";
import type { ReleaseReport } from "../promotion/release-store.ts";
import { isBad } from "../promotion/tag-plan.ts";
import { isFinal } from "../workflow/run.ts";
import { readCount } from "./build-commands.ts";
import type { Client } from "./client.ts";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, type Terminal } from "./terminal.ts";

/** What the promotion room does for the release commands. */
export interface ReleaseActions {
  /** What a release would do now, a line for each thing; empty when production is as git says. */
  plan(): Promise<readonly PlannedRelease[]>;
  /** Starts releasing whatever differs; returns the runs. `full` looks at every image, changed or not. */
  start(full: boolean): Promise<readonly string[]>;
  /** Where a floating tag stands that somebody else moved, in each destination or in the one named. Throws `promotion.no-drift`. */
  findDrift(drift: { readonly imageRepository: string; readonly tag: string; readonly registry?: string }): Promise<readonly FoundDrift[]>;
  /** Allows these tags to be moved from where they stand and starts moving them; returns the runs. */
  acceptDrift(drifts: readonly FoundDrift[], by: string): Promise<readonly string[]>;
}

export interface FoundDrift {
  readonly registry: string;
  readonly imageRepository: string;
  readonly tag: string;
  readonly found: Digest;
  readonly wanted: Digest;
}

export interface PlannedRelease {
  /** Name of the destination in the settings. */
  readonly registry: string;
  readonly imageRepository: string;
  readonly tag: string;
  readonly action: string;
  readonly digest: string;
  readonly message?: string;
}

/** `release status|run`. */
export function addReleaseCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const release = program.command("release").description("What production has, and bringing it to what the registry manifests say");

  addAcceptDrift(release, context);
  release
    .command("status")
    .description("What was released last, and what differs from the registry manifests now")
    .option("--image <name>", "only of this image repository")
    .option("--limit <n>", "at most this many past releases", "10")
    .option("--json", "print JSON", false)
    .action(async (options: { image?: string; limit: string; json: boolean }) => {
      await context.withClient(async (client) => {
        const past = await client.releases.listReports({
          limit: readCount(options.limit),
          ...(options.image === undefined ? {} : { imageRepository: options.image }),
        });
        const open = (await (await context.releaseActions(client)).plan()).filter(
          (line) => options.image === undefined || line.imageRepository === options.image,
        );
        if (options.json) terminal.out(`${JSON.stringify({ reports: past, pending: open }, null, 2)}\n`);
        else terminal.out(`${formatReports(terminal, past, context.now())}\n${formatPlan(terminal, open)}`);
        if (open.some((line) => isBad(line.action))) context.exit(exitCodes.failed);
      });
    });

  release
    .command("run")
    .description("Print what a release would do now; with --confirm do it and wait for the end")
    .option("--confirm", "do it", false)
    .option("--full", "look at every image, not only at those whose file changed", false)
    .option("--json", "print JSON", false)
    .action(async (options: { confirm: boolean; full: boolean; json: boolean }) => {
      await context.withClient(async (client) => {
        const actions = await context.releaseActions(client);
        if (!options.confirm) {
          const plan = await actions.plan();
          return terminal.out(
            options.json ? `${JSON.stringify(plan, null, 2)}\n` : `${formatPlan(terminal, plan)}Nothing was done; add --confirm.\n`,
          );
        }
        const runs = await actions.start(options.full);
        const ended = await Promise.all(runs.map((id) => waitForRun(client, id)));
        const reports = (await client.releases.listReports({ limit: 1000 })).filter((report) => runs.includes(report.run));
        if (options.json) terminal.out(`${JSON.stringify(reports, null, 2)}\n`);
        else terminal.out(runs.length === 0 ? "nothing to release\n" : formatReports(terminal, reports, context.now()));
        if (ended.some((status) => status !== "done") || reports.some((report) => report.outcome === "failed"))
          context.exit(exitCodes.failed);
      });
    });
}

function addAcceptDrift(release: Command, context: CommandContext): void {
  const { terminal } = context;
  release
    .command("accept-drift")
    .description("Show where a floating tag stands that somebody moved past git; with --confirm let the release move it back")
    .argument("<image>", "image repository, as f40/cockpit")
    .argument("<tag>", "floating tag")
    .option("--registry <name>", "only in this one, by its name in the settings")
    .option("--confirm", "do it", false)
    .action(async (imageRepository: string, tag: string, options: { registry?: string; confirm: boolean }) => {
      await context.withClient(async (client) => {
        const actions = await context.releaseActions(client);
        const { registry } = options;
        const drifts = await actions.findDrift({ imageRepository, tag, ...(registry === undefined ? {} : { registry }) });
        for (const one of drifts)
          terminal.out(`${one.registry} ${one.imageRepository}:${one.tag} stands at ${one.found}, git wants ${one.wanted}\n`);
        if (!options.confirm) return terminal.out("Nothing was done; add --confirm to give up what stands there.\n");
        const ended = await Promise.all((await actions.acceptDrift(drifts, context.person)).map((id) => waitForRun(client, id)));
        terminal.out(ended.every((status) => status === "done") ? "moved\n" : "not moved; flibs release status tells why\n");
        if (ended.some((status) => status !== "done")) context.exit(exitCodes.failed);
      });
    });
}

/** Until a run has ended; how it did. */
export async function waitForRun(client: Client, id: string): Promise<string> {
  for (;;) {
    const run = await client.runs.find(id);
    if (!run || isFinal(run.status)) return run?.status ?? "failed";
    await delay(200);
  }
}

function formatReports(terminal: Terminal, reports: readonly ReleaseReport[], now: number): string {
  if (reports.length === 0) return "nothing was released yet\n";
  const rows = reports.flatMap((report) =>
    (report.lines.length === 0 ? [undefined] : report.lines).map((line) => [
      formatAge(report.at, now),
      { text: report.outcome, tone: report.outcome === "failed" ? ("bad" as const) : ("good" as const) },
      report.registry,
      `${report.imageRepository}${line ? `:${line.tag}` : ""}`,
      line?.what ?? "-",
      line?.digest.slice(0, 19) ?? "-",
      line ? `${formatBytes(line.bytesStreamed)} copied, ${line.blobsMounted} mounted, ${line.signaturesAdded} signed` : "",
      line?.message ?? "",
    ]),
  );
  return formatTable(terminal, ["WHEN", "OUTCOME", "TO", "TAG", "WHAT", "DIGEST", "HOW", ""], rows);
}

function formatPlan(terminal: Terminal, plan: readonly PlannedRelease[]): string {
  if (plan.length === 0) return "production is as the registry manifests say\n";
  const rows = plan.map((line) => [
    { text: line.action, tone: isBad(line.action) ? ("bad" as const) : ("busy" as const) },
    line.registry,
    `${line.imageRepository}:${line.tag}`,
    line.digest.slice(0, 19),
    line.message ?? "",
  ]);
  return formatTable(terminal, ["WOULD", "TO", "TAG", "DIGEST", ""], rows);
}
