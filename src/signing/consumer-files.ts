import { appError } from "../domain/errors.ts";

/** One registry as consumers see it. */
export interface ConsumerStage {
  /** Name of the registry: `candidate`, `production`. */
  readonly stage: string;
  /** `host[:port][/path]` that users type: the scope of the policy. */
  readonly publicName: string;
  /** URL below which this registry's OpenPGP signatures are served. */
  readonly lookaside: string;
  /** Keyring of OpenPGP public keys, binary, of which any may have signed; undefined when there are none. */
  readonly keyring?: Uint8Array | undefined;
  /** Public keys of cosign signatures, PEM, of which any may have signed. */
  readonly cosignKeys: readonly string[];
}

/** File name to bytes: `policy.json`, `registries.d/flibs.yaml`, and each registry's public keys. */
export type ConsumerFiles = Readonly<Record<string, Uint8Array>>;

/**
 * Everything a consumer needs to take signed images only: a policy that rejects what it has no key for, with the keys inside it
 * (`keyData`, so that it works wherever it is put), and where to find signatures. Requirements of a policy are all demanded, so keys that
 * replace each other stand in one. `policy.json` wants OpenPGP where there are such keys, which every podman and skopeo can check;
 * `policy-cosign.json`, when there are cosign keys, wants cosign's there.
 * Throws `signing.stages-collide` when two registries have one public name: one key would then do for both.
 */
export function consumerFiles(stages: readonly ConsumerStage[]): ConsumerFiles {
  const names = new Set(stages.map((stage) => stage.publicName));
  if (names.size !== stages.length) {
    throw appError("signing.stages-collide", "two registries have the same public name, their signatures could not be told apart", {
      hint: "Give candidate and production different public names",
    });
  }
  const text = (content: string) => new TextEncoder().encode(content);
  const json = (value: unknown) => text(`${JSON.stringify(value, undefined, 2)}\n`);
  const hasCosign = stages.some((stage) => stage.cosignKeys.length > 0);
  return {
    "policy.json": json(policy(stages, "openpgp")),
    ...(hasCosign ? { "policy-cosign.json": json(policy(stages, "cosign")) } : {}),
    "registries.d/flibs.yaml": text(registriesD(stages)),
    ...Object.fromEntries(stages.flatMap(({ stage, keyring }) => (keyring ? [[`flibs-${stage}.gpg`, keyring] as const] : []))),
    // cosign takes one key a call, so each has a file of its own.
    ...Object.fromEntries(
      stages.flatMap(({ stage, cosignKeys }) =>
        cosignKeys.map((pem, index) => [`flibs-${stage}${index === 0 ? "" : `-${index + 1}`}.pub`, text(pem)] as const),
      ),
    ),
  };
}

function policy(stages: readonly ConsumerStage[], preferred: "openpgp" | "cosign") {
  const scopes = stages.map((stage) => [stage.publicName, [{ ...requirement(stage, preferred), signedIdentity }]]);
  return { default: [{ type: "reject" }], transports: { docker: Object.fromEntries(scopes) } };
}

const signedIdentity = { type: "matchRepoDigestOrExact" };

function requirement({ keyring, cosignKeys }: ConsumerStage, preferred: "openpgp" | "cosign") {
  const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64");
  const [first, ...more] = cosignKeys;
  if (keyring && (preferred === "openpgp" || first === undefined)) {
    return { type: "signedBy", keyType: "GPGKeys", keyData: base64(keyring) };
  }
  if (first === undefined) return { type: "reject" };
  // Several keys: only containers/image from 5.33 on reads the list.
  return { type: "sigstoreSigned", ...(more.length === 0 ? { keyData: base64(first) } : { keyDatas: cosignKeys.map(base64) }) };
}

/** Clients before containers/image 5.22 know only the key `sigstore`; newer ones take `lookaside` when both are there. */
function registriesD(stages: readonly ConsumerStage[]): string {
  const scopes = stages.flatMap(({ publicName, lookaside, cosignKeys }) => {
    // Clients append "/<path>" blindly: a slash at the end would be asked for twice.
    const url = JSON.stringify(lookaside.replace(/\/+$/, ""));
    const attachments = cosignKeys.length === 0 ? [] : ["    use-sigstore-attachments: true"];
    return [`  ${JSON.stringify(publicName)}:`, `    lookaside: ${url}`, `    sigstore: ${url}`, ...attachments];
  });
  return ["docker:", ...scopes, ""].join("\n");
}
