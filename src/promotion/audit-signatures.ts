import type { FoundSignature, SignerKey } from "../signing/signer.ts";
import { missingKeys } from "../signing/signer.ts";

/** What stands beside the signatures of one digest and makes clients give the image up, wherever a valid one stands. Pure. */
export function findBad(found: readonly FoundSignature[]): readonly string[] {
  return found
    .filter((one) => one.verdict === "unreadable" || one.verdict === "wrong-digest")
    .map((one) => `${one.location} ${one.verdict === "unreadable" ? "cannot be read" : "is of another digest"}`);
}

/** Why a name is not signed by every signing key; undefined when it is. Pure. */
export function wordUnsigned(keys: readonly SignerKey[], found: readonly FoundSignature[], publicName: string): string | undefined {
  const missing = missingKeys(keys, found, publicName);
  if (missing.length === 0) return undefined;
  const expired = found.some((one) => one.verdict === "expired" && one.publicName === publicName);
  const signing = keys.filter((key) => key.use === "sign").length;
  const what = expired ? "the signature has expired" : "no valid signature";
  return signing === missing.length ? what : `${what} of ${missing.map((key) => `${key.kind} key ${key.id.slice(-16)}`).join(", ")}`;
}
