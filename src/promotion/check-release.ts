import type { BuildRecord, BuildStore } from "../builds/build-record.ts";
import type { Gate } from "../builds/gate.ts";
import { refusalsOf } from "../builds/gate-words.ts";
import type { Digest } from "../domain/digest.ts";
import { errorKind, isAppError } from "../domain/errors.ts";
import { versionRelease } from "../domain/nvr.ts";
import { isForeignLayer, isIndexMediaType, parseImageManifest } from "../registry/image-manifest.ts";
import type { Registries, Registry } from "../registry/registry.ts";
import { readImageDigests } from "../signing/image-digests.ts";
import type { Signer, Signers } from "../signing/signer.ts";
import { findImage } from "./image-children.ts";
import { type ImageTree, readImageTree } from "./image-tree.ts";
import type { PromotionSettings } from "./promotion-ports.ts";
import type { Policy, Release, Route } from "./registry-manifest.ts";

/** A rule that a release breaks; the caller knows file and line. */
export interface Refusal {
  readonly check: string;
  readonly message: string;
  readonly fix: string;
}

/** What a release is judged by. */
export interface ReleaseReader {
  readonly registries: Registries;
  /** The service always has all three. Whoever tries a clone has none, and says that CK6 and CK7 were not looked at. */
  readonly builds?: Pick<BuildStore, "find">;
  readonly gate?: Gate;
  readonly signers?: Signers;
  readonly settings: Pick<PromotionSettings, "repository" | "registries">;
}

export interface ReleaseToCheck {
  readonly repository: string;
  readonly tag: string;
  readonly release: Release;
  /** Digest of the release before it, when there is one. */
  readonly previous: Digest | undefined;
  readonly policy: Policy;
  readonly route: Route;
}

/**
 * Everything that must be true before a release is tagged: there and whole (CK3), still a manifest list (CK4), platforms (CK5), candidate
 * signature (CK6), gates for this digest (CK7), tag of this build (CK9). The pull request's check and the release both call it.
 * Throws transient errors only: what cannot be asked now is not refused.
 */
export async function checkRelease(ports: ReleaseReader, one: ReleaseToCheck): Promise<readonly Refusal[]> {
  const digest = one.release.digest as Digest;
  const gates = ports.builds && ports.gate ? await checkGates(ports.gate, one, await ports.builds.find(one.release.build)) : [];
  const place = await findPlace(ports, one, digest);
  if (!place) {
    const message = `${digest} is neither in ${one.route.from} nor in ${one.route.to}`;
    return [{ check: "CK3", message, fix: "build again and promote the new build; a candidate may have expired" }, ...gates];
  }
  const { registry, name } = place;
  const lost = (message: string) => ({ check: "CK3", message, fix: "push or build the image again" });
  let tree: ImageTree;
  let missing: string | undefined;
  try {
    tree = await readImageTree(registry, one.repository, digest);
    missing = await findMissing(registry, one.repository, tree);
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
    return [lost(`${digest} in ${name} is not whole: ${error instanceof Error ? error.message : String(error)}`), ...gates];
  }
  const wantsSignature = one.policy.gates.includes("signature");
  return [
    ...(missing ? [lost(`${digest} in ${name} misses ${missing}`)] : []),
    ...(await checkKind(ports, one, tree)),
    ...checkPlatforms(one.policy, tree),
    ...(ports.signers && wantsSignature ? await checkSignature(ports.signers, ports, one, registry, digest) : []),
    ...gates,
  ];
}

/** The source first; what was released already need not be there any more. */
async function findPlace(
  ports: ReleaseReader,
  one: ReleaseToCheck,
  digest: Digest,
): Promise<{ registry: Registry; name: string } | undefined> {
  for (const name of [one.route.from, one.route.to]) {
    const registry = ports.registries.named(name);
    if (await registry.findManifest(one.repository, digest)) return { registry, name };
  }
  return undefined;
}

/** Everything that a copy would need, attestations too: what an index names and is not there would break the release in its middle. */
async function findMissing(registry: Registry, repository: string, tree: ImageTree): Promise<string | undefined> {
  const blobs = new Set(tree.platforms.flatMap((image) => [image.config, ...image.layers.map((layer) => layer.digest)]));
  for (const { digest } of (await findImage(registry, repository, tree.digest))?.children ?? []) {
    if (tree.platforms.some((image) => image.digest === digest)) continue;
    const found = await registry.findManifest(repository, digest);
    if (!found) return `the manifest ${digest}`;
    if (isIndexMediaType(found.mediaType)) continue;
    for (const blob of await blobsOf(registry, repository, digest)) blobs.add(blob);
  }
  for (const blob of blobs) {
    if (!(await registry.hasBlob(repository, blob))) return `the blob ${blob}`;
  }
  return undefined;
}

