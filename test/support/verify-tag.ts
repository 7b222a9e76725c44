import type { App } from "../../src/app.ts";
import { openJudges } from "../../src/open-judges.ts";
import { type ImageVerification, verifyImage } from "../../src/signing/verify-image.ts";

/** Judges a tag's signatures as consumers of an installation do, who have nothing but the stage's public keys. */
export async function verifyTag(
  { settings, environment, gnupg, registries }: Pick<App, "settings" | "environment" | "gnupg" | "registries">,
  stage: "candidate" | "production",
  repository: string,
  tag: string,
): Promise<ImageVerification> {
  const { judges, close } = await openJudges({ settings, environment, gnupg, registry: stage, client: registries[stage] });
  const publicName = settings.registries[stage].endpoint;
  return await verifyImage({ registry: registries[stage], repository, reference: tag, publicName, judges }).finally(close);
}
