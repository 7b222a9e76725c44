import type { WithAttestations } from "./cli/attestation-commands.ts";
import type { Settings } from "./config.ts";
import { credentialOf, publicNamed, registryOf } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import { parseImageReference } from "./domain/image-reference.ts";
import { openAttestationKeys } from "./open-attestation-keys.ts";
import { registryClient } from "./registry/registry-client.ts";
import { listAttestations, readAttestation } from "./signing/list-attestations.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Needs neither database nor service: the registry and the keys are enough. Throws `cli.usage` for a registry that is not in the settings. */
export function withAttestations(settings: Settings, environment: Environment): WithAttestations {
  return async (image, use) => {
    const { registry: host, repository, tag, digest } = parseImageReference(image);
    const known = Object.keys(settings.registries).map((name) => ({ name, ...publicNamed(settings, name) }));
    const found = known.find((one) => one.publicName === host) ?? known.find((one) => one.endpoint === host);
    if (found === undefined) {
      throw appError("cli.usage", `${host} is no registry of the settings`, {
        hint: `There are ${known.map((one) => one.publicName).join(", ")}`,
      });
    }
    const settingsOf = registryOf(settings, found.name);
    const { endpoint, plainHttp } = settingsOf;
    const keys = openAttestationKeys(settings, environment);
    const named = known.map(({ name }) => ({ registry: name, keys: keys.of(name) }));
    const registry = registryClient({ endpoint, plainHttp, ...credentialOf(settingsOf, environment) });
    try {
      return await use({
        list: () => listAttestations(registry, repository, digest ?? tag ?? "latest", named),
        read: (artifact) => readAttestation(registry, repository, artifact),
      });
    } finally {
      registry.close();
    }
  };
}
