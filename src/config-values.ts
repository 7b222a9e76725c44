import { join } from "node:path";
import type { Settings } from "./config.ts";
import { durationMs } from "./config-durations.ts";
import { readSecret } from "./config-load.ts";
import type { RegistrySettings } from "./config-registries.ts";
import type { Secret } from "./config-secret.ts";
import { keySetOf, signingKeyName } from "./config-signing.ts";
import { appError } from "./domain/errors.ts";

/* What follows from the settings without opening anything: addresses, names, directories, secrets. */

type Environment = Readonly<Record<string, string | undefined>>;

/** The signatures of each registry have a directory of their own, since its host is not in their path. */
export function lookasideOf(settings: { readonly signing: Pick<Settings["signing"], "lookaside"> }, registry: string): string {
  return join(settings.signing.lookaside, registry);
}

/** Names of all registries, `candidate` first, then as the settings have them. */
export function registryNames(settings: Pick<Settings, "registries">): readonly string[] {
  return ["candidate", ...productionNames(settings)];
}

/** Names of those that releases go to. */
export function productionNames({ registries }: Pick<Settings, "registries">): readonly string[] {
  return Object.keys(registries).filter((name) => name !== "candidate");
}

/** Throws `registry.unknown`. */
export function registryOf(settings: Pick<Settings, "registries">, name: string): RegistrySettings {
  const found = Object.hasOwn(settings.registries, name) ? settings.registries[name] : undefined;
  if (found !== undefined) return found;
  throw appError("registry.unknown", `there is no registry "${name.slice(0, 100)}"`, {
    hint: `Use one of ${registryNames(settings).join(", ")}`,
  });
}

/** Endpoint, and the name that users type. Throws `registry.unknown`. */
export function publicNamed(settings: Pick<Settings, "registries">, name: string): { endpoint: string; publicName: string } {
  const { endpoint, publicName } = registryOf(settings, name);
  return { endpoint, publicName: publicName ?? endpoint };
}

/** What promotion and release know of each registry; the policy of the registry manifests must say the same. */
export function policyRegistries(settings: Pick<Settings, "registries" | "signing">) {
  return Object.fromEntries(
    registryNames(settings).map((name) => [
      name,
      { ...publicNamed(settings, name), signingKey: signingKeyName(settings, name), childTags: registryOf(settings, name).childTags },
    ]),
  );
}

/** OpenPGP keys that sign; of those that a signer of its own has, the public part is here. */
export function keysToWatch(settings: Settings) {
  return registryNames(settings).flatMap((registry) => {
    const part = settings.signing.signer === undefined || registry === "candidate" ? ("secret" as const) : ("public" as const);
    const keys = keySetOf(settings, registry).openpgp.filter((key) => key.use === "sign");
    return keys.map(({ fingerprint }) => ({ registry, fingerprint, part }));
  });
}

/** For a registry that wants one; reads the secret. Throws as `readSecret`. */
export function credentialOf(registry: RegistrySettings, environment: Environment) {
  if (registry.username === undefined || registry.password === undefined) return undefined;
  return { username: registry.username, password: readSecret(registry.password, environment) };
}

/** Values that must not be seen in logs, statuses and comments. */
export function secretsOf(settings: Settings, environment: Environment): readonly string[] {
  const passwords = Object.values(settings.registries).flatMap(({ password, hookToken }) =>
    [password, hookToken].filter((secret) => secret !== undefined),
  );
  const { token } = settings.gating.resultsdb ?? {};
  const named = [...passwords, ...keySecrets(settings), ...forgeSecrets(settings.forge), ...(token === undefined ? [] : [token])];
  return named.map((secret) => readSecret(secret, environment));
}

function keySecrets({ signing }: Settings): readonly Secret[] {
  return Object.values(signing.keys).flatMap(({ openpgp, cosign }) => [
    ...openpgp.flatMap((key) => (key.passphrase === undefined ? [] : [key.passphrase])),
    ...cosign.map((key) => key.privateKey),
  ]);
}

function forgeSecrets(forge: Settings["forge"]): readonly Secret[] {
  switch (forge.kind) {
    case "local":
      return forge.hookSecrets;
    case "github":
      return [forge.privateKey, ...forge.webhookSecrets];
    case "pagure":
      return [forge.token, ...(forge.promotionToken === undefined ? [] : [forge.promotionToken]), ...Object.values(forge.hookKeys).flat()];
  }
}

/** How long waivers hold. */
export function waiverLengths({ gating }: Settings): { readonly lengthMs: number; readonly mostMs: number } {
  return { lengthMs: durationMs(gating.waivers.length), mostMs: durationMs(gating.waivers.most) };
}

/** What links start with; no slash at the end. */
export function publicUrlOf(settings: Settings): string {
  return (settings.web.publicUrl ?? localUrlOf(settings)).replace(/\/+$/, "");
}

/** Where the service is reached from this machine, whatever stands before it. */
function localUrlOf(settings: Settings): string {
  return `http://${settings.web.listen.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, "127.0.0.1")}`;
}

/** A member for an object whose members are there or left out, never undefined. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
