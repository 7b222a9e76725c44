import { z } from "zod";
import type { Dockerfile } from "../distgit/dockerfile.ts";
import { appError, type ErrorCode, isAppError } from "../domain/errors.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../domain/image-reference.ts";
import { type Platform, platformArchitecture } from "../domain/platform.ts";
import type { ManifestDescriptor, Registry } from "../registry/registry.ts";
import type { PinnedParent } from "./build-record.ts";
import { Digest } from "./digest-schema.ts";

/** One line of `parents.allowed` in the settings. */
export interface AllowedParent {
  readonly prefix: string;
  readonly mirror?: string | undefined;
  readonly plainHttp: boolean;
}

/** Opens a client for an endpoint `host[:port]`. */
export type OpenRegistry = (endpoint: string, plainHttp: boolean) => Registry;

/** A parent with what lint wants to know of it. */
export interface ResolvedParent extends PinnedParent {
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Who its containers run as; empty is root. */
  readonly user: string;
  readonly layers: number;
}

const maxConfigBytes = 4 * 1024 * 1024;
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

/**
 * Every image that a FROM names (not `scratch`, not stages), found once through the allow-list and pinned to the digest that its tag had then:
 * of the manifest list when it is one. ENV, labels, user and layers are those of the first platform of the build. Throws `builds.parent-*` with the line of
 * the FROM, and what the registry client throws when the place that is asked first does not answer.
 */
export async function resolveParents(
  dockerfile: Dockerfile,
  platforms: readonly Platform[],
  allowed: readonly AllowedParent[],
  open: OpenRegistry,
): Promise<readonly ResolvedParent[]> {
  const parents = new Map<string, ResolvedParent>();
  for (const { base, image, line } of dockerfile.stages) {
    if (base.kind === "image" && !parents.has(image)) parents.set(image, await resolveParent(image, line, platforms, allowed, open));
  }
  return [...parents.values()];
}

async function resolveParent(
  image: string,
  line: number,
  platforms: readonly Platform[],
  allowed: readonly AllowedParent[],
  open: OpenRegistry,
): Promise<ResolvedParent> {
  const refuse = (code: ErrorCode, message: string, hint: string) => appError(code, message, { file: "Dockerfile", line, hint });
  const reference = parseParent(image, refuse);
  const rule = allowed.find((one) => matchesPrefix(one.prefix, formatName(reference)));
  if (rule === undefined) {
    const prefixes = allowed.map((one) => one.prefix).join(", ") || "none";
    throw refuse(
      "builds.parent-not-allowed",
      `FROM ${image} is not allowed; allowed are ${prefixes}`,
      "Use a base image from there, or ask the operators to allow it",
    );
  }
  const asked: string[] = [];
  const wanted = reference.digest ?? reference.tag ?? "latest";
  for (const [index, place] of placesOf(reference, rule).entries()) {
    // With a mirror `plainHttp` speaks of the mirror: the registry itself is never asked in the clear because of it.
    const registry = open(place.registry, rule.plainHttp && index === 0);
    const found = await findAt(registry, place.repository, wanted);
    if ("problem" in found) {
      // A mirror that is away hides what it has. What lies behind a mirror that answered may be out of reach for good.
      if (index === 0 && found.transient !== undefined) throw found.transient;
      asked.push(`${place.registry}/${place.repository} (${found.problem})`);
      continue;
    }
    // From here on by digest only: the tag may move at any time.
    const manifest = await registry.readManifest(place.repository, found.digest);
    const read = await readParent(registry, place.repository, manifest.bytes, platforms, image, refuse);
    const pinned = formatImageReference({ registry: place.registry, repository: place.repository, digest: manifest.digest });
    return { written: image, pinned, digest: manifest.digest, ...read };
  }
  throw refuse(
    "builds.parent-unknown",
    `FROM ${image} was not found; asked: ${asked.join(", ")}`,
    "Correct the name or the tag; of a new image, look whether it is released already",
  );
}

type NotFound = { readonly problem: "not there" | "refused" | "no answer"; readonly transient?: unknown };

/** Many registries answer 401 or 403 for what is not there, so a refusal means no more than an absence: the next place may have it. */
async function findAt(registry: Registry, repository: string, wanted: string): Promise<ManifestDescriptor | NotFound> {
  try {
    return (await registry.findManifest(repository, wanted)) ?? { problem: "not there" };
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (error.code === "registry.denied") return { problem: "refused" };
    if (error.code === "registry.unreachable") return { problem: "no answer", transient: error };
    throw error;
  }
}

