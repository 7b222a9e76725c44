import type { Digest } from "../domain/digest.ts";
import { digestOf, isDigest, parseDigest } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import { isRepository, isTag } from "../domain/image-reference.ts";
import type { HttpAnswer } from "./http-transport.ts";
import { discardBody, invalidAnswer, readBody } from "./read-body.ts";
import { type Manifest, type ManifestDescriptor, manifestMediaTypes } from "./registry.ts";
import { type RegistrySession, refusal } from "./registry-session.ts";

/** distribution-spec: registries should take 4 MiB; nothing that is an image manifest comes near it. */
export const largestManifest = 4 * 1024 * 1024;

// All four, always: with fewer, docker-registry converts what it has and the digest is another one.
const accept = manifestMediaTypes.join(", ");

export async function findManifest(
  session: RegistrySession,
  repository: string,
  reference: string,
): Promise<ManifestDescriptor | undefined> {
  const call = { method: "HEAD", target: manifestPath(repository, reference), headers: { accept }, scopes: pullScope(repository) } as const;
  const found = await session.ask(call, async (answer) => {
    await discardBody(answer);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw await refusal(call, answer);
    const digest = answer.header("docker-content-digest") ?? (isDigest(reference) ? reference : undefined);
    const size = Number(answer.header("content-length") ?? Number.NaN);
    if (digest === undefined || !Number.isSafeInteger(size)) return "not told";
    if (!isDigest(digest)) throw invalidAnswer(answer, "with a digest that is none");
    if (isDigest(reference) && digest !== reference) throw mismatch(session, repository, reference, digest);
    return { mediaType: mediaTypeOf(answer), digest, size };
  });
  if (found !== "not told") return found;
  // The headers are optional in the specification.
  const manifest = await findWholeManifest(session, repository, reference);
  return manifest && { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
}

export async function readManifest(session: RegistrySession, repository: string, reference: string): Promise<Manifest> {
  const manifest = await findWholeManifest(session, repository, reference);
  if (manifest !== undefined) return manifest;
  const name = `${session.endpoint}/${repository}${isDigest(reference) ? "@" : ":"}${reference}`;
  throw appError("registry.manifest-unknown", `${name} is not in the registry`);
}

/** Like `readManifest`, undefined when absent. */
export async function findWholeManifest(session: RegistrySession, repository: string, reference: string): Promise<Manifest | undefined> {
  const call = { method: "GET", target: manifestPath(repository, reference), headers: { accept }, scopes: pullScope(repository) } as const;
  return session.ask(call, async (answer) => {
    if (answer.status === 404) {
      await discardBody(answer);
      return undefined;
    }
    if (answer.status !== 200) throw await refusal(call, answer);
    const mediaType = mediaTypeOf(answer);
    const bytes = await readBody(answer, largestManifest);
    const digest = digestOf(bytes);
    for (const promised of [answer.header("docker-content-digest"), isDigest(reference) ? reference : undefined]) {
      if (promised !== undefined && promised !== digest) throw mismatch(session, repository, promised, digest);
    }
    return { mediaType, bytes, digest };
  });
}

/** PUT, then GET: some registries rewrite, some answer 201 and store nothing, and a tag must not move to what nobody looked at. */
export async function putManifest(session: RegistrySession, repository: string, reference: string, manifest: Manifest): Promise<Digest> {
  await putAndRead(session, repository, reference, manifest, () => undefined);
  return manifest.digest;
}

/** The same; gives what `take` finds in the head of the registry's answer to the PUT. */
export async function putAndRead<T>(
  session: RegistrySession,
  repository: string,
  reference: string,
  manifest: Manifest,
  take: (answer: HttpAnswer) => T,
): Promise<T> {
  const digest = digestOf(manifest.bytes);
  if (digest !== manifest.digest || (isDigest(reference) && reference !== digest)) {
    throw mismatch(session, repository, isDigest(reference) ? reference : manifest.digest, digest);
  }
  if (manifest.bytes.length > largestManifest) {
    throw appError("registry.manifest-invalid", `manifest ${digest} has ${manifest.bytes.length} bytes, at most ${largestManifest} fit`);
  }
  const call = {
    method: "PUT",
    target: manifestPath(repository, reference),
    headers: { "content-type": checkHeaderValue(manifest.mediaType) },
    body: manifest.bytes,
    scopes: pushScope(repository),
  } as const;
  const taken = await session.ask(call, async (answer) => {
    if (answer.status !== 201) throw await refusal(call, answer);
    await discardBody(answer);
    return take(answer);
  });
  const stored = await readManifest(session, repository, reference);
  if (stored.digest !== digest) throw mismatch(session, repository, digest, stored.digest);
  return taken;
}

/** By digest only: deleting takes every tag of it along, and docker-registry knows no other way. Absent already is fine. */
export async function deleteManifest(session: RegistrySession, repository: string, digest: Digest): Promise<void> {
  const scopes = [`repository:${repository}:delete,pull,push`];
  const call = { method: "DELETE", target: manifestPath(repository, parseDigest(digest)), scopes } as const;
  await session.ask(call, async (answer) => {
    if (answer.status !== 202 && answer.status !== 200 && answer.status !== 204 && answer.status !== 404) throw await refusal(call, answer);
    await discardBody(answer);
  });
}

export function pullScope(repository: string): readonly string[] {
  return [`repository:${repository}:pull`];
}

export function pushScope(repository: string): readonly string[] {
  return [`repository:${repository}:pull,push`];
}

/** `/v2/<repository>`; a name outside the grammar (`..`, `?`, `%2e`) throws `domain.reference-invalid` before it becomes a path. */
export function repositoryPath(repository: string): string {
  if (!isRepository(repository)) throw appError("domain.reference-invalid", `"${repository.slice(0, 300)}" is not a repository`);
  return `/v2/${repository}`;
}

function manifestPath(repository: string, reference: string): string {
  if (!isDigest(reference) && !isTag(reference)) {
    throw appError("domain.reference-invalid", `"${reference.slice(0, 200)}" is neither a tag nor a digest`);
  }
  return `${repositoryPath(repository)}/manifests/${reference}`;
}

function mediaTypeOf(answer: HttpAnswer): string {
  const mediaType = answer.header("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (manifestMediaTypes.some((one) => one === mediaType)) return mediaType;
  answer.body.destroy();
  throw invalidAnswer(answer, `with "${mediaType.slice(0, 100)}", which is no image manifest`);
}

function checkHeaderValue(mediaType: string): string {
  if (/^[\w.+-]+\/[\w.+-]+$/.test(mediaType)) return mediaType;
  throw appError("registry.manifest-invalid", `"${mediaType.slice(0, 100)}" is not a media type`);
}

function mismatch(session: RegistrySession, repository: string, expected: string, found: string) {
  return appError(
    "registry.digest-mismatch",
    `${session.endpoint}/${repository}@${expected.slice(0, 80)} came back as ${found.slice(0, 80)}`,
  );
}
