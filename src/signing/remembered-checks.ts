import { type Digest, digestOf } from "../domain/digest.ts";
import type { CheckedSignature, SignatureChecker } from "./signature-source.ts";

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
export function rememberedChecks(checker: SignatureChecker, now: () => number = () => performance.now()): SignatureChecker {
  const known = new Map<Digest, Remembered>();
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
      if (checked.verdict !== "valid") return checked;
      const [oldest] = known.keys();
      if (known.size >= mostRemembered && oldest !== undefined) known.delete(oldest);
      known.set(key, { checked, at });
      return checked;
    },
  };
}
