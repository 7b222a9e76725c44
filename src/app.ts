import { join } from "node:path";
import { openEngines } from "./app-engines.ts";
import { openForge } from "./app-forge.ts";
import { gatePorts } from "./app-gate.ts";
import { type AppRegistries, openRegistries, parentRegistries, registryHooks } from "./app-registries.ts";
import { openResultsDb, testPorts, testSettings } from "./app-tests.ts";
import { buildFlow } from "./builds/build-flow.ts";
import type { BuildPorts } from "./builds/build-ports.ts";
import { httpDownloads } from "./builds/download/http-downloads.ts";
import { buildGate, type Gate, type GatePorts } from "./builds/gate.ts";
import type { WaiverPorts } from "./builds/prepare-waiver.ts";
import { pullFlow } from "./builds/pull-flow.ts";
import type { PullPorts } from "./builds/pull-ports.ts";
import { repairStatuses } from "./builds/repair-statuses.ts";
import { readRpmDatabase } from "./builds/rpmdb/rpm-database.ts";
import { testFlow } from "./builds/test-flow.ts";
import { directoryWorkspaces } from "./builds/workspace/directory-workspaces.ts";
import { type Settings, sizeBytes } from "./config.ts";
import { durationMs } from "./config-durations.ts";
import { credentialOf, optional, policyRegistries, publicNamed, publicUrlOf, secretsOf, waiverLengths } from "./config-values.ts";
import { checkedOutTree } from "./distgit/checkout/checked-out-tree.ts";
import { matchesBranch } from "./domain/branch-pattern.ts";
import { appError } from "./domain/errors.ts";
import type { BuildNetwork } from "./engines/build-network.ts";
import type { Engine } from "./engines/engine.ts";
import { type Engines, enginePool, runsForSlots } from "./engines/engine-pool.ts";
import type { Forge } from "./forge/forge.ts";
import type { ForgeDoctor } from "./forge/forge-doctor.ts";
import type { LocalForgeAdmin } from "./forge/local/local-forge.ts";
import type { ForgePeople } from "./forge/person.ts";
import { postFlowName, postResultFlow } from "./gating/post-result-flow.ts";
import { checkRequestFlow } from "./intake/check-request-flow.ts";
import { commandFlow } from "./intake/command-flow.ts";
import type { CommandPorts } from "./intake/command-ports.ts";
import type { IntakePolicy } from "./intake/decide.ts";
import { dropFlow } from "./intake/drop-flow.ts";
import { hearDelivery, sweepDeliveries, sweepForge } from "./intake/listen.ts";
import { authorizeBuild, judgeTrust, type TrustPorts } from "./intake/trust.ts";
import type { Log } from "./log.ts";
import { openAttestationKeys } from "./open-attestation-keys.ts";
import { openSigners } from "./open-signers.ts";
import { auditFlow } from "./promotion/audit-flow.ts";
import type { AuditPorts } from "./promotion/audit-run.ts";
import { checkPromotionFlow } from "./promotion/check-promotion-flow.ts";
import { gateFlow } from "./promotion/gate-flow.ts";
import { imageOfProposal } from "./promotion/machine-block.ts";
import { promoteFlow } from "./promotion/promote-flow.ts";
import { promoteHeld } from "./promotion/promote-held.ts";
import type { PromotionPorts } from "./promotion/promotion-ports.ts";
import { formatPromoted, formatRolledBack, formatWithdrawn } from "./promotion/proposal-words.ts";
import { proposePromotion } from "./promotion/propose-promotion.ts";
import { proposeRollback } from "./promotion/propose-rollback.ts";
import { proposeWithdrawal } from "./promotion/propose-withdrawal.ts";
import { isProposalBranch } from "./promotion/registry-manifest.ts";
import { releaseFlow } from "./promotion/release-flow.ts";
import { releaseScanFlow } from "./promotion/release-scan-flow.ts";
import type { ReleaseSigner } from "./promotion/release-signer.ts";
import { repairCheckStatuses } from "./promotion/repair-check-statuses.ts";
import { rollbackFlow } from "./promotion/rollback-flow.ts";
import { commandScanner } from "./promotion/scan/command-scanner.ts";
import { releaseSigner, type SigningPorts } from "./promotion/sign-release.ts";
import { withdrawFlow } from "./promotion/withdraw-flow.ts";
import { imageCopier } from "./registry/image-copier.ts";
import { layerMeasurer } from "./registry/measure-layer.ts";
import { inMemoryMountMemory } from "./registry/mount-memory.ts";
import { type GnupgHome, openGnupgHome } from "./signing/openpgp/gnupg-home.ts";
import type { Signers } from "./signing/signer.ts";
import { socketSigner } from "./signing/socket/signer-client.ts";
import { type Part, stopParts } from "./stopping.ts";
import { openStore, type Store } from "./store/store.ts";
import { version } from "./version.ts";
import { createMetrics, type Metrics } from "./web/metrics.ts";
import type { WebPorts } from "./web/ports.ts";
import type { Runs } from "./workflow/run.ts";
import { createWorker, type JournalHooks, type Worker } from "./workflow/worker.ts";

