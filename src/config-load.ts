import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { Settings } from "./config.ts";
import { environmentLeaves, maySet } from "./config-explain.ts";
import type { RegistriesSettings, RegistrySettings } from "./config-registries.ts";
import type { Secret } from "./config-secret.ts";
import type { KeySet, SigningSettings } from "./config-signing.ts";
import { appError } from "./domain/errors.ts";

/** Where settings are looked for, first one counts; `--config` comes before all. */
export const settingsPlaces = ["$FLIBS_CONFIG", "./flibs.yaml", "/etc/flibs/flibs.yaml"] as const;

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings of an installation with absolute paths; throws `config.invalid` and `config.unreadable`. */
export function loadSettings(option: string | undefined, environment: Environment): Settings {
  const file = findSettingsFile(option, environment);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw appError("config.unreadable", `the settings file ${file} cannot be read`, {
      file,
      hint: "Name another with --config, or make one with flibs init",
      cause,
    });
  }
  return absolutePaths(parseSettings(text, file, environment), dirname(resolve(file)));
}

/** Named or found; it may not be there when it is named. Throws `config.unreadable` when there is none. */
export function findSettingsFile(option: string | undefined, environment: Environment): string {
  if (option !== undefined) return option;
  if (environment.FLIBS_CONFIG) return environment.FLIBS_CONFIG;
  const found = ["./flibs.yaml", "/etc/flibs/flibs.yaml"].find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw appError("config.unreadable", `no settings file at ${settingsPlaces.join(", ")}`, {
    hint: "Make an installation with flibs init DIRECTORY, or name its settings with --config FILE",
  });
}

/** Text of a settings file, overlaid with environment variables, to settings; throws `config.invalid` with a line for each fault. */
export function parseSettings(text: string, file: string, environment: Environment = {}): Settings {
  let raw: unknown;
  try {
    raw = parseYaml(text, { maxAliasCount: 0, uniqueKeys: true }) ?? {};
  } catch (error) {
    throw appError("config.invalid", `${file} is not YAML: ${error instanceof Error ? error.message : String(error)}`, { file });
  }
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw appError("config.invalid", `${file} is not a mapping of settings`, {
      file,
      hint: "Run flibs config explain to see every setting",
    });
  }
  const parsed = Settings.safeParse(overlay(raw as Record<string, unknown>, environment));
  if (parsed.success) return parsed.data;
  throw appError("config.invalid", `${file} is not valid:\n${z.prettifyError(parsed.error)}`, {
    file,
    hint: "Run flibs config explain to see every setting",
  });
}

/** `FLIBS_WEB_LISTEN=…` stands for `web: {listen: …}`; the environment comes before the file. */
function overlay(raw: Record<string, unknown>, environment: Environment): Record<string, unknown> {
  // Listing every setting takes longer than all the rest of this file, and mostly there is nothing to overlay.
  if (!Object.keys(environment).some(maySet)) return raw;
  const result = structuredClone(raw);
  for (const leaf of environmentLeaves()) {
    const value = environment[leaf.variable];
    if (value === undefined) continue;
    let place: Record<string, unknown> = result;
    for (const key of leaf.path.slice(0, -1)) {
      const inner = place[key];
      if (typeof inner === "object" && inner !== null) place = inner as Record<string, unknown>;
      else {
        const made: Record<string, unknown> = {};
        place[key] = made;
        place = made;
      }
    }
    place[leaf.path.at(-1) ?? ""] = leaf.type === "string" ? value : parseScalar(value);
  }
  return result;
}

