import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { BuildRecord, BuildState } from "../builds/build-record.ts";
import { metadataName } from "../documents/document-names.ts";
import { formatAge, formatDuration } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import { formatNvr } from "../domain/nvr.ts";
import { isFinal } from "../workflow/run.ts";
import type { Client } from "./client.ts";
import { watchBuild } from "./container-build.ts";
import { exitCodes } from "./exit.ts";
import { findBuild, readDocument } from "./find-build.ts";
import type { CommandContext } from "./program.ts";
import { formatBuild } from "./show-build.ts";
import { formatTable, plain, type Terminal, type Tone } from "./terminal.ts";

const pause = () => delay(250);
const states: Readonly<Record<BuildState, Tone>> = { building: "busy", complete: "good", failed: "bad", cancelled: "faint" };

/** `watch`, `builds`, `show`, `logs`, `cancel`. */
export function addBuildCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;

  program
    .command("watch")
    .argument("<build>", "id or NVR of a build")
    .description("Follow a build to its end: steps and logs as they come")
    .option("--json", "print the build as JSON when it has ended", false)
    .action(async (name: string, options: { json: boolean }) => {
      await context.withClient(async (client) => {
        const id = (await client.runs.find(name))?.id ?? (await findBuild(client, name)).id;
        if (!(await watchBuild(client, terminal, id, options))) context.exit(exitCodes.failed);
      });
    });

  program
    .command("builds")
    .description("List builds, newest first")
    .option("--repository <name>", "only of this repository")
    .option("--state <state>", "only in this state: building, complete, failed or cancelled")
    .option("--limit <n>", "at most this many", "20")
    .option("--json", "print JSON", false)
    .action(async (options: { repository?: string; state?: string; limit: string; json: boolean }) => {
      const state = readState(options.state);
      await context.withClient(async (client) => {
        const list = await client.builds.list({
          limit: readCount(options.limit),
          ...(options.repository === undefined ? {} : { repository: options.repository }),
          ...(state === undefined ? {} : { state }),
        });
        terminal.out(options.json ? `${JSON.stringify(list, null, 2)}\n` : formatBuilds(terminal, list, context.now()));
      });
    });

  program
    .command("show")
    .argument("<build>", "id or NVR of a build")
    .description("Show everything known about a build")
    .option("--json", "print JSON", false)
    .option("--metadata", "print its Content Generator metadata, as flibs metadata does", false)
    .action(async (name: string, options: { json: boolean; metadata: boolean }) => {
      await context.withClient(async (client) => {
        const build = await findBuild(client, name);
        if (options.metadata) return terminal.out(await readDocument(client, build.id, metadataName));
        const run = await client.runs.find(build.id);
        const journal = await client.runs.journal(build.id);
        const documents = await client.builds.listDocuments(build.id);
        if (options.json) return terminal.out(`${JSON.stringify({ ...build, run, journal, documents }, null, 2)}\n`);
        return terminal.out(formatBuild(terminal, build, run, journal, publicName(client), documents));
      });
    });

  program
    .command("logs")
    .argument("<build>", "id or NVR of a build")
    .argument("[log]", "name of one log, as linux/amd64; all when left out")
    .description("Print the logs of a build")
    .option("-f, --follow", "go on until the build has ended", false)
    .action(async (name: string, log: string | undefined, options: { follow: boolean }) => {
      await context.withClient(async (client) => {
        const build = await findBuild(client, name);
        await printLogs(client, terminal, build.id, log, options.follow);
      });
    });

  program
    .command("cancel")
    .argument("<build>", "id or NVR of a build")
    .description("Stop a build that is queued, waiting or running")
    .action(async (name: string) => {
      await context.withClient(async (client) => {
        const run = await client.runs.find(name);
        const id = run ? run.id : (await findBuild(client, name)).id;
        if (await client.runs.cancel(id, `cancelled by ${context.person}`)) return terminal.out(`${id} is being cancelled\n`);
        terminal.err(`${id} had ended already\n`);
        return context.exit(exitCodes.failed);
      });
    });
}

async function printLogs(client: Client, terminal: Terminal, id: string, only: string | undefined, follow: boolean): Promise<void> {
  const offsets = new Map<string, number>();
  let last = "";
  for (;;) {
    const run = await client.runs.find(id);
    const logs = (await client.logs.list(id)).filter((log) => only === undefined || log.name === only);
    if (only !== undefined && logs.length === 0 && !follow) {
      const names = (await client.logs.list(id)).map((log) => log.name).join(", ");
      throw appError("cli.not-found", `build ${id} has no log "${only}"`, { hint: names === "" ? "It has no logs" : `It has ${names}` });
    }
    for (const { name, prunedAt } of logs) {
      if (prunedAt !== undefined) terminal.err(`--- ${plain(name)} was removed on ${prunedAt.slice(0, 10)}: logs are not kept for ever\n`);
      for (;;) {
        const part = await client.logs.read(id, name, offsets.get(name) ?? 0, 256 * 1024);
        offsets.set(name, part.next);
        if (part.text === "") break;
        if (only === undefined && last !== name) terminal.err(`--- ${plain(name)}\n`);
        last = name;
        terminal.out(plain(part.text));
      }
    }
    if (!follow || !run || isFinal(run.status)) return;
    await pause();
  }
}

function formatBuilds(terminal: Terminal, builds: readonly BuildRecord[], now: number): string {
  if (builds.length === 0) return "no builds yet\n";
  const rows = builds.map((build) => [
    build.id,
    { text: build.state, tone: states[build.state] },
    build.nvr ? formatNvr(build.nvr) : build.scratch ? "(scratch)" : "-",
    `${build.repository} ${build.branch}`,
    build.commit.slice(0, 12),
    formatAge(build.createdAt, now),
    build.finishedAt === undefined ? "-" : formatDuration(Date.parse(build.finishedAt) - Date.parse(build.createdAt)),
    build.error?.message.split("\n")[0]?.slice(0, 80) ?? "",
  ]);
  return formatTable(terminal, ["ID", "STATE", "NVR", "REPOSITORY", "COMMIT", "STARTED", "TOOK", "WHY"], rows);
}

function publicName(client: Client): string {
  const { candidate } = client.settings.registries;
  return candidate.publicName ?? candidate.endpoint;
}

function readState(text: string | undefined): BuildState | undefined {
  if (text === undefined) return undefined;
  if (Object.hasOwn(states, text)) return text as BuildState;
  throw appError("cli.usage", `"${text.slice(0, 40)}" is not a state`, { hint: `Write one of ${Object.keys(states).join(", ")}` });
}

/** A positive whole number from an option; throws `cli.usage`. */
export function readCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw appError("cli.usage", `"${text.slice(0, 40)}" is not a positive whole number`);
}
