import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { durationMs } from "./config-durations.ts";
import { readSecret } from "./config-load.ts";
import type { SignerSettings } from "./config-signer.ts";
import { keySetOf, signingKeyName } from "./config-signing.ts";
import { credentialOf } from "./config-values.ts";
import { branchClone } from "./forge/git/branch-clone.ts";
import type { Log } from "./log.ts";
import { openSigners } from "./open-signers.ts";
import { releaseSigner } from "./promotion/sign-release.ts";
import { namedRegistries } from "./registry/named-registries.ts";
import { registryClient } from "./registry/registry-client.ts";
import { openGnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { watchKeys } from "./signing/openpgp/watch-keys.ts";
import type { SignerKey } from "./signing/signer.ts";
import { serveSigner } from "./signing/socket/signer-server.ts";
import { stopParts } from "./stopping.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A running `flibs signer`. */
export interface RunningSigner {
  /** By registry. */
  readonly keys: Readonly<Record<string, readonly SignerKey[]>>;
  stop(): Promise<void>;
}

const fetchMs = 60_000;
const requestMs = 10_000;
const dayMs = 86_400_000;

/**
 * The process that has the release keys: it reads the registry manifests out of a clone that it fetches itself and images out of the registry by
 * digest, so that it needs to believe nobody. It has no database, no forge's credential and no keys of candidates.
 */
export async function startSigner(
  settings: SignerSettings,
  { environment, creator, log }: { readonly environment: Environment; readonly creator: string; readonly log: Log },
): Promise<RunningSigner> {
  const { candidate: _candidate, ...released } = settings.registries;
  const open = Object.fromEntries(
    Object.entries(released).map(([name, registry]) => {
      const { endpoint, plainHttp } = registry;
      return [name, registryClient({ endpoint, plainHttp, userAgent: creator.replace(" ", "/"), ...credentialOf(registry, environment) })];
    }),
  );
  const registries = namedRegistries(open);
  const gnupg = openGnupgHome({ directory: settings.signing.gnupgHome, timeoutMs: 60_000, agent: true });
  const signers = openSigners({
    settings: { registries: released, signing: settings.signing },
    environment,
    registries,
    gnupg,
    creator,
    log,
  });
  const { url, branch, username, password } = settings.manifests;
  const credential =
    username === undefined || password === undefined ? undefined : { username, password: readSecret(password, environment) };
  const directory = join(settings.stateDirectory, "manifests.git");
  const signer = releaseSigner({
    forge: branchClone({ url, branch, directory, credential, timeoutMs: fetchMs }),
    registries,
    signers,
    settings: { repository: "the registry manifests", branch, registries: namesOf(settings) },
  });
  await mkdir(dirname(settings.socket), { recursive: true });
  const server = await serveSigner({ socket: settings.socket, signer, timeoutMs: durationMs(settings.timeout), requestMs, log });
  const watch = () => watchKeys(gnupg, keysOf(settings, Object.keys(released)), Date.now(), log);
  const watching = setInterval(() => watch().catch((error) => log.warn({ err: error }, "looking at the keys failed")), dayMs);
  await watch();
  return {
    keys: Object.fromEntries(Object.keys(released).map((name) => [name, signers.named(name).keys])),
    stop() {
      clearInterval(watching);
      return stopParts(
        [
          { name: "requests", stop: () => server.close() },
          { name: "signers", stop: () => signers.close() },
          { name: "GnuPG", stop: () => gnupg.close() },
          { name: "registries", stop: () => Object.values(open).map((client) => client.close()) },
        ],
        log,
      );
    },
  };
}

function keysOf(settings: SignerSettings, registries: readonly string[]) {
  return registries.flatMap((registry) =>
    keySetOf(settings, registry)
      .openpgp.filter((key) => key.use === "sign")
      .map(({ fingerprint }) => ({ registry, fingerprint, part: "secret" as const })),
  );
}

function namesOf(settings: SignerSettings) {
  return Object.fromEntries(
    Object.entries(settings.registries).map(([name, { endpoint, publicName, childTags }]) => [
      name,
      { endpoint, publicName: publicName ?? endpoint, signingKey: signingKeyName(settings, name), childTags },
    ]),
  );
}
