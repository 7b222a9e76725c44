import type { Command } from "commander";
import { isRepairable } from "../promotion/audit-states.ts";
import type { Audit, AuditFinding, ImagePlace } from "../promotion/audit-store.ts";
import type { AuditedImage, AuditScope } from "../promotion/audit-walk.ts";
import { describeAudit, formatFinding, formatFindings } from "./audit-text.ts";
import type { Client } from "./client.ts";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import { waitForRun } from "./release-commands.ts";

/** What the promotion room does for the audit command. */
export interface AuditActions {
  /** Looks and keeps what it found; undefined when there is no main branch. */
  look(scope: AuditScope, signal: AbortSignal, onImage: (image: AuditedImage, total: number) => void): Promise<Audit | undefined>;
  /** What the last looks found, and the newest whole one. */
  last(imageRepository: string | undefined): Promise<{ readonly audit: Audit | undefined; readonly findings: readonly AuditFinding[] }>;
  /** Releases images again; returns the runs. */
  repair(places: readonly ImagePlace[], commit: string): Promise<readonly string[]>;
}

interface AuditOptions {
  readonly registry?: string;
  readonly deep: boolean;
  readonly last: boolean;
  readonly repair: boolean;
  readonly confirm: boolean;
  readonly json: boolean;
}

const help = `
States: ok, missing, moved, unmanaged, unsigned, bad-signature, lost-child, lost-blob (docs/audit.md).
--json prints a line of JSON for each tag, for each image that could not be looked at, and at the end one with the whole audit.
Exit codes: 0 everything is in order; 1 something is not; 3 something could not be looked at, and the rest is in order.`;

/** `audit`. */
export function addAuditCommand(program: Command, context: CommandContext): void {
  program
    .command("audit")
    .argument("[image]", "only this image repository, as f40/cockpit")
    .description("Compare everything that the registry manifests want with the registries and the signatures")
    .option("--registry <name>", "only this destination, by its name in the settings")
    .option("--deep", "read every manifest and ask for every layer", false)
    .option("--last", "print what the last audits found, without looking again", false)
    .option("--repair", "print what would be released again; with --confirm do it, wait, and look again", false)
    .option("--confirm", "do it", false)
    .option("--json", "print lines of JSON", false)
    .addHelpText("after", help)
    .action(async (image: string | undefined, options: AuditOptions) => {
      await context.withClient(async (client) => {
        const actions = await context.auditActions(client);
        const found = options.last
          ? await showLast(context, actions, image, options)
          : await look(context, client, actions, image, options);
        if (found.findings) context.exit(exitCodes.failed);
        else if (found.unread) context.exit(exitCodes.unreachable);
      });
    });
}

interface Found {
  readonly findings: boolean;
  readonly unread: boolean;
}

async function showLast(
  { terminal, now }: CommandContext,
  actions: AuditActions,
  image: string | undefined,
  options: AuditOptions,
): Promise<Found> {
  const { audit, findings } = await actions.last(image);
  const shown = findings.filter((one) => options.registry === undefined || one.registry === options.registry);
  if (options.json) {
    for (const one of shown) terminal.out(`${JSON.stringify(one)}\n`);
    terminal.out(`${JSON.stringify({ audit: audit ?? null })}\n`);
  } else {
    terminal.out(formatFindings(terminal, shown));
    terminal.out(audit === undefined ? "nothing was ever looked at\n" : describeAudit(terminal, audit, now()));
  }
  return { findings: shown.length > 0, unread: audit === undefined || audit.unread > 0 };
}

async function look(
  context: CommandContext,
  client: Client,
  actions: AuditActions,
  image: string | undefined,
  options: AuditOptions,
): Promise<Found> {
  const first = await lookOnce(context, actions, { imageRepository: image, registry: options.registry, deep: options.deep }, options.json);
  if (!options.repair || first.places.length === 0) return first;
  const { terminal } = context;
  const names = first.places.map((place) => `${place.registry} ${place.imageRepository}`);
  if (!options.confirm) {
    terminal.err(`Would be released again:\n${names.map((name) => `  ${name}\n`).join("")}Nothing was done; add --confirm.\n`);
    return first;
  }
  const runs = await actions.repair(first.places, first.commit);
  for (const run of runs) await waitForRun(client, run);
  terminal.err(`${runs.length} released again; looking once more\n`);
  // Those that could not be looked at, and those that no release mends, stay as they were.
  let { findings, unread } = first.beyondRepair;
  for (const place of first.places) {
    const again = await lookOnce(context, actions, { ...place, deep: true }, options.json);
    findings ||= again.findings;
    unread ||= again.unread;
  }
  return { findings, unread };
}

interface Looked extends Found {
  readonly places: readonly ImagePlace[];
  readonly commit: string;
  /** What is true whatever a repair does. */
  readonly beyondRepair: Found;
}

async function lookOnce(context: CommandContext, actions: AuditActions, scope: AuditScope, json: boolean): Promise<Looked> {
  const { terminal } = context;
  const stopping = new AbortController();
  const goOn = context.onInterrupt(() => stopping.abort());
  const places: ImagePlace[] = [];
  let [looked, findings, unread, elsewhere] = [0, false, false, false];
  const show = terminal.live && !json;
  const clear = () => show && terminal.err("\r\u001b[K");
  try {
    const audit = await actions.look(scope, stopping.signal, (image, total) => {
      clear();
      if (image.failed !== undefined) unread = true;
      const bad = image.lines.filter((line) => line.state !== "ok");
      findings ||= bad.length > 0;
      const { registry, imageRepository } = image;
      if (bad.some((line) => isRepairable(line.state))) places.push({ registry, imageRepository });
      else elsewhere ||= bad.length > 0;
      for (const text of json ? jsonLines(image) : formatFinding(terminal, image)) terminal.out(text);
      looked += 1;
      if (show) terminal.err(`looked at ${looked} of ${total}`);
    });
    clear();
    if (json) terminal.out(`${JSON.stringify({ audit: audit ?? null })}\n`);
    else terminal.out(audit === undefined ? "there is no main branch, nothing is wanted\n" : describeAudit(terminal, audit, context.now()));
    return { findings, unread, places, commit: audit?.commit ?? "", beyondRepair: { findings: elsewhere, unread } };
  } finally {
    goOn();
  }
}

function jsonLines({ registry, imageRepository, lines, failed }: AuditedImage): readonly string[] {
  const place = { registry, imageRepository };
  if (failed !== undefined) return [`${JSON.stringify({ ...place, unread: failed })}\n`];
  return lines.map((line) => `${JSON.stringify({ ...place, ...line })}\n`);
}
