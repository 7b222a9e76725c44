import type { Dockerfile, Stage } from "../distgit/dockerfile.ts";
import { type Finding, warning } from "../distgit/finding.ts";
import { isAppError } from "../domain/errors.ts";
import { formatImageReference } from "../domain/image-reference.ts";
import type { Platform } from "../domain/platform.ts";
import type { ManifestDescriptor, Registry } from "../registry/registry.ts";
import type { BuildRequested, BuildStore, PinnedParent } from "./build-record.ts";
import { identifyParent } from "./identify-parent.ts";
import { replaceParent } from "./parent-build.ts";
import { type AllowedParent, findRule, parseParent, placesOf, refuseParent, type WrittenParent } from "./parent-name.ts";
import { findListOf, type ReadParent, readParent } from "./read-parent.ts";
import { demandTrusted } from "./untrusted.ts";

/** Opens a client for an endpoint `host[:port]`. */
export type OpenRegistry = (endpoint: string, plainHttp: boolean) => Registry;

/** A parent with what lint wants to know of it. */
export type ResolvedParent = PinnedParent & Pick<ReadParent, "env" | "labels" | "user" | "layers">;

export interface ResolvedParents {
  /** What takes the place of the last stage's FROM stands first: of two with one name it is the one that the image is made of. */
  readonly parents: readonly ResolvedParent[];
  readonly warnings: readonly Finding[];
}

/** As much of the build flow's ports as is needed. */
export interface ParentPorts {
  readonly builds: Pick<BuildStore, "findByDigest" | "findByNvr">;
  readonly openRegistry: OpenRegistry;
  readonly candidate: { readonly registry: Registry; readonly endpoint: string; readonly publicName: string };
  readonly settings: { readonly allowedParents: readonly AllowedParent[]; readonly digestMismatch: "fail" | "warn" };
}

/**
 * Every image that a FROM names (not `scratch`, not stages), found once through the allow-list and pinned to the digest that its tag had then:
 * of the manifest list when it is one. ENV, labels, user and layers are those of the first platform of the build. Throws `builds.parent-*` with
 * the line of the FROM, and what the registry client throws when the place that is asked first does not answer.
 */
export async function resolveParents(
  ports: ParentPorts,
  dockerfile: Dockerfile,
  platforms: readonly Platform[],
  { parentBuild }: Pick<BuildRequested, "parentBuild">,
): Promise<ResolvedParents> {
  const parents = new Map<string, ResolvedParent>();
  const warnings: Finding[] = [];
  const replaced = parentBuild === undefined ? undefined : await replaceParent(ports, dockerfile, platforms, parentBuild);
  for (const stage of dockerfile.stages) {
    if (stage.base.kind !== "image" || stage.index === replaced?.stage || parents.has(stage.image)) continue;
    const resolved = await resolveParent(ports, stage, platforms);
    parents.set(stage.image, resolved.parent);
    warnings.push(...resolved.warnings);
  }
  return { parents: [...(replaced === undefined ? [] : [replaced]), ...parents.values()], warnings };
}

async function resolveParent(
  ports: ParentPorts,
  stage: Stage,
  platforms: readonly Platform[],
): Promise<{ readonly parent: ResolvedParent; readonly warnings: readonly Finding[] }> {
  const { image, line } = stage;
  const reference = parseParent(stage);
  const { registry, place, found } = await findParent(ports, stage);
  // From here on by digest only: the tag may move at any time.
  const written = await registry.readManifest(place.repository, found.digest);
  const list = reference.digest === undefined ? undefined : await findListOf(registry, place.repository, written, stage);
  const read = await readParent(registry, place.repository, list ?? written, platforms, stage);
  const { warnings, ...known } = await identifyParent(ports, stage, read, platforms);
  const single =
    read.platforms === undefined
      ? [
          warning(
            "builds.parent-no-list",
            "Dockerfile",
            line,
            `FROM ${image} is the image of one platform, not a manifest list`,
            "Leave it while the image is built for that platform only; for more, use a base image that has a list",
          ),
        ]
      : [];
  const { digest, ...rest } = read;
  const pinned = formatImageReference({ registry: place.registry, repository: place.repository, digest });
  return { parent: { written: image, pinned, digest, ...rest, ...known }, warnings: [...single, ...warnings] };
}

/** The first of its places that has it. */
async function findParent(ports: ParentPorts, parent: WrittenParent) {
  const reference = parseParent(parent);
  const rule = findRule(parent, reference, ports.settings.allowedParents);
  const places = placesOf(reference, rule);
  demandTrusted(parent, places, ports.candidate);
  const asked: string[] = [];
  for (const [index, place] of places.entries()) {
    const registry = ports.openRegistry(place.registry, place.plainHttp);
    const found = await findAt(registry, place.repository, reference.digest ?? reference.tag ?? "latest");
    if (!("problem" in found)) return { registry, place, found };
    // A mirror that is away hides what it has. What lies behind a mirror that answered may be out of reach for good.
    if (index === 0 && found.transient !== undefined) throw found.transient;
    asked.push(`${place.registry}/${place.repository} (${found.problem})`);
  }
  throw refuseParent(
    parent,
    "builds.parent-unknown",
    `FROM ${parent.image} was not found; asked: ${asked.join(", ")}`,
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
