import { relative, resolve } from "node:path";
import type { Command } from "commander";
import { appError } from "../domain/errors.ts";
import type { CheckoutCheck, CheckoutFormat } from "../promotion/check-checkout.ts";
import { type Fault, formatFault } from "../promotion/fault.ts";
import type { ManifestCheckout } from "../promotion/manifest-sources.ts";
import type { CheckoutPlan } from "../promotion/plan-checkout.ts";
import { isBad } from "../promotion/tag-plan.ts";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, plain, type Terminal, tint } from "./terminal.ts";

interface CheckOptions {
  readonly since?: string;
  readonly all: boolean;
  readonly github: boolean;
  readonly json: boolean;
}

const codes = `
Exit codes: 0 in order; 1 faults, or files that are not in their form; 2 no clone, or a commit that it lacks; 3 something needed cannot be reached.`;

/** `manifests check|fmt|plan`: the registry-manifest repository as it lies on the disk, for people and CI systems. */
export function addManifestsCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const manifests = program.command("manifests").description("Check, tidy and try a clone of the registry-manifest repository");

  manifests
    .command("check")
    .argument("[dir]", "a clone; the current directory when left out", ".")
    .description("Check what differs from the main branch; needs git alone: no settings, database, registry or network")
    .option("--since <commit>", "compare with this commit or branch; with origin's main branch when left out")
    .option("--all", "check every file, not only what differs", false)
    .option("--github", "print annotations for GitHub Actions; so it is when $GITHUB_ACTIONS is true", false)
    .option("--json", "print JSON", false)
    .addHelpText("after", codes)
    .action(async (directory: string, options: CheckOptions) => {
      const checkout = await context.openManifests(directory);
      const { checkCheckout } = await import("../promotion/check-checkout.ts");
      const found = await checkCheckout(checkout, { since: options.since, all: options.all });
      const github = options.github || context.environment.GITHUB_ACTIONS === "true";
      if (options.json) terminal.out(`${JSON.stringify(found, null, 2)}\n`);
      else terminal.out(formatCheck(terminal, found, github));
      if (found.faults.length > 0) context.exit(exitCodes.failed);
    });

  addPlan(manifests, context);

  manifests
    .command("fmt")
    .argument("[files...]", "image files; what differs from the main branch when left out")
    .description("Bring image files into their one form, comments kept; what would have to be guessed is left and told")
    .option("--dir <dir>", "a clone", ".")
    .option("--since <commit>", "compare with this commit or branch; with origin's main branch when left out")
    .option("--all", "every image file", false)
    .option("--check", "write nothing; exit 1 when a file is not in its form", false)
    .option("--json", "print JSON", false)
    .addHelpText("after", codes)
    .action(async (files: string[], options: CheckOptions & { dir: string; check: boolean }) => {
      const checkout = await context.openManifests(options.dir);
      const paths = files.map((file) => pathIn(checkout, file));
      const choice = { since: options.since, all: options.all, paths, write: !options.check };
      const { formatCheckout } = await import("../promotion/check-checkout.ts");
      const done = await formatCheckout(checkout, choice);
      if (options.json) terminal.out(`${JSON.stringify(done, null, 2)}\n`);
      else terminal.out(formatDone(terminal, done, options.check));
      if (done.faults.length > 0 || (options.check && done.changed.length > 0)) context.exit(exitCodes.failed);
    });
}

