import { z } from "zod";
import { type Digest, digestHex, digestOf, isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Manifest, ReferrerDescriptor } from "./registry.ts";

/** Of the answer of the referrers API and of the fallback tag alike. */
export interface ReferrerList {
  readonly entries: readonly ReferrerDescriptor[];
}

export const ociIndex = "application/vnd.oci.image.index.v1+json";
/** distribution-spec: more than that registries need not take. */
export const largestIndex = 4 * 1024 * 1024;

const Entry = z.object({
  mediaType: z.string(),
  digest: z.string().refine(isDigest),
  size: z.number().int().nonnegative(),
  artifactType: z.string().nullish(),
  annotations: z.record(z.string(), z.string()).nullish(),
});
const List = z.object({ manifests: z.array(Entry).nullish() });
/** What is written again: everything that others put there stays as it is, member for member. */
const Whole = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(z.unknown()).nullish() });

/** The tag under which clients keep the list where the registry does not (distribution-spec v1.1, "Referrers Tag Schema"). */
export function fallbackTag(subject: Digest): string {
  return `sha256-${digestHex(subject)}`;
}

/**
 * The tag that keeps an artifact from `docker-registry garbage-collect -m`, which deletes what has no tag of its own, also below a tagged index.
 * Begins as the signature tags of other tools do, so that nobody takes it for a release.
 */
export function keepTag(artifact: Digest): string {
  return `${fallbackTag(artifact)}.artifact`;
}

/** Undefined for JSON that is no list of referrers; the order is the registry's, each digest once. */
export function parseReferrers(value: unknown): ReferrerList | undefined {
  const parsed = List.safeParse(value);
  if (!parsed.success) return undefined;
  const found = new Map<Digest, ReferrerDescriptor>();
  for (const { artifactType, annotations, ...entry } of parsed.data.manifests ?? []) {
    found.set(entry.digest, { ...entry, ...(artifactType ? { artifactType } : {}), ...(annotations ? { annotations } : {}) });
  }
  return { entries: [...found.values()] };
}

/**
 * The fallback index with one more entry, others' entries and members untouched; undefined when the digest is there already. Throws
 * `registry.manifest-invalid` when the tag holds something else than an index, or one that has no room left: neither is overwritten.
 */
export function addReferrer(before: Manifest | undefined, entry: ReferrerDescriptor): Manifest | undefined {
  const whole = before === undefined ? { schemaVersion: 2, mediaType: ociIndex, manifests: [] } : readWhole(before);
  const listed = whole.manifests ?? [];
  if (listed.some((one) => digestIn(one) === entry.digest)) return undefined;
  const { mediaType, digest, size, artifactType, annotations } = entry;
  const own = { mediaType, digest, size, ...(artifactType ? { artifactType } : {}), ...(annotations ? { annotations } : {}) };
  const bytes = Buffer.from(JSON.stringify({ ...whole, manifests: [...listed, own] }));
  if (bytes.length > largestIndex) {
    throw appError("registry.manifest-invalid", `the list of referrers has ${listed.length} entries and no room for another one`);
  }
  return { mediaType: ociIndex, bytes, digest: digestOf(bytes) };
}

function readWhole({ bytes, mediaType, digest }: Manifest): z.infer<typeof Whole> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    value = undefined;
  }
  const parsed = Whole.safeParse(value);
  if (mediaType === ociIndex && parsed.success) return parsed.data;
  throw appError("registry.manifest-invalid", `what stands at the tag for referrers (${digest}) is no index, and is left as it is`);
}

/** Every digest that a fallback index names, whatever else its entries are. */
export function digestsIn(list: Manifest): readonly Digest[] {
  const digests = (readWhole(list).manifests ?? []).map(digestIn).filter((one) => typeof one === "string" && isDigest(one));
  return [...new Set(digests as Digest[])];
}

/** The fallback index without some entries. */
export function dropReferrers(before: Manifest, gone: ReadonlySet<unknown>): Manifest {
  const whole = readWhole(before);
  const bytes = Buffer.from(JSON.stringify({ ...whole, manifests: (whole.manifests ?? []).filter((one) => !gone.has(digestIn(one))) }));
  return { mediaType: ociIndex, bytes, digest: digestOf(bytes) };
}

function digestIn(entry: unknown): unknown {
  return typeof entry === "object" && entry !== null && "digest" in entry ? entry.digest : undefined;
}
