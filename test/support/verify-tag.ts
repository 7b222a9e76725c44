import type { App } from "../../src/app.ts";
import { publicNamed } from "../../src/config-values.ts";
import { openJudges } from "../../src/open-judges.ts";
import { type ImageVerification, verifyImage } from "../../src/signing/verify-image.ts";

/** Judges a tag's signatures as consumers of an installation do, who have nothing but the stage's public keys. */
export async function verifyTag(
  { settings, environment, gnupg, registries }: Pick<App, "settings" | "environment" | "gnupg" | "registries">,
  stage: string,
  repository: string,
  tag: string,
): Promise<ImageVerification> {
  const registry = registries.named(stage);
  const { judges, close } = await openJudges({ settings, environment, gnupg, registry: stage, client: registry });
  const { publicName } = publicNamed(settings, stage);
  return await verifyImage({ registry, repository, reference: tag, publicName, judges }).finally(close);
}
