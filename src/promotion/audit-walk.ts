import { appError, isAppError } from "../domain/errors.ts";
import { type AuditedPlace, auditImage } from "./audit-image.ts";
import type { AuditLine } from "./audit-states.ts";
import { faultError, findImageFile, findPolicy } from "./manifest-tree.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { findRoutes, type Policy, repositoryOfPath } from "./registry-manifest.ts";
import { streamConcurrently } from "./stream-concurrently.ts";

export interface AuditScope {
  /** One image repository; every image file when left out. */
  readonly imageRepository?: string | undefined;
  /** One destination, by its name in the settings; all when left out. */
  readonly registry?: string | undefined;
  /** Read every manifest and ask for every blob. */
  readonly deep: boolean;
}

/** One image file in one of its registries, looked at. */
export interface AuditedImage {
  /** Name in the settings; `-` for a file that leads nowhere. */
  readonly registry: string;
  readonly imageRepository: string;
  readonly path: string;
  /** Git blob id of the image file that was read. */
  readonly blob: string;
  readonly lines: readonly AuditLine[];
  /** Why it could not be looked at; there are no lines then. */
  readonly failed?: string;
}

export interface AuditWalk {
  /** Head of main that the walk reads; null when there is no such branch. */
  readonly commit: string | null;
  readonly policyBlob: string;
  /** Image files times registries. */
  readonly total: number;
  /** As they are ready, in no order. */
  readonly images: AsyncIterable<AuditedImage>;
}

interface Target {
  readonly path: string;
  readonly blob: string;
  readonly imageRepository: string;
  readonly registry: string;
}

/** Images at a time; each asks its registry for at most eight things at once. */
const imagesAtOnce = 4;
const noRegistry = "-";

/**
 * Everything that main's head wants, against the registries and signatures: the one look that the command, the timer and the repair share.
 * What cannot be looked at (a registry that is away, a file with a fault) is told in its place and holds up no other. Memory is bounded by the
 * list of files, whatever registries answer. Throws `promotion.policy-invalid`, `promotion.image-unknown` and what the forge throws.
 */
export async function openAuditWalk(ports: PromotionPorts, scope: AuditScope, signal: AbortSignal): Promise<AuditWalk> {
  const { repository, branch } = ports.settings;
  const commit = (await ports.forge.findHead(repository, branch)) ?? null;
  if (commit === null) return { commit, policyBlob: "", total: 0, images: streamConcurrently([], 1, async (one: never) => one) };
  const files = await ports.forge.listFiles(repository, commit, "");
  const found = await findPolicy(ports, commit);
  if (!found.ok) throw faultError("promotion.policy-invalid", found.faults);
  const { policy } = found;
  const targets = files.flatMap(({ path, blob }) => targetsOf(path, blob, policy, scope));
  if (targets.length === 0 && scope.imageRepository !== undefined) {
    throw appError("promotion.image-unknown", `${repository} releases no image ${scope.imageRepository.slice(0, 300)} there`, {
      hint: "Write it as below images/, without .yaml; --registry takes a name of the settings",
    });
  }
  const away = awayRegistries();
  const images = streamConcurrently(targets, imagesAtOnce, (target) =>
    auditTarget({ ports, commit, policy, deep: scope.deep, away, signal }, target),
  );
  const policyBlob = files.find((file) => file.path === "policy.yaml")?.blob ?? "";
  return { commit, policyBlob, total: targets.length, images };
}

function targetsOf(path: string, blob: string, policy: Policy, scope: AuditScope): readonly Target[] {
  const imageRepository = repositoryOfPath(path);
  if (imageRepository === undefined || (scope.imageRepository ?? imageRepository) !== imageRepository) return [];
  const routes = findRoutes(policy, imageRepository).map((route) => route.to);
  const registries = routes.length === 0 ? [noRegistry] : routes;
  return registries
    .filter((registry) => (scope.registry ?? registry) === registry)
    .map((registry) => ({ path, blob, imageRepository, registry }));
}

interface Looking {
  readonly ports: PromotionPorts;
  readonly commit: string;
  readonly policy: Policy;
  readonly deep: boolean;
  readonly away: ReturnType<typeof awayRegistries>;
  readonly signal: AbortSignal;
}

async function auditTarget({ ports, commit, policy, deep, away, signal }: Looking, target: Target): Promise<AuditedImage> {
  signal.throwIfAborted();
  const given = away.reason(target.registry);
  if (given !== undefined) return { ...target, lines: [], failed: given };
  try {
    const image = await findImageFile(ports, commit, target.path, policy);
    if (!image) return { ...target, lines: [], failed: "the file is gone" };
    if (!image.ok) throw faultError("promotion.file-invalid", image.faults);
    const place: AuditedPlace = {
      file: image.parsed.value,
      registry: ports.registries.named(target.registry),
      signer: ports.signers.named(target.registry),
      publicName: `${ports.settings.registries[target.registry]?.publicName}/${target.imageRepository}`,
      childTags: ports.settings.registries[target.registry]?.childTags ?? false,
    };
    const lines = await auditImage(place, deep);
    away.answered(target.registry);
    return { ...target, lines };
  } catch (error) {
    signal.throwIfAborted();
    // What a hostile registry or signature makes of a parser is this image's affair, too.
    if (!isAppError(error)) return { ...target, lines: [], failed: `unexpected: ${String(error).slice(0, 900)}` };
    if (error.kind === "transient") away.failed(target.registry, error.message);
    return { ...target, lines: [], failed: error.message.slice(0, 1000) };
  }
}

/** A registry that did not answer for so many images one after the other is not asked for the thousands that are left. */
function awayRegistries(mostFailures = 5) {
  const failures = new Map<string, { count: number; message: string }>();
  return {
    answered: (registry: string) => void failures.delete(registry),
    failed(registry: string, message: string): void {
      failures.set(registry, { count: (failures.get(registry)?.count ?? 0) + 1, message });
    },
    reason(registry: string): string | undefined {
      const known = failures.get(registry);
      return known !== undefined && known.count >= mostFailures ? `not asked any more: ${known.message.slice(0, 900)}` : undefined;
    },
  };
}
