import { appError } from "../domain/errors.ts";
import { isRepository } from "../domain/image-reference.ts";
import { nearest } from "../domain/nearest.ts";
import type { ParsedImageFile } from "./image-file.ts";
import { faultError, findImageFile, readPolicy } from "./manifest-tree.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { imagePath, policyPath, type Route, repositoryOfPath } from "./registry-manifest.ts";

/** What main says of one image: what a roll-back or a withdrawal is computed from. */
export interface ImageAtHead {
  /** Main's head. */
  readonly base: string;
  readonly path: string;
  /** `f40/cockpit` */
  readonly imageRepository: string;
  readonly parsed: ParsedImageFile;
  readonly routes: readonly Route[];
}

/** Throws `promotion.image-unknown`, `promotion.policy-invalid` and `promotion.file-invalid`. */
export async function readImageAtHead(ports: PromotionPorts, imageRepository: string): Promise<ImageAtHead> {
  const { repository, branch } = ports.settings;
  const base = await ports.forge.findHead(repository, branch);
  if (base === undefined) {
    const hint = "Make the registry-manifest repository with flibs init";
    throw appError("promotion.policy-invalid", `${repository} has no branch ${branch}`, { file: policyPath, hint });
  }
  const path = imagePath(imageRepository);
  const image = isRepository(imageRepository) ? await findImageFile(ports, base, path, await readPolicy(ports, base)) : undefined;
  if (!image) throw await unknownImage(ports, base, imageRepository);
  if (!image.ok) throw faultError("promotion.file-invalid", image.faults);
  return { base, path, imageRepository, parsed: image.parsed, routes: image.routes };
}

/** With the name that was meant, when there is one. */
async function unknownImage(ports: PromotionPorts, base: string, imageRepository: string) {
  const files = await ports.forge.listFiles(ports.settings.repository, base, "images");
  const known = files.flatMap((file) => repositoryOfPath(file.path) ?? []);
  const meant = nearest(imageRepository, known) ?? known.find((name) => name.endsWith(`/${imageRepository}`));
  return appError("promotion.image-unknown", `there is no released image ${JSON.stringify(imageRepository.slice(0, 255))}`, {
    hint: meant === undefined ? "Write namespace/name as in the image's file below images/" : `Did you mean ${meant}?`,
  });
}
