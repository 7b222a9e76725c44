import type { Digest } from "../domain/digest.ts";
import { parsePayload } from "./payload.ts";
import type { SignatureChecker, StoredSignature } from "./signature-source.ts";
import type { FoundSignature } from "./signer.ts";

/** A found signature, and whether it makes clients refuse the whole image. */
export interface JudgedSignature extends FoundSignature {
  readonly blocking: boolean;
  readonly why?: string;
}

/** Judges one stored message as a signature of `digest`; never throws for what is in the message. */
export async function judgeSignature(checker: SignatureChecker, stored: StoredSignature, digest: Digest): Promise<JudgedSignature> {
  const { location } = stored;
  const kind = "openpgp" as const;
  if (stored.bytes === undefined) return { kind, location, verdict: "unreadable", blocking: true, why: "it is no regular file" };
  const checked = await checker.check(stored.bytes);
  if (checked.verdict === "unreadable") return { kind, location, verdict: "unreadable", blocking: checked.blocking, why: checked.why };
  const signed = {
    kind,
    location,
    fingerprint: checked.fingerprint,
    ...(checked.signedAt === undefined ? {} : { signedAt: checked.signedAt }),
  };
  try {
    const payload = parsePayload(checked.text);
    const verdict = checked.verdict === "valid" && payload.digest !== digest ? "wrong-digest" : checked.verdict;
    return { ...signed, verdict, publicName: payload.publicName, blocking: false };
  } catch (error) {
    return { ...signed, verdict: "unreadable", blocking: false, why: (error as Error).message };
  }
}
