import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import type { RegistrySettings } from "./config-registries.ts";
import { credentialOf, productionNames, registryNames, registryOf } from "./config-values.ts";
import { lookAtRepositories } from "./promotion/look-at-repositories.ts";
import type { PromotionPorts } from "./promotion/promotion-ports.ts";
import { namedRegistries } from "./registry/named-registries.ts";
import { type RegistryClient, registryClient } from "./registry/registry-client.ts";

import type { WebPorts } from "./web/ports.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A client for each registry of the settings; `named` throws `registry.unknown`. */
export interface AppRegistries {
  readonly candidate: RegistryClient;
  named(name: string): RegistryClient;
  close(): void;
}

/** Puts something around what is opened; see `AppOptions.wrap`. */
export type Wrap = <T extends object>(name: string, port: T) => T;

/** The settings' registries, unwrapped, and as the flows get them. Opening connects to nothing. */
export function openRegistries(settings: Settings, environment: Environment, userAgent: string, wrap: Wrap) {
  const open = ({ endpoint, plainHttp, ...registry }: RegistrySettings) =>
    registryClient({ endpoint, plainHttp, userAgent, ...credentialOf({ endpoint, plainHttp, ...registry }, environment) });
  const clients = Object.fromEntries(registryNames(settings).map((name) => [name, open(registryOf(settings, name))]));
  const { named } = namedRegistries(clients);
  const registries: AppRegistries = {
    candidate: named("candidate"),
    named,
    close: () => {
      for (const client of Object.values(clients)) client.close();
    },
  };
  const wrapped = namedRegistries(Object.fromEntries(Object.entries(clients).map(([name, client]) => [name, wrap(name, client)])));
  return { registries, wrapped };
}

/** Parents are read without a credential, but for those that stand in our own registries. */
export function parentRegistries(settings: Settings, environment: Environment, userAgent: string) {
  const open = new Map<string, RegistryClient>();
  const own = Object.values(settings.registries);
  return (endpoint: string, plainHttp: boolean): RegistryClient => {
    const key = `${plainHttp} ${endpoint}`;
    const known = open.get(key);
    if (known) return known;
    const registry = own.find((one) => one.endpoint === endpoint && one.plainHttp === plainHttp);
    const credential = registry === undefined ? undefined : credentialOf(registry, environment);
    const client = registryClient({ endpoint, plainHttp, userAgent, ...credential });
    open.set(key, client);
    return client;
  };
}

/** Production registries with a token of their own tell of pushes. Throws as `readSecret`. */
export function registryHooks(settings: Settings, environment: Environment, promotion: PromotionPorts): WebPorts["registryHooks"] {
  const hooks = productionNames(settings).flatMap((name) => {
    const { hookToken } = registryOf(settings, name);
    if (hookToken === undefined) return [];
    const look = (repositories: readonly string[]) => lookAtRepositories(promotion, name, repositories);
    return [[name, { token: readSecret(hookToken, environment), look }] as const];
  });
  return Object.fromEntries(hooks);
}