async function blobsOf(registry: Registry, repository: string, digest: Digest): Promise<readonly Digest[]> {
  const image = parseImageManifest(await registry.readManifest(repository, digest));
  if (image.kind === "index") return [];
  return [image.config, ...image.layers.filter((layer) => !isForeignLayer(layer))].map((part) => part.digest);
}

async function checkKind(ports: ReleaseReader, one: ReleaseToCheck, tree: ImageTree): Promise<readonly Refusal[]> {
  if (tree.isIndex || !one.previous) return [];
  const { from, to } = one.route;
  // One that is not released yet stands at the source: what it is counts as well.
  const previous =
    (await ports.registries.named(to).findManifest(one.repository, one.previous)) ??
    (await ports.registries.named(from).findManifest(one.repository, one.previous));
  if (!previous || !/image\.index|manifest\.list/.test(previous.mediaType)) return [];
  const message = `${one.release.digest} is the image of one platform, the release before it is a manifest list`;
  return [{ check: "CK4", message, fix: "write the digest of the manifest list, as the build's page shows it" }];
}

function checkPlatforms(policy: Policy, tree: ImageTree): readonly Refusal[] {
  const present = tree.platforms.map((image) => image.platform);
  return policy.platforms.require
    .filter((wanted) => !present.some((platform) => platform === wanted || platform.startsWith(`${wanted}/`)))
    .map((wanted) => ({
      check: "CK5",
      message: `the image has no ${wanted}, only ${present.join(", ") || "nothing"}`,
      fix: `build it for ${wanted}`,
    }));
}

async function checkSignature(
  signers: Signers,
  ports: ReleaseReader,
  one: ReleaseToCheck,
  registry: Registry,
  digest: Digest,
): Promise<readonly Refusal[]> {
  const signer = signers.named(one.route.from);
  const name = `${ports.settings.registries[one.route.from]?.publicName}/${one.repository}`;
  const unsigned: string[] = [];
  for (const part of await readImageDigests(registry, one.repository, digest)) {
    if (!(await isSigned(signer, name, part.digest))) unsigned.push(part.what);
  }
  if (unsigned.length === 0) return [];
  const message = `${digest} has no valid signature of the ${one.route.from} key (${unsigned.join(", ")})`;
  return [{ check: "CK6", message, fix: "promote a build that flibs made, by its digest" }];
}

async function isSigned(signer: Signer, name: string, digest: Digest): Promise<boolean> {
  const found = await signer.listSignatures(name, digest);
  return found.some((signature) => signature.verdict === "valid" && signature.publicName?.startsWith(`${name}:`));
}

/** CK7 and CK9 from the build's record, and what the gate says of it. Throws transient errors only. */
export async function checkGates(
  gate: Gate,
  one: Pick<ReleaseToCheck, "repository" | "tag" | "release" | "policy">,
  build: BuildRecord | undefined,
): Promise<readonly Refusal[]> {
  const refuse = (message: string, check = "CK7", fix = "promote a build that passed") => ({ check, message, fix });
  if (!build) return [refuse(`there is no build ${one.release.build}`, "CK7", "write the id of the build that made this digest")];
  if (build.scratch || build.state !== "complete")
    return [refuse(`build ${build.id} is ${build.scratch ? "a scratch build" : build.state}`)];
  if (build.digest !== one.release.digest) {
    const fix = `write digest: ${build.digest}`;
    return [refuse(`build ${build.id} made ${build.digest}, not ${one.release.digest}`, "CK7", fix)];
  }
  if (build.plan?.imageRepository !== one.repository) {
    return [refuse(`build ${build.id} is of ${build.plan?.imageRepository}`, "CK7", `promote a build of ${one.repository}`)];
  }
  const refusals: Refusal[] = [];
  const tag = build.plan.primaryTag ?? (build.nvr && sanitiseTag(versionRelease(build.nvr)));
  if (tag !== one.tag) {
    refusals.push(refuse(`build ${build.id} is ${tag ?? "without a release"}, not ${one.tag}`, "CK9", `write "${tag}" as the release`));
  }
  for (const { message, fix } of await askGate(gate, build, one.policy.gates)) refusals.push(refuse(message, "CK7", fix));
  return refusals;
}

/** An answer that nobody understands holds this release back, not all others of its file. */
async function askGate(gate: Gate, build: BuildRecord, gates: readonly string[]): Promise<ReturnType<typeof refusalsOf>> {
  try {
    return refusalsOf(build, await gate.ask(build, gates));
  } catch (error) {
    if (!isAppError(error) || error.code !== "gating.greenwave-answer") throw error;
    return [{ message: `nobody could decide about build ${build.id}: ${error.message}`, fix: "ask the operators of flibs" }];
  }
}

/** `1.0~a-1` to `1.0_a-1`: what a tag may not have becomes `_`. Collisions are refused, nothing is cut (CK9, DG15). */
export function sanitiseTag(text: string): string {
  return text.replace(/[^\w.-]/g, "_");
}
