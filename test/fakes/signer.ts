import { type Digest, parseDigest } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { parseImageReference } from "../../src/domain/image-reference.ts";
import type { FoundSignature, Signable, Signer } from "../../src/signing/signer.ts";

/** A signer whose signatures stand in memory; obeys the contract of `test/contract/signer.contract.ts`. */
export interface FakeSigner extends Signer {
  /** Everything that is signed now, in the order in which it was signed. */
  readonly signed: readonly Signable[];
  /** While true, signing throws `signing.signer-unavailable`: an agent that is locked or a card that was pulled. */
  unavailable: boolean;
  /** Puts something there that flibs did not sign. */
  plant(repository: string, digest: Digest, found: FoundSignature): void;
}

export function fakeSigner(stage: string, fingerprint = "A".repeat(40)): FakeSigner {
  const found = new Map<string, FoundSignature[]>();
  const signed: Signable[] = [];
  const at = (repository: string, digest: Digest) => {
    const key = `${repository}@${digest}`;
    const list = found.get(key) ?? [];
    found.set(key, list);
    return list;
  };
  const repositoryOf = (publicName: string) => {
    const reference = parseImageReference(publicName);
    if (reference.tag === undefined || reference.digest !== undefined) {
      throw appError("domain.reference-invalid", `"${publicName}" is no registry/repository:tag`);
    }
    return reference.repository;
  };
  return {
    stage,
    signed,
    unavailable: false,
    keys: [{ kind: "openpgp", id: fingerprint, use: "sign" }],
    prepare: async () => {},
    async ensureSigned(signables, signal) {
      signal.throwIfAborted();
      const wanted = signables.map((one) => ({ ...one, list: at(repositoryOf(one.publicName), parseDigest(one.digest)) }));
      if (this.unavailable) throw appError("signing.signer-unavailable", "the signing key is locked");
      let added = 0;
      for (const { publicName, digest, list } of wanted) {
        if (list.some((one) => one.verdict === "valid" && one.publicName === publicName)) continue;
        const location = `memory:${digest}/signature-${list.length + 1}`;
        list.push({ kind: "openpgp", location, verdict: "valid", publicName, fingerprint, signedAt: "2024-01-01T00:00:00.000Z" });
        signed.push({ publicName, digest });
        added += 1;
      }
      return added;
    },
    async listSignatures(repository, digest) {
      return [...at(parseImageReference(repository).repository, parseDigest(digest))];
    },
    async removeSignatures({ publicName, digest }) {
      const list = at(repositoryOf(publicName), parseDigest(digest));
      const kept = list.filter((one) => one.publicName !== publicName);
      const removed = list.length - kept.length;
      list.splice(0, list.length, ...kept.map((one, i) => ({ ...one, location: `memory:${digest}/signature-${i + 1}` })));
      const rest = signed.filter((one) => one.publicName !== publicName || one.digest !== digest);
      signed.splice(0, signed.length, ...rest);
      return removed;
    },
    plant(repository, digest, one) {
      at(repository, digest).push(one);
    },
  };
}
