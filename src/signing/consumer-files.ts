import { appError } from "../domain/errors.ts";

/** One registry as consumers see it. */
export interface ConsumerStage {
  /** Name of the stage: `candidate`, `production`. */
  readonly stage: string;
  /** `host[:port][/path]` that users type: the scope of the policy. */
  readonly publicName: string;
  /** URL below which this stage's signatures are served. */
  readonly lookaside: string;
  /** Binary public key. Several concatenated keys: any of them may have signed. */
  readonly publicKey: Uint8Array;
}

/** File name to bytes: `policy.json`, `registries.d/flibs.yaml` and `flibs-<stage>.gpg` for each stage. */
export type ConsumerFiles = Readonly<Record<string, Uint8Array>>;

/**
 * Everything a consumer needs to take signed images only: a policy that rejects what it has no key for, with the keys inside it
 * (`keyData`, so that it works wherever it is put), and where to find signatures.
 * Throws `signing.stages-collide` when two stages have one public name: one key would then do for both.
 */
export function consumerFiles(stages: readonly ConsumerStage[]): ConsumerFiles {
  const names = new Set(stages.map((stage) => stage.publicName));
  if (names.size !== stages.length) {
    throw appError("signing.stages-collide", "two registries have the same public name, their signatures could not be told apart", {
      hint: "Give candidate and production different public names",
    });
  }
  const text = (content: string) => new TextEncoder().encode(content);
  return {
    "policy.json": text(`${JSON.stringify(policy(stages), undefined, 2)}\n`),
    "registries.d/flibs.yaml": text(registriesD(stages)),
    ...Object.fromEntries(stages.map(({ stage, publicKey }) => [`flibs-${stage}.gpg`, publicKey])),
  };
}

function policy(stages: readonly ConsumerStage[]) {
  const scopes = stages.map(({ publicName, publicKey }) => {
    const keyData = Buffer.from(publicKey).toString("base64");
    return [publicName, [{ type: "signedBy", keyType: "GPGKeys", keyData, signedIdentity: { type: "matchRepoDigestOrExact" } }]];
  });
  return { default: [{ type: "reject" }], transports: { docker: Object.fromEntries(scopes) } };
}

/** Clients before containers/image 5.22 know only the key `sigstore`; newer ones take `lookaside` when both are there. */
function registriesD(stages: readonly ConsumerStage[]): string {
  const scopes = stages.flatMap(({ publicName, lookaside }) => {
    // Clients append "/<path>" blindly: a slash at the end would be asked for twice.
    const url = JSON.stringify(lookaside.replace(/\/+$/, ""));
    return [`  ${JSON.stringify(publicName)}:`, `    lookaside: ${url}`, `    sigstore: ${url}`];
  });
  return ["docker:", ...scopes, ""].join("\n");
}
