import { z } from "zod";
import { Secret } from "./config-secret.ts";

const use = z
  .enum(["sign", "accept"])
  .default("sign")
  .describe("sign: every name gets a signature of this key; accept: its signatures count, it makes no more (while a key is replaced)");

const KeySet = z
  .strictObject({
    openpgp: z
      .array(
        z.strictObject({
          fingerprint: z
            .string()
            .regex(/^[0-9A-Fa-f]{40}$/, "write the 40 hexadecimal digits that gpg --list-secret-keys shows")
            .transform((text) => text.toUpperCase())
            .describe("Full fingerprint of the primary key"),
          passphrase: Secret.optional().describe("For a key that no agent or card unlocks; gpg gets it through a pipe"),
          use,
        }),
      )
      .max(10)
      .default([])
      .describe(
        "Keys of atomic OpenPGP signatures, which podman and skopeo check; in gnupgHome, or in an agent or on a card that it leads to",
      ),
    cosign: z
      .array(
        z.strictObject({
          privateKey: Secret.describe(
            "ECDSA P-256 key as PKCS#8 PEM without passphrase; the public key is enough where it signs nothing itself",
          ),
          use,
        }),
      )
      .max(10)
      .default([])
      .describe("Keys of cosign signatures, which stand as sha256-<digest>.sig beside the image"),
  })
  .refine(({ openpgp, cosign }) => [...openpgp, ...cosign].some((key) => key.use === "sign"), {
    error: "at least one key must have use: sign",
  });
export type KeySet = z.infer<typeof KeySet>;

export const keyName = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, "write small letters, digits and dashes");

/** Part of {@link Settings} in config.ts. */
export const SigningSettings = z
  .strictObject({
    gnupgHome: z
      .string()
      .describe("GnuPG home directory with the OpenPGP keys (or agents for them); relative to the settings file; keep the path short"),
    keys: z
      .record(keyName, KeySet)
      .describe("Keys by the name that registries.<name>.signingKey says, which is the registry's own name when left out"),
    lookaside: z
      .string()
      .default("lookaside")
      .describe(
        "Directory of the OpenPGP signatures, one below it for each registry, served below /lookaside/; relative to the state directory; all replicas share it",
      ),
    signer: z
      .strictObject({
        socket: z.string().describe("Unix socket of flibs signer; relative to the settings file"),
      })
      .optional()
      .describe("A process of its own that has the keys of all registries but candidate; without it flibs signs everything itself"),
  })
  .describe("Signing");
export type SigningSettings = z.infer<typeof SigningSettings>;

interface Named {
  readonly registries: Readonly<Record<string, { readonly signingKey?: string | undefined }>>;
  readonly signing: Pick<SigningSettings, "keys">;
}

/** Name in `signing.keys` of the keys that sign for a registry. */
export function signingKeyName(settings: Named, registry: string): string {
  return settings.registries[registry]?.signingKey ?? registry;
}

/** The keys that sign for a registry; the schema sees to it that there are some. */
export function keySetOf(settings: Named, registry: string): KeySet {
  const { keys } = settings.signing;
  const name = signingKeyName(settings, registry);
  if (Object.hasOwn(keys, name)) return keys[name] as KeySet;
  throw new Error(`no keys for the registry ${registry.slice(0, 100)}`);
}

/** What the schema of one part can't see: every registry has keys, and no key of candidate signs for another registry. */
export function checkKeys(settings: Named, context: z.RefinementCtx): void {
  const add = (path: readonly string[], message: string) => context.addIssue({ code: "custom", path: [...path], message });
  const used = new Set<string>();
  for (const registry of Object.keys(settings.registries)) {
    const name = signingKeyName(settings, registry);
    used.add(name);
    if (!Object.hasOwn(settings.signing.keys, name)) add(["signing", "keys"], `has no keys "${name}" for the registry ${registry}`);
    else if (registry !== "candidate" && name === signingKeyName(settings, "candidate")) {
      add(["registries", registry, "signingKey"], "a candidate's signature must never do for another registry: name other keys");
    }
  }
  const candidate = new Set(fingerprints(settings, signingKeyName(settings, "candidate")));
  for (const name of Object.keys(settings.signing.keys)) {
    if (!used.has(name)) add(["signing", "keys", name], "no registry is signed with these keys");
    const own = fingerprints(settings, name);
    if (new Set(own).size < own.length) add(["signing", "keys", name], "has one key twice");
    if (name === signingKeyName(settings, "candidate")) continue;
    const shared = own.find((fingerprint) => candidate.has(fingerprint));
    if (shared !== undefined) {
      add(["signing", "keys", name], `${shared} is a candidate key too: a candidate's signature must never do for another registry`);
    }
  }
}

function fingerprints({ signing }: Named, name: string): readonly string[] {
  return Object.hasOwn(signing.keys, name) ? (signing.keys[name]?.openpgp ?? []).map((key) => key.fingerprint) : [];
}
