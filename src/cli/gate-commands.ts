import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { BuildRecord } from "../builds/build-record.ts";
import type { GateAnswer } from "../builds/gate.ts";
import type { WaiverRequest } from "../builds/prepare-waiver.ts";
import { appError } from "../domain/errors.ts";
import { formatNvr } from "../domain/nvr.ts";
import { isWaiverEnd, isWaiverLength, type Waiver } from "../gating/waivers.ts";
import { isFinal } from "../workflow/run.ts";
import type { Client } from "./client.ts";
import { exitCodes } from "./exit.ts";
import { findBuild } from "./find-build.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, plain, type Terminal, tint } from "./terminal.ts";

interface WaiveOptions {
  readonly for?: string;
  readonly until?: string;
  readonly nvr: boolean;
  readonly json: boolean;
}

const mostWaivers = 100;

/** `gate`, `waivers`, `waive`, `unwaive`: what the gate says, and what people with a right to it say against it. */
export function addGateCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command("gate")
    .argument("<build>", "id or NVR of a build")
    .description("Ask the gate about a build: every required test, what is missing, failed or waived; fails when the build is held back")
    .option("--json", "print the decision as Greenwave would", false)
    .action(async (name: string, { json }: { json: boolean }) => {
      await context.withClient(async (client) => {
        const build = await findBuild(client, name);
        await showGate(context, build, await client.gating.gate.ask(build), json);
      });
    });

  const waivers = program.command("waivers").description("Show waivers");
  waivers
    .command("list", { isDefault: true })
    .argument("[build]", "id or NVR of a build; of all builds when left out")
    .description("List waivers, the newest first; the newest of a test counts")
    .option("--json", "print JSON", false)
    .action(async (name: string | undefined, { json }: { json: boolean }) => {
      await context.withClient(async (client) => {
        const found = await listWaivers(client, name);
        if (json) return terminal.out(`${JSON.stringify(found, null, 2)}\n`);
        terminal.out(found.length === 0 ? "no waivers\n" : formatWaivers(terminal, found, context.now()));
      });
    });

  program
    .command("waive")
    .argument("<build>", "id or NVR of an official build")
    .argument("<test>", "a suite, or the whole name of a test")
    .argument("<reason...>", "why, for people; everybody can read it")
    .description("Let a build through although a required test has not passed; its gate is asked again at once")
    .option("--for <length>", "how long it holds, as 7d or 12h")
    .option("--until <day>", "the last day it holds, as 2026-12-31")
    .option("--nvr", "for the build's name-version-release, in the place of the image's digest", false)
    .option("--json", "print JSON", false)
    .action(async (name: string, test: string, words: string[], options: WaiveOptions) => {
      checkOptions(options);
      const { prepareWaiver } = await import("../builds/prepare-waiver.ts");
      await give(context, name, options, (client, build, key) =>
        prepareWaiver(client.gating, build, {
          ...{ test, reason: words.join(" "), username: context.person, byNvr: options.nvr, key },
          ...(options.for === undefined ? {} : { for: options.for }),
          ...(options.until === undefined ? {} : { until: options.until }),
        }),
      );
    });

  program
    .command("unwaive")
    .argument("<build>", "id or NVR of an official build")
    .argument("<test>", "a suite, or the whole name of a test")
    .argument("[reason...]", "why, for people")
    .description("Take the waiver of a test back; what is released stays released")
    .option("--nvr", "for the build's name-version-release, in the place of the image's digest", false)
    .option("--json", "print JSON", false)
    .action(async (name: string, test: string, words: string[], options: WaiveOptions) => {
      const { prepareRevocation } = await import("../builds/prepare-waiver.ts");
      const about: Omit<WaiverRequest, "key"> = { test, reason: words.join(" "), username: context.person, byNvr: options.nvr };
      await give(context, name, options, (client, build, key) => prepareRevocation(client.gating, build, { ...about, key }));
    });
}

function checkOptions({ for: length, until }: WaiveOptions): void {
  if (length !== undefined && !isWaiverLength(length))
    throw appError("cli.usage", `--for ${plain(length).slice(0, 40)} is no length`, { hint: "Write a number and h or d, as in 7d" });
  if (until !== undefined && !isWaiverEnd(until))
    throw appError("cli.usage", `--until ${plain(until).slice(0, 40)} is no day`, { hint: "Write it as in 2026-12-31" });
}

