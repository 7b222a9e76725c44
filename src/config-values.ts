import { join } from "node:path";
import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import type { Secret } from "./config-secret.ts";
import { keySetOf, signingKeyName } from "./config-signing.ts";

/* What follows from the settings without opening anything: addresses, names, directories, secrets. */

type Environment = Readonly<Record<string, string | undefined>>;

/** Each registry's signatures have a directory of their own, since the registry's host is not in their path. */
export function lookasideOf(settings: { readonly signing: Pick<Settings["signing"], "lookaside"> }, registry: string): string {
  return join(settings.signing.lookaside, registry);
}

/** Endpoint, and the name that users type. */
export function publicNamed(settings: Settings, stage: "candidate" | "production"): { endpoint: string; publicName: string } {
  const { endpoint, publicName } = settings.registries[stage];
  return { endpoint, publicName: publicName ?? endpoint };
}

/** Registries by name, as the registry manifests' policy must have them. */
export function registryNames(settings: Settings): PromotionRegistries {
  const stages = ["candidate", "production"] as const;
  return Object.fromEntries(stages.map((name) => [name, { ...publicNamed(settings, name), signingKey: signingKeyName(settings, name) }]));
}

type PromotionRegistries = Readonly<Record<string, { endpoint: string; publicName: string; signingKey: string }>>;

/** OpenPGP keys that sign; of those that a signer of its own has, the public part is here. */
export function keysToWatch(settings: Settings) {
  return Object.keys(settings.registries).flatMap((registry) => {
    const part = settings.signing.signer === undefined || registry === "candidate" ? ("secret" as const) : ("public" as const);
    const keys = keySetOf(settings, registry).openpgp.filter((key) => key.use === "sign");
    return keys.map(({ fingerprint }) => ({ registry, fingerprint, part }));
  });
}

/** For a registry that wants one; reads the secret. Throws as `readSecret`. */
export function credentialOf(registry: Settings["registries"]["candidate"], environment: Environment) {
  if (registry.username === undefined || registry.password === undefined) return undefined;
  return { username: registry.username, password: readSecret(registry.password, environment) };
}

/** Values that must not be seen in logs, statuses and comments. */
export function secretsOf(settings: Settings, environment: Environment): readonly string[] {
  const passwords = Object.values(settings.registries).flatMap((registry) => (registry.password === undefined ? [] : [registry.password]));
  const named = [...passwords, ...keySecrets(settings), ...forgeSecrets(settings.forge)];
  return named.map((secret) => readSecret(secret, environment));
}

function keySecrets({ signing }: Settings): readonly Secret[] {
  return Object.values(signing.keys).flatMap(({ openpgp, cosign }) => [
    ...openpgp.flatMap((key) => (key.passphrase === undefined ? [] : [key.passphrase])),
    ...cosign.map((key) => key.privateKey),
  ]);
}

function forgeSecrets(forge: Settings["forge"]): readonly Secret[] {
  return forge.kind === "local" ? forge.hookSecrets : [forge.privateKey, ...forge.webhookSecrets];
}

/** What links start with; no slash at the end. */
export function publicUrlOf(settings: Settings): string {
  return (settings.web.publicUrl ?? localUrlOf(settings)).replace(/\/+$/, "");
}

/** Where the service is reached from this machine, whatever stands before it. */
function localUrlOf(settings: Settings): string {
  return `http://${settings.web.listen.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, "127.0.0.1")}`;
}
