import type { Settings } from "./config.ts";
import { appError } from "./domain/errors.ts";
import { cosignKeys } from "./open-signers.ts";
import type { AttestationKey, AttestationKeys } from "./signing/dsse.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The cosign keys of all registries, for what is attached there. Throws `signing.key-unusable`, `config.unreadable`. */
export function openAttestationKeys(settings: Pick<Settings, "registries" | "signing">, environment: Environment): AttestationKeys {
  const keys = new Map<string, readonly AttestationKey[]>();
  for (const registry of Object.keys(settings.registries)) keys.set(registry, cosignKeys({ settings, environment }, registry));
  return {
    of(registry) {
      const found = keys.get(registry);
      if (found) return found;
      throw appError("registry.unknown", `there are no keys for a registry "${registry.slice(0, 100)}"`, {
        hint: `Use one of ${[...keys.keys()].join(", ")}`,
      });
    },
  };
}