function parseScalar(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function absolutePaths(settings: Settings, base: string): Settings {
  const at = (path: string) => resolve(base, path);
  const secret = (value: Secret): Secret => ("file" in value ? { file: at(value.file) } : value);
  const registry = ({ password, hookToken, ...value }: RegistrySettings): RegistrySettings => ({
    ...value,
    ...(password === undefined ? {} : { password: secret(password) }),
    ...(hookToken === undefined ? {} : { hookToken: secret(hookToken) }),
  });
  const stateDirectory = at(settings.stateDirectory);
  return {
    ...settings,
    stateDirectory,
    database: settings.database.url === undefined ? settings.database : { url: secret(settings.database.url) },
    forge: absoluteForge(settings.forge, at, secret),
    gating: absoluteGating(settings.gating, at, secret),
    network: absoluteNetwork(settings.network, stateDirectory),
    registries: Object.fromEntries(
      Object.entries(settings.registries).map(([name, value]) => [name, registry(value)]),
    ) as RegistriesSettings,
    engines: settings.engines.map((engine) =>
      engine.tls === undefined ? engine : { ...engine, tls: { ca: at(engine.tls.ca), cert: at(engine.tls.cert), key: at(engine.tls.key) } },
    ),
    signing: {
      ...absoluteSigning(settings.signing, base, stateDirectory),
      ...(settings.signing.signer === undefined ? {} : { signer: { socket: at(settings.signing.signer.socket) } }),
    },
  };
}

/** The same of a signer's own settings. */
export function absoluteSigning<T extends Omit<SigningSettings, "signer">>(signing: T, base: string, stateDirectory: string): T {
  const secret = (value: Secret): Secret => ("file" in value ? { file: resolve(base, value.file) } : value);
  return {
    ...signing,
    gnupgHome: resolve(base, signing.gnupgHome),
    keys: Object.fromEntries(Object.entries(signing.keys).map(([name, keys]) => [name, absoluteKeys(keys, secret)])),
    lookaside: resolve(stateDirectory, signing.lookaside),
  };
}

function absoluteKeys({ openpgp, cosign }: KeySet, secret: (value: Secret) => Secret): KeySet {
  return {
    openpgp: openpgp.map((key) => (key.passphrase === undefined ? key : { ...key, passphrase: secret(key.passphrase) })),
    cosign: cosign.map((key) => ({ ...key, privateKey: secret(key.privateKey) })),
  };
}

function absoluteNetwork(network: Settings["network"], stateDirectory: string): Settings["network"] {
  return network.mode === "closed" ? { ...network, dataRoot: resolve(stateDirectory, network.dataRoot) } : network;
}

function absoluteGating(
  { policies, resultsdb, ...gating }: Settings["gating"],
  at: (path: string) => string,
  secret: (value: Secret) => Secret,
): Settings["gating"] {
  const token = resultsdb?.token;
  return {
    ...gating,
    ...(policies === undefined ? {} : { policies: at(policies) }),
    ...(resultsdb === undefined ? {} : { resultsdb: token === undefined ? resultsdb : { ...resultsdb, token: secret(token) } }),
  };
}

function absoluteForge(forge: Settings["forge"], at: (path: string) => string, secret: (value: Secret) => Secret): Settings["forge"] {
  switch (forge.kind) {
    case "local":
      return { ...forge, directory: at(forge.directory), hookSecrets: forge.hookSecrets.map(secret) };
    case "github":
      return { ...forge, privateKey: secret(forge.privateKey), webhookSecrets: forge.webhookSecrets.map(secret) };
    case "pagure": {
      const { push, hookKeys, promotionToken } = forge;
      return {
        ...{ ...forge, token: secret(forge.token), ...(promotionToken && { promotionToken: secret(promotionToken) }) },
        push: push.kind === "ssh" ? { ...push, key: at(push.key), knownHosts: at(push.knownHosts) } : push,
        hookKeys: Object.fromEntries(Object.entries(hookKeys).map(([project, keys]) => [project, keys.map(secret)])),
      };
    }
  }
}

/** Throws `config.unreadable`. */
export function readSecret(secret: Secret, environment: Environment): string {
  if ("env" in secret) {
    const value = environment[secret.env];
    if (value) return value;
    throw appError("config.unreadable", `the environment variable ${secret.env} is not set`, {
      hint: `Set ${secret.env}, or name a file instead`,
    });
  }
  try {
    return readFileSync(secret.file, "utf8").trim();
  } catch (cause) {
    throw appError("config.unreadable", `the secret file ${secret.file} cannot be read`, { file: secret.file, cause });
  }
}
