import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import { keySetOf } from "./config-signing.ts";
import { appError } from "./domain/errors.ts";
import { type AttestationSigner, type AttestationSigners, attestationSigner } from "./signing/attestation-signer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Who signs what is attached in each registry: its cosign keys. Throws `signing.key-unusable`, and `config.unreadable` for a key that is not there. */
export function openAttesters(settings: Pick<Settings, "registries" | "signing">, environment: Environment): AttestationSigners {
  const attesters = new Map<string, AttestationSigner>();
  for (const registry of Object.keys(settings.registries)) {
    const keys = keySetOf(settings, registry).cosign.map(({ use, privateKey }) => ({ use, pem: readSecret(privateKey, environment) }));
    const used = (wanted: string) => keys.filter(({ use }) => use === wanted).map(({ pem }) => pem);
    attesters.set(registry, attestationSigner(registry, { sign: used("sign"), accept: used("accept") }));
  }
  return {
    named(registry) {
      const found = attesters.get(registry);
      if (found) return found;
      throw appError("registry.unknown", `there are no keys for a registry "${registry.slice(0, 100)}"`, {
        hint: `Use one of ${[...attesters.keys()].join(", ")}`,
      });
    },
  };
}
