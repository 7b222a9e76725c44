import type { BuildRecord } from "../builds/build-record.ts";
import { formatDuration } from "../domain/amounts.ts";
import { formatNvr } from "../domain/nvr.ts";
import { isFinal, type JournalEntry, type Run } from "../workflow/run.ts";
import type { Client } from "./client.ts";
import { plain, type Terminal, tint } from "./terminal.ts";

const chunkBytes = 256 * 1024;

/**
 * Follows a run to its end: each finished step and each waiting reason in a line, log text as it grows. Returns the run as it ended.
 * Stopping to watch never stops the build.
 */
export async function watchRun(client: Client, terminal: Terminal, id: string, pause: () => Promise<void>): Promise<Run> {
  const told = { steps: new Set<string>(), waiting: "", offsets: new Map<string, number>(), lastLog: "" };
  for (;;) {
    // Read before the logs and the journal: what is final now has nothing more to say after this pass.
    const run = await client.runs.find(id);
    if (!run) throw new Error(`run ${id} has gone`);
    // Steps are read before and told after the logs: what a step printed stands above the line that says it is done.
    const journal = await client.runs.journal(id);
    await tellLogs(client, terminal, id, told);
    for (const entry of journal) tellStep(terminal, told, entry);
    if (run.status === "waiting" && run.waitingFor !== told.waiting) {
      told.waiting = run.waitingFor ?? "";
      terminal.err(`${tint(terminal, "busy", "waiting")} for ${plain(told.waiting)}\n`);
    }
    if (isFinal(run.status)) return run;
    await pause();
  }
}

function tellStep(terminal: Terminal, told: { steps: Set<string> }, entry: JournalEntry): void {
  if (told.steps.has(entry.step)) return;
  told.steps.add(entry.step);
  const took = Date.parse(entry.finishedAt) - Date.parse(entry.startedAt);
  terminal.err(`${tint(terminal, "good", "✓")} ${entry.step} ${tint(terminal, "faint", formatDuration(took))}\n`);
}

async function tellLogs(
  client: Client,
  terminal: Terminal,
  id: string,
  told: { offsets: Map<string, number>; lastLog: string },
): Promise<void> {
  for (const { name } of await client.logs.list(id)) {
    for (;;) {
      const offset = told.offsets.get(name) ?? 0;
      const part = await client.logs.read(id, name, offset, chunkBytes);
      told.offsets.set(name, part.next);
      if (part.text === "") break;
      if (told.lastLog !== name) terminal.err(tint(terminal, "faint", `--- ${plain(name)}\n`));
      told.lastLog = name;
      terminal.out(plain(part.text));
    }
  }
}

/** The last lines of a watched build: what came out and where to pull it, or what went wrong. */
export function formatEnding(terminal: Terminal, run: Run, build: BuildRecord | undefined, publicName: string): string {
  const name = build?.nvr ? formatNvr(build.nvr) : run.id;
  const error = build?.error ?? run.error;
  if (run.status === "done" && !error) {
    const pull = build?.digest && build.plan ? `\n  ${publicName}/${build.plan.imageRepository}@${build.digest}` : "";
    const promotion = build?.promotion ? `\n  promotion: ${build.promotion.repository} #${build.promotion.number}` : "";
    return `${tint(terminal, "good", `${name} is built`)}${pull}${promotion}\n`;
  }
  const place = error?.file === undefined ? "" : ` (${plain(error.file)}${error.line === undefined ? "" : `:${error.line}`})`;
  const hint = error?.hint === undefined ? "" : `\n  ${plain(error.hint)}`;
  return `${tint(terminal, "bad", `${name} ${run.status === "done" ? "failed" : run.status}`)}: ${plain(error?.message ?? "no reason was recorded")}${place}${hint}\n`;
}
