import type { Digest } from "../../domain/digest.ts";

/** One signature of one key. */
export interface WantedSignature {
  readonly publicName: string;
  readonly digest: Digest;
  readonly fingerprint: string;
}

/** Signatures that are made before they are asked for, and that nobody but this process can see until then. */
export interface EarlySignatures {
  /** Begins to make them; resolves when all have come to an end, and never rejects. */
  begin(wanted: readonly WantedSignature[], signal: AbortSignal): Promise<void>;
  /** The one that was begun, once; undefined when there is none, or it could not be made. */
  take(wanted: WantedSignature): Promise<Buffer | undefined>;
  /** None is being made any more. */
  ended(): Promise<void>;
}

/** The time that stands in a signature is when it was made. */
const keptMs = 10 * 60_000;
/** Half a kilobyte each. */
const mostKept = 1000;

/** `now` are milliseconds of a clock that never goes back. */
export function earlySignatures(
  make: (wanted: readonly WantedSignature[], signal: AbortSignal) => Promise<readonly Buffer[]>,
  now: () => number = () => performance.now(),
): EarlySignatures {
  const kept = new Map<string, { readonly at: number; readonly signature: Promise<Buffer | undefined> }>();
  const running = new Set<Promise<unknown>>();

  function drop(): void {
    for (const [key, { at }] of kept) if (now() - at >= keptMs || kept.size > mostKept) kept.delete(key);
  }

  return {
    async begin(all, signal) {
      drop();
      // A step that is done again begins none anew: on a card each takes a second.
      const wanted = all.filter((one) => !kept.has(keyOf(one)));
      // Whoever asks for one makes it then, and hears what is wrong.
      const made = make(wanted, signal).catch(() => {
        for (const one of wanted) kept.delete(keyOf(one));
        return [];
      });
      for (const [index, one] of wanted.entries()) kept.set(keyOf(one), { at: now(), signature: made.then((all) => all[index]) });
      running.add(made);
      await made.finally(() => running.delete(made));
    },
    async take(wanted) {
      drop();
      const found = kept.get(keyOf(wanted));
      kept.delete(keyOf(wanted));
      return await found?.signature;
    },
    async ended() {
      kept.clear();
      await Promise.all(running);
    },
  };
}

function keyOf({ publicName, digest, fingerprint }: WantedSignature): string {
  return [fingerprint, digest, publicName].join(" ");
}
