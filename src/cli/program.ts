import { Command, CommanderError } from "commander";
import type { Settings } from "../config.ts";
import type { BuildNetwork } from "../engines/build-network.ts";
import type { AppRegistration } from "../forge/new-app.ts";
import type { CheckoutChoice } from "../promotion/check-checkout.ts";
import type { ManifestCheckout } from "../promotion/manifest-sources.ts";
import type { CheckoutPlan } from "../promotion/plan-checkout.ts";
import { addAttestationCommands, type WithAttestations } from "./attestation-commands.ts";
import { type AuditActions, addAuditCommand } from "./audit-command.ts";
import { addBuildCommands } from "./build-commands.ts";
import type { Client } from "./client.ts";
import { addConfigCommands } from "./config-commands.ts";
import { addContainerBuild } from "./container-build.ts";
import { type Check, runDoctor } from "./doctor.ts";
import { addDocumentCommands } from "./document-commands.ts";
import { exitCodes, reportFailure } from "./exit.ts";
import { addGateCommands } from "./gate-commands.ts";
import { addGithubCommands } from "./github-commands.ts";
import { addManifestsCommands } from "./manifests-commands.ts";
import { addNetworkCommands } from "./network-commands.ts";
import { addPromotionCommands } from "./promotion-commands.ts";
import { addPullCommands } from "./pull-commands.ts";
import { addReleaseCommands, type ReleaseActions } from "./release-commands.ts";
import { addTargetCommands } from "./target-commands.ts";
import type { Terminal } from "./terminal.ts";
import { addTestsCommand } from "./tests-command.ts";
import { addVerifyCommand, type VerifyImage } from "./verify-command.ts";

/** What `command-line.ts` hands to the commands; tests hand in fakes. */
export interface Surroundings {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Who acts, for comments and merges on the local forge. */
  readonly person: string;
  readonly version: string;
  now(): number;
  uniqueId(): string;
  loadSettings(option: string | undefined): Promise<Settings>;
  openClient(settings: Settings): Promise<Client>;
  /** Runs the service until it is told to stop. */
  serve(settings: Settings): Promise<void>;
  /** Runs a signer until it is told to stop; `option` is what --config says. */
  signer(option: string | undefined): Promise<void>;
  releaseActions(client: Client): Promise<ReleaseActions>;
  auditActions(client: Client): Promise<AuditActions>;
  verifyImage(settings: Settings): Promise<VerifyImage>;
  withAttestations(settings: Settings): Promise<WithAttestations>;
  /** A clone on this machine; throws `promotion.checkout-unreadable`. */
  openManifests(directory: string): Promise<ManifestCheckout>;
  /** Tries a clone on the registries of the settings, which are only read. */
  planManifests(settings: Settings, checkout: ManifestCheckout, choice: CheckoutChoice): Promise<CheckoutPlan>;
  doctorChecks(settings: Settings): Promise<readonly Check[]>;
  buildNetwork(settings: Settings): Promise<BuildNetwork>;
  githubApps(): Promise<AppRegistration>;
  /** Calls back when the person wants to stop, which then does not end the process; returns what takes that back. */
  onInterrupt(stop: () => void): () => void;
  /** Makes a new installation in a directory; returns what it made, a line each. */
  init(options: InitOptions): Promise<readonly string[]>;
}

export interface InitOptions {
  readonly directory: string;
  readonly candidate: string;
  readonly production: string;
  readonly plainHttp: boolean;
  readonly parents: readonly { readonly prefix: string; readonly mirror?: string; readonly plainHttp: boolean }[];
  readonly listen: string;
  readonly socket: string;
}

/** Given to each group of commands. */
export interface CommandContext extends Surroundings {
  settings(): Promise<Settings>;
  /** Opens the client, runs, closes it whatever happened. */
  withClient(use: (client: Client) => Promise<void>): Promise<void>;
  exit(code: number): void;
}

const exitHelp = `
Exit codes: 0 done; 1 what was asked about failed; 2 wrong usage, settings or input; 3 something needed cannot be reached; 4 not allowed.
Settings: --config FILE, $FLIBS_CONFIG, ./flibs.yaml, /etc/flibs/flibs.yaml; "flibs config explain" lists them.`;

/** Runs one command line; returns the exit code. */
export async function runProgram(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  let code: number = exitCodes.ok;
  const program = createProgram(surroundings, (value) => {
    code = value;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return reportFailure(surroundings.terminal, error);
  }
}

/** All commands with their help; the reference page is made from it. `exit` receives the exit code of a command that failed. */
export function createProgram(surroundings: Surroundings, exit: (code: number) => void): Command {
  const { terminal } = surroundings;
  const program = new Command("flibs");
  const context: CommandContext = {
    ...surroundings,
    settings: () => surroundings.loadSettings(program.opts<{ config?: string }>().config),
    withClient: async (use) => {
      const client = await surroundings.openClient(await context.settings());
      try {
        await use(client);
      } finally {
        await client.close();
      }
    },
    exit,
  };

  program
    .description("The Fedora Layered Image Build System: a push becomes a tested, promoted and signed container image")
    .version(surroundings.version, "-V, --version", "print the version")
    .option("-c, --config <file>", "settings file")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", exitHelp)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) });

  program
    .command("serve")
    .description("Run the service: inbox, workers, sweeps, web pages")
    .action(async () => surroundings.serve(await context.settings()));
  program
    .command("signer")
    .description(
      "Run the process that signs releases, under a user of its own with the keys (docs/signer.md); --config names its own settings",
    )
    .action(async () => surroundings.signer(program.opts<{ config?: string }>().config));
  addContainerBuild(program, context);
  addBuildCommands(program, context);
  addDocumentCommands(program, context);
  addTestsCommand(program, context);
  addTargetCommands(program, context);
  addPullCommands(program, context);
  addPromotionCommands(program, context);
  addGateCommands(program, context);
  addReleaseCommands(program, context);
  addAuditCommand(program, context);
  addManifestsCommands(program, context);
  addVerifyCommand(program, context);
  addAttestationCommands(program, context);
  program
    .command("doctor")
    .description("Look at everything flibs needs, and say what is wrong and how to mend it")
    .option("--json", "print JSON", false)
    .action(async (options: { json: boolean }) => {
      const checks = await surroundings.doctorChecks(await context.settings());
      if (!(await runDoctor(terminal, checks, options.json))) exit(exitCodes.failed);
    });
  addNetworkCommands(program, context);
  addConfigCommands(program, context);
  addGithubCommands(program, context);

  // Subcommands take the program's behaviour over only when they are told to.
  for (const command of everyCommand(program)) command.copyInheritedSettings(command.parent ?? command);
  return program;
}

/** Depth first, parents before their subcommands. */
export function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((inner) => [inner, ...everyCommand(inner)]);
}