/** A signer may have a large file to work on; it has a limit of its own. */
const signerAnswersMs = 15 * 60_000;

type Environment = Readonly<Record<string, string | undefined>>;

export interface AppOptions {
  readonly log: Log;
  readonly environment: Environment;
  readonly databaseUrl: string;
  /** The database of that URL, when it is open already; the app closes it. */
  readonly store?: Store;
  /** Puts something around each port before the flows get it; the crash suite does. */
  readonly wrap?: <T extends object>(name: string, port: T) => T;
  readonly journalHooks?: JournalHooks;
  /** How long a worker that fell silent keeps its runs. */
  readonly leaseMs?: number;
}

/** Every adapter of an installation, put together. Opening it connects to the database and to nothing else. */
export interface App {
  readonly settings: Settings;
  /** Where secrets are found that the settings name. */
  readonly environment: Environment;
  readonly store: Store;
  readonly forge: Forge;
  /** What people do on a forge that is flibs' own; undefined where the forge has pages of its own for that. */
  readonly people: (ForgePeople & LocalForgeAdmin) | undefined;
  /** Looks at how flibs stands with the forge; undefined where the forge is flibs' own. */
  readonly forgeDoctor: ForgeDoctor | undefined;
  readonly engines: Engines;
  /** What builds can reach; opened by whoever runs them. */
  readonly network: BuildNetwork;
  readonly registries: AppRegistries;
  readonly signers: Signers;
  readonly gnupg: GnupgHome;
  readonly gate: Gate;
  /** What the gate decides by, for whoever asks as a client of Greenwave's. */
  readonly gatePorts: GatePorts;
  readonly waiving: WaiverPorts & { readonly waivers: Store["waivers"] };
  readonly promotion: PromotionPorts;
  readonly auditing: AuditPorts;
  /** Production registries that tell of pushes; see `WebPorts.registryHooks`. */
  readonly registryHooks: WebPorts["registryHooks"];
  readonly policy: IntakePolicy;
  readonly worker: Worker;
  readonly runs: Runs;
  readonly metrics: Metrics;
  /** Finds what no delivery told; returns what it started. */
  sweepForge(): Promise<readonly string[]>;
  /** Stores what the forge sent and never arrived; returns how much. */
  sweepDeliveries(): Promise<number>;
  /** Removes the text of logs, and artifacts of tests, that are older than the settings want; returns how many. */
  pruneLogs(): Promise<number>;
  /** Proposes what was held back and has room now; returns how many. */
  promoteHeld(): Promise<number>;
  /** Mends statuses that ended runs left behind; returns how many. */
  repairStatuses(): Promise<number>;
  /** Begins nothing more, and hands over what is under way. */
  readonly stopWorker: Part;
  close(): Promise<void>;
}

