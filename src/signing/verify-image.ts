import type { Digest } from "../domain/digest.ts";
import { formatImageReference, type ImageReference, parseImageReference } from "../domain/image-reference.ts";
import type { Registry } from "../registry/registry.ts";
import type { JudgedSignature } from "./found-signature.ts";
import { type ImageDigest, readImageDigests } from "./image-digests.ts";
import type { SignatureJudge } from "./signature-judge.ts";
import { nameMatches } from "./signature-source.ts";

export interface VerifyRequest {
  readonly registry: Registry;
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  /** `host[:port]` that users type; what stands in signatures, whatever the registry is reached by. */
  readonly publicName: string;
  /** One for each kind that the registry's keys have: the image is in order when all say so, since each has consumers of its own. */
  readonly judges: readonly SignatureJudge[];
}

/** What `flibs verify` prints. */
export interface ImageVerification {
  /** The name that was asked for, as users type it. */
  readonly image: string;
  readonly digest: Digest;
  /** Keys of which one of each kind had to have signed. */
  readonly fingerprints: readonly string[];
  /** True when the index and every platform are signed for this name: skopeo, podman and cosign-like clients all take it. */
  readonly ok: boolean;
  readonly digests: readonly DigestVerification[];
}

export interface DigestVerification extends ImageDigest {
  readonly ok: boolean;
  /** One sentence: why it is taken or refused. */
  readonly message: string;
  readonly signatures: readonly JudgedSignature[];
}

/**
 * Judges an image as a consumer with the strict policy would, and a little stricter: containers/image looks at the platforms only, we at
 * the index too. Throws what registry and lookaside throw; a missing or bad signature is a result, not an error.
 */
export async function verifyImage(request: VerifyRequest): Promise<ImageVerification> {
  const byDigest = request.reference.startsWith("sha256:");
  const image = `${request.publicName}/${request.repository}${byDigest ? "@" : ":"}${request.reference}`;
  const wanted = parseImageReference(image);
  const found = await readImageDigests(request.registry, request.repository, request.reference);
  const digests = await Promise.all(
    found.map(async (entry): Promise<DigestVerification> => {
      const judged = await Promise.all(request.judges.map(({ judge }) => judge(request.repository, entry.digest)));
      const decided = judged.map((signatures) => decideDigest(signatures, wanted));
      const kinds = request.judges.length > 1 ? request.judges.map(({ kind }) => `${kind}: `) : [""];
      const message = decided.map((one, index) => `${kinds[index]}${one.message}`).join("; ");
      return { ...entry, ok: decided.length > 0 && decided.every((one) => one.ok), message, signatures: judged.flat() };
    }),
  );
  const { digest } = found[0] as ImageDigest;
  return {
    image,
    digest,
    fingerprints: request.judges.flatMap((judge) => judge.fingerprints),
    ok: digests.every((one) => one.ok),
    digests,
  };
}

/** One valid signature for the name is enough, unless a file that no client can read stands beside it. */
export function decideDigest(signatures: readonly JudgedSignature[], wanted: ImageReference): { ok: boolean; message: string } {
  const refuse = (message: string) => ({ ok: false, message });
  if (signatures.length === 0) return refuse("a signature was required, but no signature exists");
  const blocking = signatures.find((one) => one.blocking);
  if (blocking) return refuse(`${blocking.location} cannot be read: ${blocking.why}`);
  const valid = signatures.filter((one) => one.verdict === "valid");
  if (valid.some((one) => isFor(one, wanted))) return { ok: true, message: `signed for ${formatImageReference(wanted)}` };
  if (valid.length > 0) return refuse(`signed only for ${valid.map((one) => one.publicName).join(", ")}`);
  return refuse(`no valid signature: ${[...new Set(signatures.map((one) => one.verdict))].join(", ")}`);
}

function isFor(signature: JudgedSignature, wanted: ImageReference): boolean {
  try {
    return nameMatches(parseImageReference(signature.publicName ?? ""), wanted);
  } catch {
    return false;
  }
}
