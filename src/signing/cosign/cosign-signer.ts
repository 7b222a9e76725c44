import type { Digest } from "../../domain/digest.ts";
import { parseDigest } from "../../domain/digest.ts";
import { appError } from "../../domain/errors.ts";
import { parseImageReference } from "../../domain/image-reference.ts";
import type { Log } from "../../log.ts";
import type { Registry } from "../../registry/registry.ts";
import type { DigestLock } from "../digest-lock.ts";
import type { JudgedSignature } from "../found-signature.ts";
import { groupSignables, parsePublicName, type SignableGroup, sumOverGroups } from "../group-signables.ts";
import { formatPayload } from "../payload.ts";
import { missingKeys, type Signer, type SignerKey } from "../signer.ts";
import { cosignJudge, judgeLayer, readSignatures } from "./cosign-judge.ts";
import type { CosignKey } from "./cosign-key.ts";
import { formatSigManifest, mostLayers, type SigLayer, sigLayer, sigTag } from "./sig-manifest.ts";

export interface CosignSignerOptions {
  readonly stage: string;
  readonly keys: readonly CosignKey[];
  /** Where the image is, and its signatures beside it. */
  readonly registry: Registry;
  /** One writer at a time for a digest, over all replicas: the registry can't compare and swap. */
  readonly lock: DigestLock;
  /** Name and version that stand in the signature. */
  readonly creator: string;
  readonly log: Log;
  readonly now: () => Date;
}

/** A writer that does not take our lock (another installation, cosign itself) may overwrite us so often. */
const attempts = 3;

/** cosign signatures (`.sig` tags) that name the whole `name:tag`, one layer for each name: then cosign and containers/image take them as they are. */
export function cosignSigner(options: CosignSignerOptions): Signer {
  const { registry, keys, log, now } = options;

  const judge = cosignJudge(registry, keys);
  const read = (repository: string, digest: Digest) => readSignatures(registry, repository, digest, keys);

  /** Checked by the public key before anybody can see it. */
  async function sign(group: SignableGroup, publicName: string, key: CosignKey, signal: AbortSignal) {
    const { digest } = group;
    const text = formatPayload({ publicName, digest, creator: options.creator, timestamp: now().getTime() / 1000 }, "cosign");
    const payload = new TextEncoder().encode(text);
    const layer = sigLayer(payload, await key.sign(payload, signal));
    const made = judgeLayer({ layer, payload, digest, keys: [key], location: "a new signature" });
    if (made.verdict === "valid" && made.publicName === publicName) return { layer, payload };
    throw appError("signing.signature-bad", `the cosign key ${key.id} made a signature that is ${made.verdict}: ${made.why ?? ""}`);
  }

  /** Blobs, then the manifest; the client compares what the registry has then with the bytes that were sent. */
  async function write(repository: string, digest: Digest, layers: readonly SigLayer[]): Promise<void> {
    const { manifest, config } = formatSigManifest(layers);
    await registry.putBlob(repository, config);
    await registry.putManifest(repository, sigTag(digest), manifest);
  }

  async function ensureNames(group: SignableGroup, signal: AbortSignal): Promise<number> {
    const { repository, digest, names } = group;
    return await options.lock(repository, digest, async () => {
      let added = 0;
      for (let attempt = 0; ; attempt += 1) {
        const { layers, judged } = await read(repository, digest);
        const missing = names.flatMap((name) => missingKeys(keysOf(keys), known(judged), name).map((key) => ({ name, id: key.id })));
        if (missing.length === 0) return added;
        if (attempt === attempts) throw lost(repository, digest);
        if (attempt > 0) log.warn({ repository, digest }, "somebody else wrote an image's cosign signatures at the same time");
        if (layers.length + missing.length > mostLayers) throw full(repository, digest);
        const made = await Promise.all(missing.map(({ name, id }) => sign(group, name, keyOf(keys, id), signal)));
        for (const { payload } of made) await registry.putBlob(repository, payload);
        await write(repository, digest, [...layers, ...made.map((one) => one.layer)]);
        if (attempt === 0) added = made.length;
      }
    });
  }

  return {
    stage: options.stage,
    keys: keysOf(keys),
    // Made in a millisecond, or by a service that should be asked for nothing that may not be needed.
    prepare: async () => {},
    async ensureSigned(signables, signal) {
      signal.throwIfAborted();
      return await sumOverGroups(groupSignables(signables), (group) => ensureNames(group, signal));
    },
    async listSignatures(name, digest) {
      const judged = await judge.judge(parseImageReference(name).repository, parseDigest(digest));
      return judged.map(({ why: _why, ...signature }) => signature);
    },
    async removeSignatures({ publicName, digest }) {
      const { repository } = parsePublicName(publicName);
      return await options.lock(repository, parseDigest(digest), async () => {
        let removed = 0;
        for (let attempt = 0; ; attempt += 1) {
          const { layers, judged } = await read(repository, digest);
          const kept = layers.filter((_, index) => judged[index]?.publicName !== publicName);
          if (kept.length === layers.length) return removed;
          if (attempt === attempts) throw lost(repository, digest);
          // One manifest takes the other's place: a reader has the old list or the new one. An empty list stays, since deleting by
          // digest would also take the same empty list of another image away.
          await write(repository, digest, kept);
          if (attempt === 0) removed = layers.length - kept.length;
        }
      });
    },
  };
}

function keysOf(keys: readonly CosignKey[]): readonly SignerKey[] {
  return keys.map(({ id, use }) => ({ kind: "cosign", id, use }));
}

function keyOf(keys: readonly CosignKey[], id: string): CosignKey {
  const found = keys.find((key) => key.id === id);
  if (found) return found;
  throw new Error(`no cosign key ${id}`);
}

function known(judged: readonly (JudgedSignature | undefined)[]): readonly JudgedSignature[] {
  return judged.filter((one) => one !== undefined);
}

function lost(repository: string, digest: Digest) {
  return appError("signing.sig-lost", `somebody else goes on writing ${repository}:${sigTag(digest)}`, {
    hint: "Only one flibs, or its signer, may write a registry's signatures: find the other one",
  });
}

function full(repository: string, digest: Digest) {
  return appError("signing.lookaside-full", `${mostLayers} signatures stand in ${repository}:${sigTag(digest)}`, {
    hint: "Remove signatures of tags that are no longer used",
  });
}
