import { z } from "zod";
import type { Digest as ImageDigest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import { isTag } from "../domain/image-reference.ts";
import { checkNvr, formatNvr, type Nvr, versionRelease } from "../domain/nvr.ts";
import { type Platform, platformArchitecture } from "../domain/platform.ts";
import type { Manifest, Registry } from "../registry/registry.ts";
import { Digest } from "./digest-schema.ts";
import { refuseParent, type WrittenParent } from "./parent-name.ts";

/** What a registry has for a FROM. */
export interface ReadParent {
  /** Of the manifest list, when it is one. */
  readonly digest: ImageDigest;
  /** The images of a manifest list; undefined when it is none. */
  readonly platforms?: Readonly<Record<Platform, ImageDigest>>;
  /** Of the first platform of the build. */
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Who its containers run as; empty is root. */
  readonly user: string;
  readonly layers: number;
}

const maxConfigBytes = 4 * 1024 * 1024;
const maxLabel = 255;
const List = z.object({
  manifests: z.array(z.object({ digest: Digest, platform: z.object({ os: z.string(), architecture: z.string() }).optional() })).max(1000),
});
const Image = z.object({ config: z.object({ digest: Digest }) });
const Config = z.object({
  os: z.string().optional(),
  architecture: z.string().optional(),
  config: z
    .object({
      Env: z.array(z.string()).nullish(),
      Labels: z.record(z.string(), z.string()).nullish(),
      User: z.string().nullish(),
    })
    .nullish(),
  rootfs: z.object({ diff_ids: z.array(z.string()).nullish() }).nullish(),
});

/** By digest only: the tag may move at any time. Throws `builds.parent-platform`, `builds.parent-unreadable`. */
export async function readParent(
  registry: Registry,
  repository: string,
  manifest: Manifest,
  platforms: readonly Platform[],
  parent: WrittenParent,
): Promise<ReadParent> {
  const json = parseJson(manifest.bytes);
  const list = List.safeParse(json);
  if (!list.success) {
    const { own, ...read } = await readConfig(registry, repository, json, parent);
    demandPlatforms([own], platforms, parent);
    return { digest: manifest.digest, ...read };
  }
  const images = imagesOf(list.data);
  demandPlatforms(Object.keys(images), platforms, parent);
  const child = images[platforms[0] ?? ("none/none" as Platform)];
  if (child === undefined) throw unreadable(parent);
  const { own: _, ...read } = await readConfig(
    registry,
    repository,
    parseJson((await registry.readManifest(repository, child)).bytes),
    parent,
  );
  return { digest: manifest.digest, platforms: images, ...read };
}

/**
 * Somebody who pins the image of one platform cannot build for two. The labels' version and release are the tag of the list that it is in: that
 * one is taken when it really holds this digest. OSBS looks in the same place.
 */
export async function findListOf(
  registry: Registry,
  repository: string,
  manifest: Manifest,
  parent: WrittenParent,
): Promise<Manifest | undefined> {
  const json = parseJson(manifest.bytes);
  if (List.safeParse(json).success) return undefined;
  const nvr = nvrOfLabels((await readConfig(registry, repository, json, parent)).labels);
  const tag = nvr && versionRelease(nvr);
  if (tag === undefined || !isTag(tag)) return undefined;
  const found = await registry.findManifest(repository, tag);
  if (found === undefined) return undefined;
  const list = await registry.readManifest(repository, found.digest);
  const read = List.safeParse(parseJson(list.bytes));
  return read.success && Object.values(imagesOf(read.data)).includes(manifest.digest) ? list : undefined;
}

/** The build that an image says it is of; labels are inherited, so it may be that of its parent. Undefined when they name none. */
export function nvrOfLabels(labels: Readonly<Record<string, string>>): Nvr | undefined {
  const value = (...names: readonly string[]) =>
    names.flatMap((name) => (Object.hasOwn(labels, name) ? (labels[name] ?? "") : []))[0] ?? "";
  const nvr = {
    name: value("com.redhat.component", "BZComponent"),
    version: value("version", "Version"),
    release: value("release", "Release"),
  };
  if (Object.values(nvr).some((part) => part === "" || part.length > maxLabel)) return undefined;
  try {
    return checkNvr(nvr);
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}

/** The same, in one word. */
export function formatNvrOfLabels(labels: Readonly<Record<string, string>>): string | undefined {
  const nvr = nvrOfLabels(labels);
  return nvr && formatNvr(nvr);
}

function imagesOf({ manifests }: z.infer<typeof List>): Readonly<Record<Platform, ImageDigest>> {
  const images = new Map<Platform, ImageDigest>();
  for (const { digest, platform } of manifests) {
    const name: Platform = `${platform?.os}/${platform?.architecture}`;
    // Attestations stand in lists as images for an unknown platform. Of variants the engine takes the first.
    if (platform !== undefined && platform.os !== "unknown" && !images.has(name)) images.set(name, digest);
  }
  return Object.fromEntries(images);
}

function demandPlatforms(has: readonly string[], platforms: readonly Platform[], parent: WrittenParent): void {
  const lost = platforms.find((platform) => !has.includes(platform));
  if (lost === undefined) return;
  throw refuseParent(
    parent,
    "builds.parent-platform",
    `FROM ${parent.image} is not there for ${lost}; it has ${has.join(", ") || "nothing"}`,
    `Use another base image, or exclude ${platformArchitecture(lost)} in container.yaml`,
  );
}

async function readConfig(registry: Registry, repository: string, json: unknown, parent: WrittenParent) {
  const manifest = Image.safeParse(json);
  if (!manifest.success) throw unreadable(parent);
  const read = Config.safeParse(parseJson(await registry.readBlob(repository, manifest.data.config.digest, maxConfigBytes)));
  if (!read.success) throw unreadable(parent);
  const { os = "linux", architecture, config, rootfs } = read.data;
  return {
    own: `${os}/${architecture}`,
    env: envOf(config?.Env ?? []),
    labels: config?.Labels ?? {},
    user: config?.User ?? "",
    layers: rootfs?.diff_ids?.length ?? 0,
  };
}

function unreadable(parent: WrittenParent): Error {
  return refuseParent(
    parent,
    "builds.parent-unreadable",
    `FROM ${parent.image} is not an image that can be understood`,
    "Use another base image",
  );
}

function envOf(lines: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lines.map((line) => {
      const cut = line.indexOf("=");
      return cut < 0 ? [line, ""] : [line.slice(0, cut), line.slice(cut + 1)];
    }),
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
