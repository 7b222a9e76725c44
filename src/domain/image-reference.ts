import type { Digest } from "./digest.ts";
import { isDigest } from "./digest.ts";
import { appError } from "./errors.ts";

/**
 * A fully qualified image name. The registry is always there: flibs has no short names, since what a short
 * name means differs from host to host.
 * Grammar: opencontainers/distribution-spec v1.1.
 */
export interface ImageReference {
  /** `host[:port]` */
  readonly registry: string;
  /** Path below the registry, for example `f40/cockpit`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const registryPattern = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function isRepository(text: string): boolean {
  return text.length <= 255 && repositoryPattern.test(text);
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

export function checkTag(text: string): string {
  if (isTag(text)) return text;
  throw appError("domain.tag-invalid", `"${text.slice(0, 140)}" is not a tag`, {
    hint: "Use at most 128 letters, digits, dots, dashes and underscores, not starting with a dot or dash",
  });
}

/**
 * Parses `registry/repository[:tag][@digest]`; throws `domain.reference-invalid`.
 * The first part counts as a registry when it has a dot or a colon or is `localhost`, as docker and skopeo decide.
 */
export function parseImageReference(text: string): ImageReference {
  const refuse = (why: string, hint?: string) =>
    appError("domain.reference-invalid", `image "${text.slice(0, 300)}" ${why}`, hint === undefined ? {} : { hint });
  const [beforeDigest = "", digest, ...more] = text.split("@");
  if (more.length > 0) throw refuse("has more than one @");
  if (digest !== undefined && !isDigest(digest)) throw refuse("has an invalid digest after @");
  const slash = beforeDigest.indexOf("/");
  const registry = slash < 0 ? "" : beforeDigest.slice(0, slash);
  if (!/[.:]/.test(registry) && registry !== "localhost") {
    throw refuse("names no registry", `Write the whole name, for example registry.fedoraproject.org/${beforeDigest || "fedora:latest"}`);
  }
  if (!registryPattern.test(registry)) throw refuse(`has an invalid registry "${registry}"`);
  const path = beforeDigest.slice(slash + 1);
  const colon = path.indexOf(":");
  const repository = colon < 0 ? path : path.slice(0, colon);
  const tag = colon < 0 ? undefined : path.slice(colon + 1);
  if (!isRepository(repository))
    throw refuse(`has an invalid repository "${repository}"`, "Use lower-case letters, digits, dots, dashes, underscores and slashes");
  if (tag !== undefined && !isTag(tag)) throw refuse(`has an invalid tag "${tag}"`);
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

export function formatImageReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}
