import type { VerifyImage } from "./cli/verify-command.ts";
import type { Settings } from "./config.ts";
import { credentialOf, productionNames, publicNamed, registryOf } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import { parseImageReference } from "./domain/image-reference.ts";
import { openJudges } from "./open-judges.ts";
import { registryClient } from "./registry/registry-client.ts";
import { openGnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { verifyImage } from "./signing/verify-image.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Needs neither database nor service: the registry, the lookaside and the public keys are enough. */
export function verifierOf(settings: Settings, environment: Environment): VerifyImage {
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
    const { judges, close } = await openJudges({ settings, environment, gnupg, registry: name, client: registry });
    try {
      const wanted = reference.digest ?? reference.tag ?? "latest";
      return await verifyImage({ registry, repository: reference.repository, reference: wanted, publicName, judges });
    } finally {
      await close();
      await gnupg.close();
      registry.close();
    }
  };
}
