import { appError, type ErrorCode } from "../domain/errors.ts";
import { type ImageReference, parseImageReference } from "../domain/image-reference.ts";

/** One line of `parents.allowed` in the settings. */
export interface AllowedParent {
  readonly prefix: string;
  readonly mirror?: string | undefined;
  readonly plainHttp: boolean;
}

/** A FROM that names an image. */
export interface WrittenParent {
  /** After ARGs were filled in. */
  readonly image: string;
  readonly line: number;
}

/** An error that names the line of the FROM. */
export function refuseParent({ line }: WrittenParent, code: ErrorCode, message: string, hint: string): Error {
  return appError(code, message, { file: "Dockerfile", line, hint });
}

/** The image that is meant, written out. Throws `builds.parent-short-name`, `builds.parent-unknown`. */
export function parseParent(parent: WrittenParent): ImageReference {
  const { image } = parent;
  if (/^koji\/image-build(:|$)/.test(image)) {
    throw refuseParent(
      parent,
      "builds.parent-unknown",
      `FROM ${image} asks for a base image made from a kickstart file, which flibs does not make`,
      "Build the base image elsewhere, and name it here",
    );
  }
  const host = image.split("/")[0] ?? "";
  const isShort = !image.includes("/") || !(/[.:]/.test(host) || host === "localhost");
  if (isShort) {
    throw refuseParent(
      parent,
      "builds.parent-short-name",
      `FROM ${image.slice(0, 200)} names no registry, so it means different images on different machines`,
      `Write the whole name, for example FROM ${lengthen(image).slice(0, 250)}`,
    );
  }
  let reference: ImageReference;
  try {
    reference = parseImageReference(image);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refuseParent(parent, "builds.parent-unknown", `FROM: ${why}`, "Correct the name");
  }
  // docker.io/fedora is docker.io/library/fedora to every client, so the allow-list must see it like that.
  const hub = ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(reference.registry.toLowerCase());
  if (!hub) return { ...reference, registry: reference.registry.toLowerCase() };
  const repository = reference.repository.includes("/") ? reference.repository : `library/${reference.repository}`;
  return { ...reference, registry: "docker.io", repository };
}

function lengthen(image: string): string {
  if (image.includes("/")) return `docker.io/${image}`;
  return /^fedora([:@]|$)/.test(image) ? `registry.fedoraproject.org/${image}` : `docker.io/library/${image}`;
}

/** The first line of the allow-list that fits. Throws `builds.parent-not-allowed`. */
export function findRule(parent: WrittenParent, reference: ImageReference, allowed: readonly AllowedParent[]): AllowedParent {
  const rule = allowed.find((one) => matchesPrefix(one.prefix, formatName(reference)));
  if (rule !== undefined) return rule;
  const prefixes = allowed.map((one) => one.prefix).join(", ") || "none";
  throw refuseParent(
    parent,
    "builds.parent-not-allowed",
    `FROM ${parent.image} is not allowed; allowed are ${prefixes}`,
    "Use a base image from there, or ask the operators to allow it",
  );
}

/** `host/` and `host/path/` match what is below, anything else the whole repository: `quay.io/fedora` is not `quay.io/fedora-evil`. */
export function matchesPrefix(prefix: string, name: string): boolean {
  return prefix.endsWith("/") ? name.startsWith(prefix) : name === prefix || name.startsWith(`${prefix}/`);
}

/** A registry that may have a parent. */
export interface ParentPlace {
  readonly registry: string;
  readonly repository: string;
  readonly plainHttp: boolean;
}

/** The mirror first, then the registry itself. With a mirror `plainHttp` speaks of the mirror: the registry is never asked in the clear because of it. */
export function placesOf(reference: ImageReference, { prefix, mirror, plainHttp }: AllowedParent): readonly ParentPlace[] {
  const { repository } = reference;
  // docker.io is a name; its registry answers elsewhere.
  const registry = reference.registry === "docker.io" ? "registry-1.docker.io" : reference.registry;
  if (mirror === undefined) return [{ registry, repository, plainHttp }];
  const rest = formatName(reference).slice(prefix.length).replace(/^\//, "");
  const cut = mirror.indexOf("/");
  const path = cut < 0 ? "" : mirror.slice(cut + 1).replace(/\/$/, "");
  const mirrored = [path, rest].filter((part) => part !== "").join("/");
  return [
    { registry: cut < 0 ? mirror : mirror.slice(0, cut), repository: mirrored, plainHttp },
    { registry, repository, plainHttp: false },
  ];
}

/** Does the allow-list talk HTTP to this registry? For a parent that was pinned before. */
export function talksPlainHttp({ registry, repository }: ImageReference, allowed: readonly AllowedParent[]): boolean {
  return allowed.some(({ prefix, mirror, plainHttp }) => {
    if (mirror !== undefined) return plainHttp && mirror.split("/")[0] === registry;
    return plainHttp && matchesPrefix(prefix, formatName({ registry, repository }));
  });
}

function formatName({ registry, repository }: Pick<ImageReference, "registry" | "repository">): string {
  return `${registry}/${repository}`;
}