/** Writes it down, waits until the gate was asked again, and shows what it says. A build that is still held back is no failure of this command. */
async function give(
  context: CommandContext,
  name: string,
  { json }: WaiveOptions,
  prepare: (client: Client, build: BuildRecord, key: string) => ReturnType<typeof import("../builds/prepare-waiver.ts")["prepareWaiver"]>,
): Promise<void> {
  await context.withClient(async (client) => {
    const build = await findBuild(client, name);
    const waiver = await prepare(client, build, `cli ${context.uniqueId()}`);
    const { id, run } = await client.gating.give(waiver, build.id);
    await ended(client, run);
    const given = await client.gating.waivers.find(id);
    if (json) return context.terminal.out(`${JSON.stringify(given, null, 2)}\n`);
    const until = waiver.expiresAt === undefined ? "" : ` until ${when(waiver.expiresAt)}`;
    const what = waiver.waived ? `is waived${until}` : "is not waived any more";
    context.terminal.out(`${plain(waiver.testcase)} of ${nameOf(build)} ${what}\n`);
    printGate(context.terminal, build, await client.gating.gate.ask((await client.builds.find(build.id)) ?? build));
  });
}

async function ended(client: Client, run: string): Promise<void> {
  for (;;) {
    const found = await client.runs.find(run);
    if (found === undefined || isFinal(found.status)) return;
    await delay(200);
  }
}

async function listWaivers(client: Client, name: string | undefined): Promise<readonly Waiver[]> {
  const { waivers } = client.gating;
  if (name === undefined) return (await waivers.list([], { obsolete: true, offset: 0, limit: mostWaivers })).waivers;
  const { subjectsOf } = await import("../builds/gate.ts");
  return await waivers.listOf(subjectsOf(await findBuild(client, name)));
}

function formatWaivers(terminal: Terminal, waivers: readonly Waiver[], now: number): string {
  const rows = waivers.map(({ id, subject, testcase, username, waived, comment, expiresAt }) => {
    const isOver = expiresAt !== undefined && Date.parse(expiresAt) <= now;
    const state = waived ? (isOver ? "expired" : expiresAt === undefined ? "waived" : `until ${when(expiresAt)}`) : "taken back";
    return [String(id), testcase, subject.identifier, state, username, comment];
  });
  return formatTable(terminal, ["ID", "TEST", "FOR", "STATE", "WHO", "WHY"], rows);
}

async function showGate(context: CommandContext, build: BuildRecord, answer: GateAnswer, json: boolean): Promise<void> {
  if (json) {
    const { formatDecision } = await import("../gating/decision-json.ts");
    // As in Greenwave's answer of 404.
    const shown = answer.undecided === undefined ? formatDecision(answer) : { message: answer.undecided, policies_satisfied: false };
    context.terminal.out(`${JSON.stringify(shown, null, 2)}\n`);
  } else {
    printGate(context.terminal, build, answer);
  }
  if (!answer.satisfied) context.exit(exitCodes.failed);
}

function printGate(terminal: Terminal, build: BuildRecord, answer: GateAnswer): void {
  const verdict = answer.satisfied ? tint(terminal, "good", "satisfied") : tint(terminal, "bad", "not satisfied");
  terminal.out(`gate of ${nameOf(build)} for ${plain(answer.decisionContext)}, ${plain(answer.productVersion)}: ${verdict}\n`);
  if (answer.undecided !== undefined) terminal.out(`  nobody could decide: ${plain(answer.undecided)}\n`);
  const rows = answer.answers.map(({ kind, testcase, result, architecture, waiver }) => {
    const until = waiver?.expiresAt === undefined ? "" : ` until ${when(waiver.expiresAt)}`;
    const said = waiver === undefined ? (result?.note ?? "") : `waived by ${waiver.username}${until}: ${waiver.comment}`;
    return [testcase ?? kind, architecture ?? result?.architecture ?? "", waiver === undefined ? kind : `${kind}, waived`, said];
  });
  if (rows.length > 0) terminal.out(formatTable(terminal, ["TEST", "ARCH", "STATE", ""], rows));
}

function nameOf(build: BuildRecord): string {
  return plain(build.nvr === undefined ? build.id : formatNvr(build.nvr));
}

function when(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}