/** The only place where adapters are constructed and handed to rooms. */
export async function openApp(settings: Settings, options: AppOptions): Promise<App> {
  const { log, environment } = options;
  const wrap = options.wrap ?? ((_name, port) => port);
  // Before anything is opened that would have to be closed again.
  const secrets = secretsOf(settings, environment);
  const store = options.store ?? (await openStore({ url: options.databaseUrl, log }));
  const userAgent = `flibs/${version}`;
  const { registries, wrapped: named } = openRegistries(settings, environment, userAgent, wrap);
  const metrics = createMetrics(store.metrics);
  const { forge: openedForge, people, forgeDoctor, close: closeForge } = await openForge(settings, environment, log, metrics);
  const forge = wrap("forge", openedForge);
  const { members: openedEngines, network } = openEngines(settings, await store.ensureInstallation());
  const engines = enginePool(
    openedEngines.map(({ engine, ...member }) => ({ ...member, engine: wrap<Engine>(`engine ${engine.name}`, engine) })),
  );
  const buildsAtATime = settings.limits.builds ?? runsForSlots(settings.engines.reduce((sum, engine) => sum + engine.slots, 0));
  const gnupg = openGnupgHome({ directory: settings.signing.gnupgHome, timeoutMs: 60_000, agent: true });
  const opened = openSigners({ settings, environment, registries: named, gnupg, creator: `flibs ${version}`, log });
  const signers: Signers = { named: (registry) => wrap(`${registry} signer`, opened.named(registry)) };
  const attestationKeys = openAttestationKeys(settings, environment);
  const publicUrl = publicUrlOf(settings);

  // The worker is made last, since it is given the flows.
  const runs: Runs = {
    start: (request, transaction) => worker.runs.start(request, transaction),
    cancel: (run, reason) => worker.runs.cancel(run, reason),
    wake: (run) => worker.runs.wake(run),
    find: (run) => worker.runs.find(run),
    list: (filter) => worker.runs.list(filter),
    journal: (run) => worker.runs.journal(run),
  };
  const gating = gatePorts(settings, { forge, waivers: store.waivers, userAgent, now: () => new Date() }, (greenwave) =>
    wrap("greenwave", greenwave),
  );
  const gate = buildGate(gating);
  const resultsdb = openResultsDb(settings, environment, userAgent);
  const waiving = { gate, waivers: store.waivers, now: () => new Date(), lengths: waiverLengths(settings) };
  const policy: IntakePolicy = { ...settings.containers, manifests: settings.manifests, commands: settings.commands };
  const isBuilt = (branch: string) => policy.branches.some((pattern) => matchesBranch(pattern, branch));
  const trust: TrustPorts = { forge, approvals: store.approvals, isBuilt, manifests: settings.manifests.repository };
  const promotion: PromotionPorts = {
    forge,
    builds: store.builds,
    gate,
    registries: named,
    turns: store.turns,
    attestationKeys,
    copier: wrap("copier", imageCopier(named, { transfers: 4, mountMemory: inMemoryMountMemory() })),
    signers,
    releaseSigner: wrap("release signer", openReleaseSigner(settings, { forge, registries: named, signers })),
    releases: store.releases,
    places: store.places,
    ...scannerOf(settings),
    runs,
    now: () => new Date(),
    settings: {
      repository: settings.manifests.repository,
      branch: settings.manifests.branch,
      registries: policyRegistries(settings),
      promotions: settings.promotions,
      pageOf: (run) => `${publicUrl}/builds/${run}`,
    },
  };
  const auditing: AuditPorts = { ...promotion, audits: store.audits, log };
  const building: BuildPorts = {
    authorize: (request) => authorizeBuild(trust, request),
    builds: store.builds,
    destinationTags: store.destinationTags,
    logs: store.logs,
    forge: () => forge,
    engines,
    candidate: {
      registry: named.named("candidate"),
      ...publicNamed(settings, "candidate"),
      ...optional("credential", credentialOf(settings.registries.candidate, environment)),
    },
    openRegistry: parentRegistries(settings, environment, userAgent),
    signer: signers.named("candidate"),
    attestations: { registry: named.named("candidate"), turns: store.turns, keys: attestationKeys.of("candidate") },
    results: wrap("test results", store.testResults),
    ...testPorts(settings, engines, runs),
    gate,
    workspaces: directoryWorkspaces(join(settings.stateDirectory, "work")),
    downloads: wrap("downloads", httpDownloads({ ...settings.downloads, userAgent })),
    readTree: checkedOutTree,
    readRpms: readRpmDatabase,
    measureLayer: layerMeasurer(registries.candidate),
    promote: async (build) => {
      const proposed = await proposePromotion(promotion, build);
      return "number" in proposed ? { repository: settings.manifests.repository, number: proposed.number } : undefined;
    },
    settings: {
      publicUrl,
      allowedParents: settings.parents.allowed,
      digestMismatch: settings.parents.digestMismatch,
      targets: settings.targets,
      buildMs: durationMs(settings.limits.buildTime),
      ...testSettings(settings),
      memoryBytes: sizeBytes(settings.limits.memory),
      processes: settings.limits.processes,
      diskBytes: sizeBytes(settings.limits.disk),
      ...optional("cpus", settings.limits.cpus),
      ...optional("imageBytes", settings.limits.image === undefined ? undefined : sizeBytes(settings.limits.image)),
      mayDiffer: settings.components.mayDiffer,
      contextBytes: sizeBytes(settings.limits.context),
      logBytes: sizeBytes(settings.limits.log),
      labels: { values: settings.labels.image, equal: settings.labels.equal, ...optional("infoUrlFormat", settings.labels.infoUrlFormat) },
      repositories: settings.yumRepositories,
      sourcesUrl: settings.sources.url,
      version,
    },
    secrets,
    log,
  };
  const looking: PullPorts = {
    ...building,
    forge: () => forge,
    runs,
    trust: async ({ repository, number }) => {
      const pull = await forge.findPull(repository, number);
      if (pull === undefined) throw appError("builds.pull-moved", `${repository} has no pull request #${number} any more`);
      const judged = await judgeTrust(trust, pull);
      if (judged.kind === "trusted") return { trusted: true };
      return { trusted: false, base: judged.base, ...optional("approvedBy", judged.approval?.approvedBy) };
    },
  };
  const pageOf = (run: string) => `${publicUrl}/builds/${run}`;
  const commanding: CommandPorts = {
    ...{ forge, approvals: store.approvals, builds: store.builds, runs, pageOf, isBuilt },
    promote: async (build, requestedBy) => formatPromoted(await proposePromotion(promotion, build, requestedBy)),
    rollback: async (request) => formatRolledBack(await proposeRollback(promotion, request)),
    withdraw: async (request) => formatWithdrawn(await proposeWithdrawal(promotion, request)),
    waiving,
    readPromotion(body, headBranch) {
      const named = imageOfProposal(body);
      return named && isProposalBranch(headBranch, named.imageRepository) ? named : undefined;
    },
    settings: { manifests: settings.manifests.repository, comments: settings.commands, replies: settings.commands.replies },
  };
  const worker: Worker = createWorker({
    store,
    flows: [
      buildFlow(building),
      testFlow({ ...building, runs }),
      pullFlow(looking),
      commandFlow(commanding),
      checkRequestFlow({ forge, runs, pageOf }),
      dropFlow({ runs }),
      promoteFlow(promotion),
      gateFlow(promotion),
      rollbackFlow(promotion),
      withdrawFlow(promotion),
      checkPromotionFlow(promotion),
      releaseScanFlow(promotion),
      releaseFlow(promotion),
      auditFlow(auditing),
      postResultFlow({
        results: store.results,
        resultsdb: resultsdb && wrap("resultsdb", resultsdb),
        publicUrl,
        now: () => new Date(),
      }),
    ],
    log,
    // Releases, checks and withdrawals never wait for builds to end.
    concurrency: 2 * buildsAtATime + 4,
    // Suites that are run again take an engine's slot as a build does.
    most: { build: buildsAtATime, test: buildsAtATime, [postFlowName]: 2 },
    onDelivery: (delivery) => hearDelivery(forge, policy, delivery),
    ...optional("hooks", options.journalHooks),
    ...optional("leaseMs", options.leaseMs),
    stepDone: (flow, step, ms) => metrics.stepFinished(flow, step, "done", ms),
  });

  // It gives what is under way twenty seconds, and five more.
  const stopWorker: Part = { name: "the worker", stop: () => worker.stop(), patienceMs: 35_000 };
  return {
    ...{
      settings,
      environment,
      store,
      forge,
      people,
      forgeDoctor,
      engines,
      network,
      registries,
      signers,
      gnupg,
      gate,
      gatePorts: gating,
      waiving,
      promotion,
      auditing,
      registryHooks: registryHooks(settings, environment, promotion),
      policy,
      worker,
      runs: worker.runs,
      metrics,
    },
    sweepForge: () => sweepForge(forge, policy, store.cursors, worker.runs),
    sweepDeliveries: () => sweepDeliveries(forge, store.cursors, store.inbox),
    pruneLogs: async () => {
      const before = new Date(Date.now() - durationMs(settings.limits.logRetention));
      return (await store.logs.prune(before)) + (await store.testResults.pruneArtifacts(before));
    },
    promoteHeld: () => promoteHeld(promotion),
    repairStatuses: async () =>
      (await repairStatuses({ ...building, forge: () => forge }, runs, new Date())) + (await repairCheckStatuses(promotion)),
    stopWorker,
    close: () =>
      stopParts(
        [
          stopWorker,
          { name: "the forge", stop: closeForge },
          { name: "the build network", stop: () => network.close() },
          { name: "signers", stop: () => opened.close() },
          { name: "GnuPG", stop: () => gnupg.close() },
          ...openedEngines.map(({ engine }) => ({ name: `the engine ${engine.name}`, stop: () => engine.close() })),
          { name: "registries", stop: () => registries.close() },
          { name: "the database", stop: () => store.close() },
        ],
        log,
      ),
  };
}

/** Within this process, or the one that has the keys. */
function openReleaseSigner(settings: Settings, ports: Omit<SigningPorts, "settings">): ReleaseSigner {
  const { signer } = settings.signing;
  if (signer) return socketSigner(signer.socket, signerAnswersMs);
  return releaseSigner({ ...ports, settings: { ...settings.manifests, registries: policyRegistries(settings) } });
}

/** What is known of vulnerabilities changes from day to day. */
function scannerOf({ scanner }: Settings): Pick<PromotionPorts, "scanner"> {
  if (!scanner) return {};
  const { command, threshold, fixableOnly } = scanner;
  const opened = commandScanner({ command, timeoutMs: durationMs(scanner.time), keepMs: 3_600_000, now: () => new Date() });
  return { scanner: { ...opened, threshold, fixableOnly } };
}
