import type { BuildRecord } from "../builds/build-record.ts";
import { attestedDocuments, attestedImage, attestedNames } from "../documents/attested-documents.ts";
import { imagePurl } from "../documents/package-url.ts";
import type { Digest } from "../domain/digest.ts";
import { ensureListed, storeArtifact } from "../registry/attach-artifact.ts";
import type { Manifest, ManifestDescriptor } from "../registry/registry.ts";
import { type AttestationKey, signingKeys } from "../signing/dsse.ts";
import { type AttestationPlace, type Attested, ensureAttested, findAttested, listingsOf } from "../signing/ensure-attested.ts";
import { predicateTypes } from "../signing/predicate-types.ts";
import { statementType } from "../signing/sigstore-bundle.ts";
import { formatStatement } from "../signing/statement.ts";
import type { WantedAttestation } from "../signing/wanted-attestation.ts";
import { findPromotionRecord } from "./find-promotion-record.ts";
import { findMergedPull } from "./merged-pull.ts";
import type { PromotionPorts } from "./promotion-ports.ts";
import { type PromotionRecord, recordedAttestations, recordedBuild, recordKey } from "./promotion-record.ts";
import type { SignedFile } from "./release-effects.ts";
import type { ReleasePlan } from "./release-flow.ts";
import { settle } from "./settle.ts";
import { isActing } from "./tag-plan.ts";

/**
 * What is said about a digest goes with it, before it gets its tags: what flibs attached to the candidate, and a record of this promotion. Looks
 * before it acts. What is final becomes a result: an image that passed its checks is released also by a registry that takes no artifacts.
 */
export async function attestRelease(ports: PromotionPorts, plan: ReleasePlan, file: SignedFile, digest: Digest, signal: AbortSignal) {
  const done = await settle(signal, async () => {
    const build = await ports.builds.findByDigest(digest);
    const image = attestedImage(await ports.registries.named(plan.to).readManifest(plan.imageRepository, digest));
    const carried = build === undefined ? [] : await carryDocuments(ports, plan, build, image, signal);
    const recorded = await ensureRecord(ports, plan, file, image.top, build, carried, signal);
    return carried.length + recorded.length;
  });
  return "failed" in done ? { attached: 0, failed: done.failed } : { attached: done.value };
}

/**
 * Copies byte for byte what the candidate stage attached and signed; nothing else of what stands in that registry. What it has lost is made again from
 * the documents that are kept, with the keys of the destination.
 */
async function carryDocuments(
  ports: PromotionPorts,
  plan: ReleasePlan,
  build: BuildRecord,
  image: ReturnType<typeof attestedImage>,
  signal: AbortSignal,
): Promise<readonly Attested[]> {
  const found = await Promise.all(attestedNames(build.plan?.platforms ?? []).map((name) => ports.builds.findDocument(build.id, name)));
  const documents = found.filter((one) => one !== undefined);
  const wanted = attestedDocuments(build, documents, image, ports.settings.registries[plan.from]?.publicName ?? "");
  const [source, destination] = [placeOf(ports, plan, plan.from), placeOf(ports, plan, plan.to)];
  const lists = { source: listingsOf(source), destination: listingsOf(destination) };
  const ways = [waysOf(ports, plan.from), waysOf(ports, plan.to)] as const;
  const carried: Attested[] = [];
  const unlisted: Manifest[] = [];
  const listAll = () => ensureListed(destination.registry, destination.turns, destination.repository, unlisted, signal);
  const carry = async (one: WantedAttestation) => {
    signal.throwIfAborted();
    const { digest } = one.subject;
    const copies = await findAll(source, one, ways[0], await lists.source(digest));
    const listed = await lists.destination(digest);
    for (const { artifact, blob } of copies) {
      const added = !listed.some((entry) => entry.digest === artifact.digest);
      const isListed = added && (await storeArtifact(destination.registry, destination.repository, artifact, blob));
      if (!isListed) unlisted.push(artifact);
      carried.push({ subject: digest, predicateType: one.predicateType, digest: artifact.digest, added });
    }
    if (copies.length > 0) return;
    const there = await findAll(destination, one, [...ways[0], ...ways[1]], listed);
    for (const { artifact } of there) {
      unlisted.push(artifact);
      carried.push({ subject: digest, predicateType: one.predicateType, digest: artifact.digest, added: false });
    }
    if (there.length === 0) carried.push(...(await ensureAttested(destination, ports.attestationKeys.of(plan.to), [one], signal)));
  };
  try {
    for (const one of wanted) await carry(one);
  } catch (error) {
    // What is there already can be seen, whatever becomes of the rest.
    await listAll().catch(() => {});
    throw error;
  }
  await listAll();
  return carried;
}

