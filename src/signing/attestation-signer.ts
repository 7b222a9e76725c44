import { readSigningPair, readVerifyingKey, type SigningPair, signDsse, type VerifyingKey } from "./dsse.ts";
import { formatBundle, statementType } from "./sigstore-bundle.ts";

/** Signs statements with the cosign keys of one stage. Errors: `signing.signer-unavailable` (transient), `signing.key-unusable`. */
export interface AttestationSigner {
  /** Name of the keys in the settings: `candidate`, `production`. */
  readonly stage: string;
  /** Keys whose signatures count; those that sign come first. None: what the stage attaches is unsigned. */
  keys(): readonly AttestationKey[];
  /** A bundle with the statement, signed by the key of that hint. Every call gives another signature. */
  signStatement(statement: Uint8Array, hint: string): Promise<Buffer>;
}

/** By the name of the registry. */
export interface AttestationSigners {
  /** Throws `registry.unknown`. */
  named(registry: string): AttestationSigner;
}

export interface AttestationKey extends VerifyingKey {
  /** False for one that is on its way out: its signatures count, and it makes none. */
  readonly signs: boolean;
}

export interface StageKeys {
  /** PKCS#8 PEM of private keys; the public half (SPKI PEM) of one that another process has only counts. */
  readonly sign: readonly string[];
  /** PKCS#8 PEM of private keys, or SPKI PEM of public ones. */
  readonly accept: readonly string[];
}

/** Keys in this process. Throws `signing.key-unusable`. */
export function attestationSigner(stage: string, { sign, accept }: StageKeys): AttestationSigner {
  const isPublic = (pem: string) => pem.includes("-----BEGIN PUBLIC KEY-----");
  const pairs = sign.filter((pem) => !isPublic(pem)).map(readSigningPair);
  const counting = [...sign.filter(isPublic), ...accept];
  const accepted = counting.map((pem): VerifyingKey => (isPublic(pem) ? readVerifyingKey(pem) : readSigningPair(pem)));
  const all = [...pairs.map((pair) => ({ ...pair, signs: true })), ...accepted.map((key) => ({ ...key, signs: false }))];
  const keys = all.map(({ hint, key, signs }): AttestationKey => ({ hint, key, signs }));
  return {
    stage,
    keys: () => keys,
    async signStatement(statement, hint) {
      const pair: SigningPair | undefined = pairs.find((one) => one.hint === hint);
      if (pair === undefined) throw new Error(`the stage ${stage} has no key ${hint} that signs`);
      const payload = Buffer.from(statement);
      return formatBundle({ hint, payloadType: statementType, payload, signature: signDsse(pair, statementType, payload) });
    },
  };
}