/** `plan`: what the release would do, tried on the registries. */
function addPlan(manifests: Command, context: CommandContext): void {
  const { terminal } = context;
  manifests
    .command("plan")
    .argument("[dir]", "a clone; the current directory when left out", ".")
    .description("Try what releasing would do now; needs the settings and the registries, which are only read: no database and no forge")
    .option("--since <commit>", "try what differs from this commit or branch; from origin's main branch when left out")
    .option("--all", "try every image file", false)
    .option("--json", "print JSON", false)
    .addHelpText("after", `${codes}\nCandidates' signatures and tests (CK6, CK7) are the service's to know; they are not looked at.`)
    .action(async (directory: string, options: Omit<CheckOptions, "github">) => {
      const checkout = await context.openManifests(directory);
      const plan = await context.planManifests(await context.settings(), checkout, { since: options.since, all: options.all });
      terminal.out(options.json ? `${JSON.stringify(plan, null, 2)}\n` : formatPlan(terminal, plan));
      if (plan.faults.length > 0) context.exit(exitCodes.failed);
    });
}

function formatPlan(terminal: Terminal, { plans, faults, images, base }: CheckoutPlan): string {
  const rows = plans.flatMap(({ path, registry, tags }) =>
    tags.map((one) => [
      { text: one.action, tone: isBad(one.action) ? ("bad" as const) : ("busy" as const) },
      registry,
      `${path.slice("images/".length, -".yaml".length)}:${one.tag}`,
      one.digest.slice(0, 19),
      one.message ?? "",
    ]),
  );
  const table = rows.length === 0 ? "nothing would be written\n" : formatTable(terminal, ["WOULD", "REGISTRY", "TAG", "DIGEST", ""], rows);
  const compared = base === null ? "compared with nothing" : `compared with ${base.slice(0, 12)}`;
  const tried = `${images} image ${images === 1 ? "file" : "files"} tried, ${compared}; signatures of candidates and tests were not looked at\n`;
  return `${formatFaultLines(faults, false)}${table}${tried}`;
}

function pathIn(checkout: ManifestCheckout, file: string): string {
  const path = relative(checkout.directory, resolve(file));
  if (path.startsWith("images/")) return path;
  throw appError("cli.usage", `${file} is no file below images/ of ${checkout.directory}`, { hint: "Name files below images/" });
}

function formatCheck(terminal: Terminal, found: CheckoutCheck, github: boolean): string {
  const files = `${found.images} image ${found.images === 1 ? "file" : "files"}`;
  const what =
    found.base === null
      ? `${files}, compared with nothing`
      : `${files}${found.policyChanged ? " and the policy" : ""}, compared with ${found.base.slice(0, 12)}`;
  const count = found.faults.length;
  const verdict = count === 0 ? tint(terminal, "good", "in order") : tint(terminal, "bad", `${count} ${count === 1 ? "fault" : "faults"}`);
  return `${formatFaultLines(found.faults, github)}${verdict}: ${what}\n`;
}

function formatDone(terminal: Terminal, done: CheckoutFormat, isCheck: boolean): string {
  const lines = done.changed.map(
    (path) => `${tint(terminal, isCheck ? "bad" : "good", isCheck ? "would change" : "changed")} ${plain(path)}\n`,
  );
  return `${formatFaultLines(done.faults, false)}${lines.join("")}${done.changed.length} of ${done.images} files ${isCheck ? "are not in their form" : "changed"}\n`;
}

function formatFaultLines(faults: readonly Fault[], github: boolean): string {
  return faults.map((fault) => `${github ? formatAnnotation(fault) : plain(formatFault(fault))}\n`).join("");
}

/**
 * A workflow command of GitHub Actions (docs.github.com, "Workflow commands for GitHub Actions"). What a file says must not become a command of
 * its own or another property, so line ends, `%`, and in properties `:` and `,` are encoded as the runner reads them. Pure.
 */
export function formatAnnotation({ check, file, line, message, fix }: Fault): string {
  const data = (text: string) => text.replace(/\p{Cc}/gu, (one) => (one === "\n" ? "%0A" : one === "\r" ? "%0D" : "?"));
  const value = (text: string) => data(text.replaceAll("%", "%25")).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const at = `file=${value(file)}${line === undefined ? "" : `,line=${line}`},title=${value(check)}`;
  return `::error ${at}::${data(`${message}. Fix: ${fix}`.replaceAll("%", "%25"))}`;
}
