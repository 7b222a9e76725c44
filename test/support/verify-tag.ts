import type { App } from "../../src/app.ts";
import { keySetOf } from "../../src/config-signing.ts";
import { lookasideOf, publicNamed } from "../../src/config-values.ts";
import { openGpgChecker } from "../../src/signing/openpgp/gpg-checker.ts";
import { exportKeyring } from "../../src/signing/openpgp/gpg-sign.ts";
import { openLookasideDirectory } from "../../src/signing/openpgp/lookaside-directory.ts";
import { type ImageVerification, verifyImage } from "../../src/signing/verify-image.ts";

/** Judges a tag's signatures as a consumer of an installation does, who has nothing but the stage's public key. */
export async function verifyTag(
  { settings, gnupg, registries }: Pick<App, "settings" | "gnupg" | "registries">,
  stage: string,
  repository: string,
  tag: string,
): Promise<ImageVerification> {
  const fingerprints = keySetOf(settings, stage).openpgp.map((key) => key.fingerprint);
  const checker = await openGpgChecker({ publicKeys: await exportKeyring(gnupg, fingerprints), fingerprints, timeoutMs: 30_000 });
  try {
    return await verifyImage({
      registry: registries.named(stage),
      repository,
      reference: tag,
      publicName: publicNamed(settings, stage).publicName,
      signatures: openLookasideDirectory(lookasideOf(settings, stage)),
      checker,
    });
  } finally {
    await checker.close();
  }
}
