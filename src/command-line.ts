import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { userInfo } from "node:os";
import type { App } from "./app.ts";
import { type CommandContext, runProgram } from "./cli/program.ts";
import { processTerminal } from "./cli/terminal.ts";
import type { Settings } from "./config.ts";
import { endWithoutRest } from "./stopping.ts";
import { version } from "./version.ts";

// What only some commands need is loaded when one of them is called: all of it takes more than a second, the help a tenth.
const environment = process.env;
let afterwards: () => Promise<unknown> = async () => {};

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: processTerminal(),
  environment,
  person: environment.FLIBS_PERSON ?? userInfo().username,
  version,
  now: () => Date.now(),
  uniqueId: () => randomUUID(),
  loadSettings: async (option) => (await import("./config-load.ts")).loadSettings(option, environment),
  openClient: async (settings) => (await import("./open-client.ts")).openClient(settings, environment),
  serve,
  signer,
  releaseActions: async (client) => (await import("./open-client.ts")).releaseActionsOf(client),
  auditActions: async (client) => (await import("./open-client.ts")).auditActionsOf(client),
  verifyImage: async (settings) => (await import("./open-verifier.ts")).verifierOf(settings, environment),
  withAttestations: async (settings) => (await import("./with-attestations.ts")).withAttestations(settings, environment),
  openManifests: async (directory) => (await import("./promotion/checkout/git-checkout.ts")).openGitCheckout(directory),
  planManifests: async (settings, checkout, choice) =>
    (await import("./plan-manifests.ts")).planManifests(settings, environment, checkout, choice),
  async doctorChecks(settings) {
    const { doctorChecks } = await import("./doctor-checks.ts");
    const { openBesideService } = await import("./installation.ts");
    let opened: Promise<App> | undefined;
    afterwards = async () => (await opened?.catch(() => undefined))?.close();
    return doctorChecks(settings, () => {
      opened ??= openBesideService(settings, environment);
      return opened;
    });
  },
  buildNetwork: async (settings) => (await import("./app-engines.ts")).buildPlaceOf(settings).network,
  githubApps: async () => (await import("./forge/github/app-registration.ts")).githubAppRegistration(version),
  onInterrupt: (stop) => {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, stop);
    return () => {
      for (const signal of signals) process.off(signal, stop);
    };
  },
  async init(options) {
    const { initInstallation } = await import("./init.ts");
    const { dockerEngine } = await import("./engines/docker/docker-engine.ts");
    const engine = dockerEngine({ host: `unix://${options.socket}`, installation: "init", stateDirectory: options.directory, slots: 1 });
    return initInstallation(options, await engine.platforms());
  },
} satisfies Omit<CommandContext, "settings" | "withClient" | "exit">);
await afterwards();

/** The service: until SIGTERM or SIGINT, then hands its work over. */
async function serve(settings: Settings): Promise<void> {
  // Before anything is loaded, so that a signal in between is no crash.
  const told = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const { runInstallation } = await import("./installation.ts");
  const { createLog } = await import("./log.ts");
  const { describeInstallation } = await import("./serve.ts");
  const log = createLog(settings.log.level);
  const running = await runInstallation(settings, environment, log);
  try {
    log.info({ ...describeInstallation(settings), address: running.service.address, version }, "flibs is ready");
    await told;
    log.info("stopping: running steps are finished or handed over");
  } finally {
    await running.stop().finally(() => endWithoutRest(log));
  }
  log.info("stopped");
}

/** The process with the keys: until SIGTERM or SIGINT, then ends what it works on. */
async function signer(option: string | undefined): Promise<void> {
  const told = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const { loadSignerSettings } = await import("./config-signer.ts");
  const { createLog } = await import("./log.ts");
  const { startSigner } = await import("./signer-process.ts");
  const settings = loadSignerSettings(option ?? environment.FLIBS_SIGNER_CONFIG ?? "/etc/flibs/signer.yaml");
  const log = createLog(settings.log.level);
  const running = await startSigner(settings, { environment, creator: `flibs ${version}`, log });
  try {
    log.info({ socket: settings.socket, keys: running.keys, version }, "flibs signer is ready");
    await told;
  } finally {
    await running.stop().finally(() => endWithoutRest(log));
  }
  log.info("stopped");
}
