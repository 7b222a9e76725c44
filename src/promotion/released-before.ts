import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import { parseImageFile } from "./image-file.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ImageFile } from "./registry-manifest.ts";
import type { WasChecked } from "./release-facts.ts";

/**
 * Which releases of a file a release run need not check once more: those that were in it when its last release left nothing to do, and those whose
 * name our own key has signed on this very digest, by a run that was cut off. So signatures that are lost are made anew however old the build is,
 * and of what somebody else put into the registry nothing is signed unchecked.
 */
export function releasedBefore(
  ports: Pick<PromotionPorts, "forge" | "releases" | "signers" | "settings">,
  file: { readonly commit: string; readonly path: string; readonly registry: string; readonly repository: string },
): WasChecked {
  let reading: Promise<ImageFile | undefined> | undefined;
  return async (tag, digest) => {
    reading ??= readReleased(ports, file);
    const before = await reading;
    return (before !== undefined && hasStanding(before, tag, digest)) || (await isSigned(ports, file, tag, digest));
  };
}

type File = Parameters<typeof releasedBefore>[1];

/** Does this file have the release, and not withdrawn? What was withdrawn from the beginning nobody ever checked. */
export function hasStanding({ releases, withdrawn }: ImageFile, tag: string, digest: Digest): boolean {
  return releases[tag]?.digest === digest && withdrawn?.[tag] === undefined;
}

/** As main had it when everything was released. */
async function readReleased(ports: Parameters<typeof releasedBefore>[0], { path, registry }: File): Promise<ImageFile | undefined> {
  const { repository } = ports.settings;
  const known = await ports.releases.findReconciled(repository, registry, path);
  if (!known) return undefined;
  const bytes = await ports.forge.findFile(repository, known.commit, path).catch((error: unknown) => {
    if (errorKind(error) === "transient") throw error;
    // Main was rewritten since.
    return undefined;
  });
  const parsed = bytes && parseImageFile(path, bytes);
  return parsed?.ok ? parsed.value : undefined;
}

async function isSigned(
  { signers, settings }: Parameters<typeof releasedBefore>[0],
  { registry, repository }: File,
  tag: string,
  digest: Digest,
): Promise<boolean> {
  const name = `${settings.registries[registry]?.publicName}/${repository}`;
  const found = await signers.named(registry).listSignatures(name, digest);
  return found.some((signature) => signature.verdict === "valid" && signature.publicName === `${name}:${tag}`);
}
