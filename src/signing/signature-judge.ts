import type { Digest } from "../domain/digest.ts";
import { type JudgedSignature, judgeSignature } from "./found-signature.ts";
import type { SignatureChecker, SignatureSource } from "./signature-source.ts";
import type { SignatureKind } from "./signer.ts";

/** Finds and judges the signatures of one kind, as that kind's consumers do. */
export interface SignatureJudge {
  readonly kind: SignatureKind;
  /** Keys of which one had to have signed. */
  readonly fingerprints: readonly string[];
  /** Throws when the signatures can't be asked for; a bad one is a result. */
  judge(repository: string, digest: Digest): Promise<readonly JudgedSignature[]>;
}

/** Judges what stands in a lookaside. */
export function openpgpJudge(source: SignatureSource, checker: SignatureChecker): SignatureJudge {
  return {
    kind: "openpgp",
    fingerprints: checker.fingerprints,
    async judge(repository, digest) {
      const stored = await source.listStored(repository, digest);
      return await Promise.all(stored.map((one) => judgeSignature(checker, one, digest)));
    },
  };
}