type Refuse = (code: ErrorCode, message: string, hint: string) => Error;

function parseParent(image: string, refuse: Refuse): ImageReference {
  const host = image.split("/")[0] ?? "";
  const isShort = !image.includes("/") || !(/[.:]/.test(host) || host === "localhost");
  if (isShort) {
    const full = image.includes("/")
      ? `docker.io/${image}`
      : /^fedora([:@]|$)/.test(image)
        ? `registry.fedoraproject.org/${image}`
        : `docker.io/library/${image}`;
    throw refuse(
      "builds.parent-short-name",
      `FROM ${image.slice(0, 200)} names no registry, so it means different images on different machines`,
      `Write the whole name, for example FROM ${full.slice(0, 250)}`,
    );
  }
  let reference: ImageReference;
  try {
    reference = parseImageReference(image);
  } catch (error) {
    throw refuse("builds.parent-unknown", `FROM: ${error instanceof Error ? error.message : String(error)}`, "Correct the name");
  }
  // docker.io/fedora is docker.io/library/fedora to every client, so the allow-list must see it like that.
  const hub = ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(reference.registry.toLowerCase());
  if (!hub) return { ...reference, registry: reference.registry.toLowerCase() };
  const repository = reference.repository.includes("/") ? reference.repository : `library/${reference.repository}`;
  return { ...reference, registry: "docker.io", repository };
}

function formatName({ registry, repository }: ImageReference): string {
  return `${registry}/${repository}`;
}

/** `host/` and `host/path/` match what is below, anything else the whole repository: `quay.io/fedora` is not `quay.io/fedora-evil`. */
export function matchesPrefix(prefix: string, name: string): boolean {
  return prefix.endsWith("/") ? name.startsWith(prefix) : name === prefix || name.startsWith(`${prefix}/`);
}

/** The mirror first, then the registry itself. */
function placesOf(reference: ImageReference, { prefix, mirror }: AllowedParent): readonly ImageReference[] {
  // docker.io is a name; its registry answers elsewhere.
  const own = reference.registry === "docker.io" ? { ...reference, registry: "registry-1.docker.io" } : reference;
  if (mirror === undefined) return [own];
  const rest = formatName(reference).slice(prefix.length).replace(/^\//, "");
  const cut = mirror.indexOf("/");
  const registry = cut < 0 ? mirror : mirror.slice(0, cut);
  const path = cut < 0 ? "" : mirror.slice(cut + 1).replace(/\/$/, "");
  const repository = [path, rest].filter((part) => part !== "").join("/");
  return [{ ...reference, registry, repository }, own];
}

async function readParent(
  registry: Registry,
  repository: string,
  bytes: Uint8Array,
  platforms: readonly Platform[],
  image: string,
  refuse: Refuse,
): Promise<Pick<ResolvedParent, "env" | "labels" | "user" | "layers">> {
  const unreadable = () =>
    refuse("builds.parent-unreadable", `FROM ${image} is not an image that can be understood`, "Use another base image");
  const missing = (has: readonly string[], platform: Platform) =>
    refuse(
      "builds.parent-platform",
      `FROM ${image} is not there for ${platform}; it has ${has.join(", ")}`,
      `Use another base image, or exclude ${platformArchitecture(platform)} in container.yaml`,
    );
  const json = parseJson(bytes);
  const list = List.safeParse(json);
  let single = json;
  if (list.success) {
    const has = list.data.manifests.map((one) => `${one.platform?.os}/${one.platform?.architecture}`);
    const lost = platforms.find((platform) => !has.includes(platform));
    if (lost !== undefined) throw missing(has, lost);
    const child = list.data.manifests[has.indexOf(platforms[0] ?? "")];
    if (child === undefined) throw unreadable();
    single = parseJson((await registry.readManifest(repository, child.digest)).bytes);
  }
  const manifest = Image.safeParse(single);
  if (!manifest.success) throw unreadable();
  const config = Config.safeParse(parseJson(await registry.readBlob(repository, manifest.data.config.digest, maxConfigBytes)));
  if (!config.success) throw unreadable();
  const own = `${config.data.os ?? "linux"}/${config.data.architecture}`;
  const lost = list.success ? undefined : platforms.find((platform) => platform !== own);
  if (lost !== undefined) throw missing([own], lost);
  return {
    env: envOf(config.data.config?.Env ?? []),
    labels: config.data.config?.Labels ?? {},
    user: config.data.config?.User ?? "",
    layers: config.data.rootfs?.diff_ids?.length ?? 0,
  };
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
