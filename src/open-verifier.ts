import { existsSync } from "node:fs";
import type { VerifyImage } from "./cli/verify-command.ts";
import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import { lookasideOf, publicNamed, publicUrlOf } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import { parseImageReference } from "./domain/image-reference.ts";
import { registryClient } from "./registry/registry-client.ts";
import { openGnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "./signing/openpgp/gpg-checker.ts";
import { openLookasideDirectory } from "./signing/openpgp/lookaside-directory.ts";
import { httpLookaside } from "./signing/openpgp/lookaside-http.ts";
import { exportKey } from "./signing/openpgp/openpgp-signer.ts";
import { verifyImage } from "./signing/verify-image.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Needs neither database nor service: the registry, the lookaside and the public key are enough. */
export function verifierOf(settings: Settings, environment: Environment): VerifyImage {
  return async (image, stage) => {
    const reference = parseImageReference(image);
    const { endpoint, publicName } = publicNamed(settings, stage);
    if (reference.registry !== publicName && reference.registry !== endpoint) {
      throw appError("cli.usage", `${reference.registry} is not the ${stage} registry`, { hint: `Its name is ${publicName}` });
    }
    const { plainHttp, username, password } = settings.registries[stage];
    const credential = username === undefined || password === undefined ? {} : { username, password: readSecret(password, environment) };
    const registry = registryClient({ endpoint, plainHttp, ...credential });
    const gnupg = openGnupgHome({ directory: settings.signing.gnupgHome, timeoutMs: 60_000, agent: true });
    const fingerprint = (stage === "candidate" ? settings.signing.candidateKey : settings.signing.productionKey).toUpperCase();
    const checker = await openGpgChecker({ publicKey: await exportKey(gnupg, fingerprint), fingerprint, timeoutMs: 60_000 });
    try {
      const local = lookasideOf(settings, stage);
      const signatures = existsSync(local)
        ? openLookasideDirectory(local)
        : httpLookaside(`${publicUrlOf(settings)}/lookaside/${stage}`, 30_000);
      const wanted = reference.digest ?? reference.tag ?? "latest";
      return await verifyImage({ registry, repository: reference.repository, reference: wanted, publicName, signatures, checker });
    } finally {
      await checker.close();
      await gnupg.close();
      registry.close();
    }
  };
}
