import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import { parseImageFile } from "./image-file.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { ImageFile } from "./registry-manifest.ts";
import type { WasChecked } from "./release-facts.ts";

type Ports = Pick<PromotionPorts, "forge" | "releases" | "signers" | "settings">;

/** An image in one of the production registries. */
interface Place {
  /** Name in the settings. */
  readonly registry: string;
  readonly repository: string;
}

/**
 * Which releases of a file a release run need not check once more: those that were in it when its last release left nothing to do, and those that
 * flibs itself has released (`isProven`). So signatures that are lost are made anew however old the build is, and of what somebody else put into
 * the registry nothing is signed unchecked.
 */
export function releasedBefore(ports: Ports, place: Place, path: string): WasChecked {
  let reading: Promise<ImageFile | undefined> | undefined;
  return async (tag, digest) => {
    reading ??= readReleased(ports, place, path);
    return hasStanding(await reading, tag, digest) || (await isProven(ports, place, tag, digest));
  };
}

/** The same for a pull request, by what main's file says. */
export function mergedBefore(ports: Ports, place: Place, base: ImageFile | undefined): WasChecked {
  return async (tag, digest) => hasStanding(base, tag, digest) || (await isProven(ports, place, tag, digest));
}

/** Does this file have the release, and not withdrawn? What was withdrawn from the beginning nobody ever checked. */
function hasStanding(file: ImageFile | undefined, tag: string, digest: Digest): boolean {
  return file !== undefined && file.releases[tag]?.digest === digest && file.withdrawn?.[tag] === undefined;
}

/** As main had it when everything was released. */
async function readReleased(ports: Ports, { registry }: Place, path: string): Promise<ImageFile | undefined> {
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

const mostReports = 200;
const written = ["copied", "tagged"];

/**
 * Our own key has signed this name on this very digest, as when a run was cut off; or, since a withdrawal takes the signatures away, flibs wrote down that it
 * released it.
 */
async function isProven(ports: Ports, { registry, repository }: Place, tag: string, digest: Digest): Promise<boolean> {
  const name = `${ports.settings.registries[registry]?.publicName}/${repository}`;
  const signatures = await ports.signers.named(registry).listSignatures(name, digest);
  if (signatures.some((one) => one.verdict === "valid" && one.publicName === `${name}:${tag}`)) return true;
  const reports = await ports.releases.listReports({ imageRepository: repository, limit: mostReports });
  const lines = reports.filter((report) => report.registry === registry).flatMap((report) => report.lines);
  return lines.some((line) => line.tag === tag && line.digest === digest && (written.includes(line.what) || line.signaturesAdded > 0));
}
