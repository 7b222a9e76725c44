import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { type App, buildPlaceOf, version } from "./app.ts";
import type { Client } from "./cli/client.ts";
import { type CommandContext, runProgram } from "./cli/program.ts";
import { processTerminal } from "./cli/terminal.ts";
import type { VerifyImage } from "./cli/verify-command.ts";
import type { Settings } from "./config.ts";
import { loadSettings } from "./config-load.ts";
import { keySetOf } from "./config-signing.ts";
import { credentialOf, lookasideOf, productionNames, publicNamed, publicUrlOf, registryOf } from "./config-values.ts";
import { doctorChecks } from "./doctor-checks.ts";
import { appError } from "./domain/errors.ts";
import { parseImageReference } from "./domain/image-reference.ts";
import { dockerEngine } from "./engines/docker/docker-engine.ts";
import { githubAppRegistration } from "./forge/github/app-registration.ts";
import { initInstallation } from "./init.ts";
import { openBesideService, runInstallation } from "./installation.ts";
import { createLog } from "./log.ts";
import { planReleases, startReleases } from "./promotion/release-scan-flow.ts";
import { registryClient } from "./registry/registry-client.ts";
import { describeInstallation } from "./serve.ts";
import { openGnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "./signing/openpgp/gpg-checker.ts";
import { exportKeyring } from "./signing/openpgp/gpg-sign.ts";
import { openLookasideDirectory } from "./signing/openpgp/lookaside-directory.ts";
import { httpLookaside } from "./signing/openpgp/lookaside-http.ts";
import { verifyImage } from "./signing/verify-image.ts";
import { withAttestations } from "./with-attestations.ts";

const environment = process.env;
let openApps: App[] = [];
const appsOfClients = new WeakMap<Client, App>();

process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: processTerminal(),
  environment,
  person: environment.FLIBS_PERSON ?? userInfo().username,
  version,
  now: () => Date.now(),
  uniqueId: () => randomUUID(),
  loadSettings: (option) => loadSettings(option, environment),
  openClient,
  serve,
  releaseActions: (client) => {
    const { promotion } = appOf(client);
    return {
      plan: () => planReleases(promotion, true),
      start: async (full) => (await startReleases(promotion, full, `cli ${randomUUID()}`)).runs,
    };
  },
  verifyImage: verifierOf,
  withAttestations: (settings) => withAttestations(settings, environment),
  doctorChecks: (settings) => {
    let opened: Promise<App> | undefined;
    return [
      ...doctorChecks(settings, () => {
        opened ??= openWithoutService(settings);
        return opened;
      }),
    ];
  },
  buildNetwork: (settings) => buildPlaceOf(settings).network,
  githubApps: githubAppRegistration(version),
  onInterrupt: (stop) => {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, stop);
    return () => {
      for (const signal of signals) process.off(signal, stop);
    };
  },
  init: async (options) => {
    const engine = dockerEngine({ host: `unix://${options.socket}`, installation: "init", stateDirectory: options.directory, slots: 1 });
    return initInstallation(options, await engine.platforms());
  },
} satisfies Omit<CommandContext, "settings" | "withClient" | "exit">);
for (const app of openApps) await app.close();
openApps = [];

/** The service: until SIGTERM or SIGINT, then hands its work over. */
async function serve(settings: Settings): Promise<void> {
  const log = createLog(settings.log.level);
  const told = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  const running = await runInstallation(settings, environment, log);
  try {
    log.info({ ...describeInstallation(settings), address: running.service.address, version }, "flibs is ready");
    await told;
    log.info("stopping: running steps are finished or handed over");
  } finally {
    await running.stop();
  }
  log.info("stopped");
}

/** Commands speak to the database that the service uses; without a service there is nobody who would do the work. */
async function openClient(settings: Settings): Promise<Client> {
  const app = await openWithoutService(settings);
  const client: Client = {
    settings,
    builds: app.store.builds,
    destinationTags: app.store.destinationTags,
    logs: app.store.logs,
    runs: app.runs,
    releases: app.store.releases,
    forge: app.forge,
    people: () => {
      if (app.people) return app.people;
      throw appError("cli.usage", `${settings.forge.kind} has pages of its own for this`, {
        hint: "Use them; this command is for the local forge",
      });
    },
    close: async () => {
      openApps = openApps.filter((one) => one !== app);
      await app.close();
    },
  };
  appsOfClients.set(client, app);
  return client;
}

async function openWithoutService(settings: Settings): Promise<App> {
  const app = await openBesideService(settings, environment);
  openApps.push(app);
  return app;
}

function appOf(client: Client): App {
  const app = appsOfClients.get(client);
  if (!app) throw new Error("a client that was not opened here");
  return app;
}

/** Needs neither database nor service: the registry, the lookaside and the public key are enough. */
function verifierOf(settings: Settings): VerifyImage {
  return async (image, stage) => {
    const reference = parseImageReference(image);
    const names = stage === "candidate" ? ["candidate"] : productionNames(settings);
    const named = names.map((name) => ({ name, ...publicNamed(settings, name) }));
    const found =
      named.find(({ publicName }) => publicName === reference.registry) ?? named.find(({ endpoint }) => endpoint === reference.registry);
    if (found === undefined) {
      throw appError("cli.usage", `${reference.registry} is no ${stage} registry`, {
        hint: `There ${named.length === 1 ? "is" : "are"} ${named.map(({ publicName }) => publicName).join(", ")}`,
      });
    }
    const { name, endpoint, publicName } = found;
    const settingsOf = registryOf(settings, name);
    const registry = registryClient({ endpoint, plainHttp: settingsOf.plainHttp, ...credentialOf(settingsOf, environment) });
    const gnupg = openGnupgHome({ directory: settings.signing.gnupgHome, timeoutMs: 60_000, agent: true });
    const fingerprints = keySetOf(settings, name).openpgp.map((key) => key.fingerprint);
    const checker = await openGpgChecker({ publicKeys: await exportKeyring(gnupg, fingerprints), fingerprints, timeoutMs: 60_000 });
    try {
      const local = lookasideOf(settings, name);
      const signatures = existsSync(local)
        ? openLookasideDirectory(local)
        : httpLookaside(`${publicUrlOf(settings)}/lookaside/${name}`, 30_000);
      const wanted = reference.digest ?? reference.tag ?? "latest";
      return await verifyImage({ registry, repository: reference.repository, reference: wanted, publicName, signatures, checker });
    } finally {
      await checker.close();
      await gnupg.close();
      registry.close();
    }
  };
}
