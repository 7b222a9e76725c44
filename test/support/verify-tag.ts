import type { App } from "../../src/app.ts";
import { lookasideOf, publicNamed, signingKeyOf } from "../../src/config-values.ts";
import { openGpgChecker } from "../../src/signing/openpgp/gpg-checker.ts";
import { openLookasideDirectory } from "../../src/signing/openpgp/lookaside-directory.ts";
import { exportKey } from "../../src/signing/openpgp/openpgp-signer.ts";
import { type ImageVerification, verifyImage } from "../../src/signing/verify-image.ts";

/** Judges a tag's signatures as a consumer of an installation does, who has nothing but the stage's public key. */
export async function verifyTag(
  { settings, gnupg, registries }: Pick<App, "settings" | "gnupg" | "registries">,
  stage: string,
  repository: string,
  tag: string,
): Promise<ImageVerification> {
  const fingerprint = signingKeyOf(settings, stage);
  const checker = await openGpgChecker({ publicKey: await exportKey(gnupg, fingerprint), fingerprint, timeoutMs: 30_000 });
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
