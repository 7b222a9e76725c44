import { type Digest, isDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { parseArtifact } from "./artifact-manifest.ts";
import { eachPage, readJson } from "./listings.ts";
import { findWholeManifest, pullScope, putAndRead, repositoryPath } from "./manifest-requests.ts";
import { invalidAnswer } from "./read-body.ts";
import { fallbackTag, parseReferrers, type ReferrerList } from "./referrer-index.ts";
import type { Manifest, ReferrerDescriptor, Registry } from "./registry.ts";
import type { RegistrySession } from "./registry-session.ts";

/** A registry that artifacts can be attached to. */
export type ReferrerRegistry = Registry & Referrers;

/** What attaching needs beyond {@link Registry}. */
export interface Referrers {
  /**
   * Puts an artifact that has a `subject`, by its digest; its blobs must be there, its subject need not. Returns true when the registry lists it
   * by itself (`OCI-Subject` in its answer); else the fallback tag is the caller's to keep. Throws `registry.manifest-invalid` for what is none.
   */
  putReferrer(repository: string, artifact: Manifest): Promise<boolean>;
}

/** Bytes of all entries: thousands of times what is honestly said about one image. */
const mostListed = 64 * 1024 * 1024;

/** Referrers API (distribution-spec 1.1), else the index behind the tag `sha256-<hex>`, which clients of older registries maintain. */
export async function listReferrers(
  session: RegistrySession,
  repository: string,
  subject: Digest,
  artifactType?: string,
): Promise<readonly ReferrerDescriptor[]> {
  const found = new Map<Digest, ReferrerDescriptor>();
  const keep = ({ entries }: ReferrerList, isFiltered: boolean) => {
    for (const entry of entries) {
      if (artifactType === undefined || isFiltered || entry.artifactType === artifactType) found.set(entry.digest, entry);
    }
  };
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  const start = `${repositoryPath(repository)}/referrers/${subject}${query}`;
  let listed = 0;
  const hasApi = await eachPage(session, start, pullScope(repository), async (answer) => {
    const applied = (answer.header("oci-filters-applied") ?? "").split(",").map((one) => one.trim());
    const page = parseReferrers(await readJson(answer));
    if (page === undefined) throw invalidAnswer(answer, "with a list of referrers that is none");
    listed += JSON.stringify(page.entries).length;
    if (listed > mostListed) throw invalidAnswer(answer, "with more about one image than anybody has to say");
    keep(page, applied.includes("artifactType"));
    return found.size;
  });
  if (hasApi) return [...found.values()];
  const fallback = await findWholeManifest(session, repository, fallbackTag(subject));
  if (fallback !== undefined) keep(parseFallback(`${session.endpoint}/${repository}`, fallback.bytes), false);
  return [...found.values()];
}

function parseFallback(where: string, bytes: Uint8Array): ReferrerList {
  const invalid = (cause?: unknown) => appError("registry.manifest-invalid", `the referrers tag in ${where} is no index`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw invalid(cause);
  }
  const list = parseReferrers(value);
  if (list === undefined) throw invalid();
  return list;
}

/** See `Referrers.putReferrer`. */
export async function putReferrer(session: RegistrySession, repository: string, artifact: Manifest): Promise<boolean> {
  const { subject } = parseArtifact(artifact);
  return putAndRead(session, repository, artifact.digest, artifact, (answer) => {
    const told = answer.header("oci-subject");
    if (told === undefined) return false;
    if (isDigest(told) && told === subject.digest) return true;
    throw invalidAnswer(answer, "to an artifact with another subject than it has");
  });
}