async function findAll(
  place: AttestationPlace,
  wanted: WantedAttestation,
  ways: readonly (AttestationKey | undefined)[],
  listed: Awaited<ReturnType<ReturnType<typeof listingsOf>>>,
) {
  const found = [];
  for (const key of ways) {
    const one = await findAttested(place, wanted, key, listed);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** The keys whose signatures count in a registry; without one that signs, also the bare document. */
function waysOf(ports: PromotionPorts, registry: string): readonly (AttestationKey | undefined)[] {
  const keys = ports.attestationKeys.of(registry);
  return signingKeys(keys).length > 0 ? keys : [...keys, undefined];
}

function placeOf(ports: PromotionPorts, plan: ReleasePlan, registry: string): AttestationPlace {
  return { registry: ports.registries.named(registry), turns: ports.turns, repository: plan.imageRepository };
}

/** One record for each (digest, destination, merge commit), whenever and however often the release runs. */
async function ensureRecord(
  ports: PromotionPorts,
  plan: ReleasePlan,
  file: SignedFile,
  subject: ManifestDescriptor,
  build: BuildRecord | undefined,
  carried: readonly Attested[],
  signal: AbortSignal,
): Promise<readonly Attested[]> {
  const place = placeOf(ports, plan, plan.to);
  const made = await makeRecord(ports, plan, file, subject.digest, carried);
  const found = await findPromotionRecord(place, subject.digest, recordKey(made), waysOf(ports, plan.to));
  const name = imagePurl(publicRepository(ports, plan, plan.to), subject.digest);
  const { record, statement } = found ?? (await withGates(ports, name, made, build));
  const wanted = {
    ...{ subject, predicateType: predicateTypes.promotion, statement, unsigned: { mediaType: statementType, text: statement } },
    ...{ key: recordKey(record), createdAt: record.promotedAt },
  };
  return await ensureAttested(place, ports.attestationKeys.of(plan.to), [wanted], signal);
}

/** The gate is asked for a record that is not there yet: one that is says how things were then. */
async function withGates(ports: PromotionPorts, name: string, made: PromotionRecord, build: BuildRecord | undefined) {
  const of = build && recordedBuild(build, await ports.gate.ask(build), ports.settings.pageOf(build.id));
  const record: PromotionRecord = { ...made, ...of };
  return { record, statement: formatStatement(name, made.digest, predicateTypes.promotion, record) };
}

async function makeRecord(
  ports: PromotionPorts,
  plan: ReleasePlan,
  file: SignedFile,
  digest: Digest,
  carried: readonly Attested[],
): Promise<PromotionRecord> {
  const { repository } = ports.settings;
  const pull = await findMergedPull(ports, file);
  const [newest] = await ports.forge.fileHistory(repository, file.commit, file.path, 1);
  const commit = pull?.mergeCommit ?? newest ?? file.commit;
  const tags = plan.tags.filter((one) => one.digest === digest && isActing(one)).map((one) => one.tag);
  return {
    digest,
    source: { registry: plan.from, reference: `${publicRepository(ports, plan, plan.from)}@${digest}` },
    destination: { registry: plan.to, references: tags.map((tag) => `${publicRepository(ports, plan, plan.to)}:${tag}`) },
    manifests: {
      repository,
      file: file.path,
      commit,
      ...(pull ? { pull: { number: pull.number, author: pull.author.slice(0, 255) } } : {}),
    },
    gates: [],
    attestations: recordedAttestations(carried),
    promotedAt: ports.now().toISOString(),
  };
}

function publicRepository(ports: PromotionPorts, plan: ReleasePlan, registry: string): string {
  return `${ports.settings.registries[registry]?.publicName}/${plan.imageRepository}`;
}
