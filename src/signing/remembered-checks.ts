import { type Digest, digestOf } from "../domain/digest.ts";
import type { CheckedSignature, OwnSignatureChecker } from "./signature-source.ts";

/** Keys expire, so nothing is believed for longer. */
const rememberedMs = 60_000;
/** An entry has less than a kilobyte. */
const mostRemembered = 2000;

interface Remembered {
  readonly checked: CheckedSignature;
  readonly at: number;
}

/**
 * The same checker, which looks only once in a minute at the same bytes that were good: who signs an image under several names reads again what was
 * judged a second before. What was not good is looked at each time. `now` are milliseconds of a clock that never goes back.
 */
export function rememberedChecks(checker: OwnSignatureChecker, now: () => number = () => performance.now()): OwnSignatureChecker {
  const known = new Map<Digest, Remembered>();

  function remember(key: Digest, checked: CheckedSignature | undefined, at: number): void {
    if (checked?.verdict !== "valid") return;
    known.delete(key);
    const [oldest] = known.keys();
    if (known.size >= mostRemembered && oldest !== undefined) known.delete(oldest);
    known.set(key, { checked, at });
  }

  return {
    fingerprints: checker.fingerprints,
    async check(bytes) {
      const key = digestOf(bytes);
      const before = known.get(key);
      if (before !== undefined && now() - before.at < rememberedMs) return before.checked;
      known.delete(key);
      // Before the look: it says what was so then.
      const at = now();
      const checked = await checker.check(bytes);
      remember(key, checked, at);
      return checked;
    },
    async findValid(signatures) {
      const at = now();
      const found = await checker.findValid(signatures);
      for (const [index, checked] of found.entries()) remember(digestOf(signatures[index] as Uint8Array), checked, at);
      return found;
    },
  };
}
