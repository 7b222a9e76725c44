import type { Digest } from "../../domain/digest.ts";
import { digestOf } from "../../domain/digest.ts";
import { isAppError } from "../../domain/errors.ts";
import type { Registry } from "../../registry/registry.ts";
import type { JudgedSignature } from "../found-signature.ts";
import { parsePayload } from "../payload.ts";
import type { SignatureJudge } from "../signature-judge.ts";
import type { CosignKey } from "./cosign-key.ts";
import { parseSigManifest, payloadMediaType, type SigLayer, signatureAnnotation, sigTag } from "./sig-manifest.ts";

/** The public half of a key is enough to judge. */
export type CosignVerifier = Pick<CosignKey, "id" | "verify">;

/** What stands at an image's `.sig` tag; no layers when there is none. */
export interface StoredSignatures {
  readonly layers: readonly SigLayer[];
  /** One for each layer, in the same order; `undefined` for a layer of another kind, which nobody reads. */
  readonly judged: readonly (JudgedSignature | undefined)[];
}

/** containers/image refuses larger payloads; ours have a few hundred bytes. */
const maxPayloadBytes = 2 ** 20;

/**
 * Reads and judges all cosign signatures of a digest by the given keys. A bad one beside a good one does no harm to clients (CS7, CS8), so nothing
 * is blocking but a manifest that can't be read. Throws `signing.sig-unreadable` for that, and what the registry throws.
 */
export async function readSignatures(
  registry: Registry,
  repository: string,
  digest: Digest,
  keys: readonly CosignVerifier[],
): Promise<StoredSignatures> {
  const tag = sigTag(digest);
  if ((await registry.findManifest(repository, tag)) === undefined) return { layers: [], judged: [] };
  const layers = parseSigManifest(await registry.readManifest(repository, tag));
  const judged = await Promise.all(
    layers.map(async (layer, index): Promise<JudgedSignature | undefined> => {
      if (layer.mediaType !== payloadMediaType) return undefined;
      const location = `${repository}:${tag} layer ${index + 1}`;
      const payload = await findPayload(registry, repository, layer);
      return judgeLayer({ layer, payload, digest, keys, location });
    }),
  );
  return { layers, judged };
}

/** Judges what stands beside the image; a manifest that can't be read is one bad signature. */
export function cosignJudge(registry: Registry, keys: readonly CosignVerifier[]): SignatureJudge {
  return {
    kind: "cosign",
    fingerprints: keys.map((key) => key.id),
    async judge(repository, digest) {
      try {
        const { judged } = await readSignatures(registry, repository, digest, keys);
        return judged.filter((one) => one !== undefined);
      } catch (error) {
        if (!isAppError(error) || error.code !== "signing.sig-unreadable") throw error;
        const location = `${repository}:${sigTag(digest)}`;
        return [{ kind: "cosign", location, verdict: "unreadable", blocking: true, why: error.message }];
      }
    },
  };
}

/** Undefined when the registry does not have it, or not as the layer says. */
async function findPayload(registry: Registry, repository: string, layer: SigLayer): Promise<Uint8Array | undefined> {
  if (layer.size > maxPayloadBytes) return undefined;
  try {
    return await registry.readBlob(repository, layer.digest, maxPayloadBytes);
  } catch (error) {
    const gone = ["registry.blob-unknown", "registry.blob-too-large", "registry.digest-mismatch"];
    if (isAppError(error) && gone.includes(error.code)) return undefined;
    throw error;
  }
}

/** One layer with its payload; never throws for what is in them. */
export function judgeLayer(one: {
  readonly layer: SigLayer;
  readonly payload: Uint8Array | undefined;
  readonly digest: Digest;
  readonly keys: readonly CosignVerifier[];
  readonly location: string;
}): JudgedSignature {
  const { layer, payload, location } = one;
  const bad = (why: string): JudgedSignature => ({ kind: "cosign", location, verdict: "unreadable", blocking: false, why });
  if (payload === undefined || payload.length !== layer.size || digestOf(payload) !== layer.digest) return bad("its payload is not there");
  const encoded = layer.annotations?.[signatureAnnotation];
  if (encoded === undefined) return bad("it has no signature");
  const signature = Buffer.from(encoded, "base64");
  // Node skips what is no base64; clients don't.
  if (signature.length === 0 || signature.toString("base64") !== encoded) return bad("its signature is no base64");
  const key = one.keys.find(({ verify }) => verify(payload, signature));
  const by = key === undefined ? {} : { fingerprint: key.id };
  try {
    const { publicName, digest, timestamp } = parsePayload(new TextDecoder("utf-8", { fatal: true }).decode(payload), "cosign");
    const signedAt = timestamp === undefined || timestamp > 8.64e12 ? {} : { signedAt: new Date(timestamp * 1000).toISOString() };
    const verdict = key === undefined ? "wrong-key" : digest === one.digest ? "valid" : "wrong-digest";
    return { kind: "cosign", location, verdict, publicName, blocking: false, ...by, ...signedAt };
  } catch (error) {
    return { ...bad((error as Error).message), ...by };
  }
}
