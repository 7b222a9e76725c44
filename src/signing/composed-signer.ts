import type { Signer } from "./signer.ts";

/**
 * One signer of several, each for the keys of its kind: flows see one rule, "every name has a valid signature of every signing key". The parts
 * sign one after the other: what the first can't do, the second need not begin.
 */
export function composedSigner(stage: string, parts: readonly Signer[]): Signer {
  return {
    stage,
    keys: parts.flatMap((part) => part.keys),
    async prepare(signables, signal) {
      await Promise.all(parts.map((part) => part.prepare(signables, signal)));
    },
    async ensureSigned(signables, signal) {
      let added = 0;
      for (const part of parts) added += await part.ensureSigned(signables, signal);
      return added;
    },
    async listSignatures(repository, digest) {
      return (await Promise.all(parts.map((part) => part.listSignatures(repository, digest)))).flat();
    },
    async removeSignatures(signable) {
      let removed = 0;
      for (const part of parts) removed += await part.removeSignatures(signable);
      return removed;
    },
  };
}
