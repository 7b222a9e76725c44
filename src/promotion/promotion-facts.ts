import type { BuildRecord } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { errorKind } from "../domain/errors.ts";
import { readBases } from "./base-layers.ts";
import type { Released } from "./comparison.ts";
import { childTag, findImage } from "./image-children.ts";
import type { ParsedImageFile } from "./image-file.ts";
import { type ImageTree, readImageTree } from "./image-tree.ts";
import type { PromotionFacts } from "./promotion-body.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import type { Policy, Route } from "./registry-manifest.ts";
import type { Scan } from "./vulnerability-scanner.ts";

const mostDiff = 64 * 1024;

/** A complete build. */
export type FitBuild = BuildRecord & {
  readonly digest: Digest;
  readonly plan: NonNullable<BuildRecord["plan"]>;
  readonly nvr: NonNullable<BuildRecord["nvr"]>;
};

/** A new text of an image file, and everything it was computed from. */
export interface Draft {
  readonly base: string;
  readonly policy: Policy;
  readonly routes: readonly Route[];
  readonly path: string;
  readonly parsed: ParsedImageFile | undefined;
  readonly baseBlob: string | null;
  readonly tag: string;
  readonly floating: readonly string[];
  readonly text: string;
}

/** What a reviewer is shown of a promotion, but what its branch decides. Throws transient errors and `promotion.image-unreadable`. */
export async function readPromotionFacts(
  ports: PromotionPorts,
  build: FitBuild,
  draft: Draft,
): Promise<Omit<PromotionFacts, "block" | "personOwned">> {
  // All ways of a route begin in one registry.
  const from = draft.routes[0]?.from ?? "candidate";
  const source = ports.registries.named(from);
  const name = build.plan.imageRepository;
  const releases = draft.parsed?.value.releases ?? {};
  const pointed = draft.floating.toReversed().map((one) => draft.parsed?.value.floating?.[one]);
  const currentTag = pointed.find((one) => one !== undefined) ?? Object.keys(releases).at(-1);
  const signed = await ports.signers.named(from).listSignatures(`${ports.settings.registries[from]?.publicName}/${name}`, build.digest);
  const current =
    currentTag === undefined
      ? undefined
      : await readReleased(ports, draft.routes, name, currentTag, releases[currentTag]?.digest as Digest);
  return {
    build,
    tag: draft.tag,
    tree: await readImageTree(source, name, build.digest),
    bases: await readBases(ports, build.plan.parents),
    current,
    floating: draft.floating.map((tag) => ({ tag, before: draft.parsed?.value.floating?.[tag] })),
    from: `${ports.settings.registries[from]?.publicName}/${name}`,
    publicNames: publicNamesOf(ports, draft.routes, name),
    childTags: await readChildTags(ports, draft, name, build.digest),
    gates: draft.policy.gates,
    gate: await ports.gate.ask(build, draft.policy.gates),
    candidateSigned: signed.some((one) => one.verdict === "valid"),
    sourceDiff: current?.build && (await readSourceDiff(ports, build, current.build)),
    compareUrl:
      current?.build?.repository === build.repository
        ? ports.forge.compareUrl(build.repository, current.build.commit, build.commit)
        : undefined,
    scan: await scanImage(ports, `${ports.settings.registries[from]?.endpoint}/${name}@${build.digest}`),
    pageUrl: ports.settings.pageOf(build.id),
    pageOf: ports.settings.pageOf,
  };
}

/** What users type, in each destination: `registry/repository`. */
export function publicNamesOf(ports: PromotionPorts, routes: readonly Route[], name: string): readonly string[] {
  return routes.map(({ to }) => `${ports.settings.registries[to]?.publicName}/${name}`);
}

/** The release's record is found by its digest; one released elsewhere has none. Its bytes may be gone: then there is no comparison. */
export async function readReleased(
  ports: PromotionPorts,
  routes: readonly Route[],
  name: string,
  tag: string,
  digest: Digest,
): Promise<Released> {
  const found = await ports.builds.findByDigest(digest);
  const build = found && (await ports.builds.find(found.id));
  let tree: ImageTree | undefined;
  for (const { to } of routes) {
    try {
      tree ??= await readImageTree(ports.registries.named(to), name, digest);
    } catch (error) {
      if (errorKind(error) === "transient") throw error;
    }
  }
  return { tag, digest, ...(build ? { build } : {}), ...(tree ? { tree } : {}) };
}

async function readSourceDiff(ports: PromotionPorts, build: BuildRecord, current: BuildRecord): Promise<string | undefined> {
  if (current.repository !== build.repository) return undefined;
  if (current.commit === build.commit) return "";
  try {
    const dockerfile = await ports.forge.diff(build.repository, current.commit, build.commit, ["Dockerfile", "Containerfile"], mostDiff);
    const all = await ports.forge.diff(build.repository, current.commit, build.commit, [], mostDiff);
    // The Dockerfile's part first, once.
    return dockerfile === "" ? all : `${dockerfile}\n${all.split(dockerfile).join("")}`.slice(0, mostDiff);
  } catch (error) {
    if (errorKind(error) === "transient") throw error;
    // A force-pushed dist-git may have lost the commit; the promotion is reviewed without it.
    return undefined;
  }
}

/** Where a registry wants them, each platform's image keeps a tag of its own. */
async function readChildTags(ports: PromotionPorts, { routes, tag }: Draft, name: string, digest: Digest) {
  const [first] = routes;
  const wants = routes.map(({ to }) => ports.settings.registries[to]?.childTags === true);
  if (!first || !wants.includes(true)) return wants.map(() => []);
  const image = await findImage(ports.registries.named(first.from), name, digest);
  const tags = (image?.children ?? []).map((child) => childTag(tag, child));
  return wants.map((one) => (one ? tags : []));
}

/** A scanner that fails keeps no release back; that it failed is told. */
async function scanImage({ scanner }: PromotionPorts, reference: string): Promise<Scan | undefined> {
  if (!scanner) return undefined;
  const { name, threshold, fixableOnly } = scanner;
  try {
    return { scanner: name, found: await scanner.scan(reference), threshold, fixableOnly };
  } catch (error) {
    return { scanner: name, failed: error instanceof Error ? error.message : String(error) };
  }
}
