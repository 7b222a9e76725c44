import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import { keySetOf } from "./config-signing.ts";
import { lookasideOf } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import type { Log } from "./log.ts";
import type { Registries } from "./registry/registry.ts";
import { composedSigner } from "./signing/composed-signer.ts";
import { type CosignKey, pemCosignKey } from "./signing/cosign/cosign-key.ts";
import { cosignSigner } from "./signing/cosign/cosign-signer.ts";
import type { GnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { lookasideLock } from "./signing/openpgp/lookaside-directory.ts";
import { type OpenpgpKey, openpgpSigner } from "./signing/openpgp/openpgp-signer.ts";
import type { Signer, Signers } from "./signing/signer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface SignerOptions {
  readonly settings: {
    readonly registries: Readonly<Record<string, { readonly signingKey?: string | undefined }>>;
    readonly signing: Omit<Settings["signing"], "signer">;
  };
  readonly environment: Environment;
  readonly registries: Registries;
  readonly gnupg: GnupgHome;
  /** Name and version that stand in signatures. */
  readonly creator: string;
  readonly log: Log;
}

/** The signers of all registries; nothing is started before it is needed. Throws `config.unreadable` for a secret that is not there. */
export function openSigners(options: SignerOptions): Signers & { close(): Promise<void> } {
  const { settings } = options;
  const closing: (() => Promise<void>)[] = [];
  const signers = new Map<string, Signer>();
  checkApart(options);
  for (const registry of Object.keys(settings.registries)) {
    const openpgp = openpgpSigner({
      stage: registry,
      gnupgHome: options.gnupg,
      keys: openpgpKeys(options, registry),
      lookaside: lookasideOf(settings, registry),
      creator: options.creator,
      timeoutMs: 60_000,
      log: options.log,
      now: () => new Date(),
    });
    closing.push(() => openpgp.close());
    const cosign = cosignSigner({
      stage: registry,
      keys: cosignKeys(options, registry),
      registry: options.registries.named(registry),
      lock: lookasideLock(lookasideOf(settings, registry), "cosign"),
      creator: options.creator,
      log: options.log,
      now: () => new Date(),
    });
    // Without a key of its kind a signer has nothing to do, and need not ask the registry.
    const parts = [openpgp, cosign].filter((part) => part.keys.length > 0);
    signers.set(registry, composedSigner(registry, parts));
  }
  return {
    named(registry) {
      const found = signers.get(registry);
      if (found) return found;
      throw appError("registry.unknown", `there is no signer for a registry "${registry.slice(0, 100)}"`, {
        hint: `Use one of ${[...signers.keys()].join(", ")}`,
      });
    },
    async close() {
      for (const close of closing) await close();
    },
  };
}

function openpgpKeys({ settings, environment }: SignerOptions, registry: string): readonly OpenpgpKey[] {
  return keySetOf(settings, registry).openpgp.map(({ fingerprint, use, passphrase }) => ({
    fingerprint,
    use,
    passphrase: passphrase === undefined ? undefined : readSecret(passphrase, environment),
  }));
}

/** The keys of cosign signatures of a registry. Throws `config.unreadable`, `signing.key-unusable`. */
export function cosignKeys(
  { settings, environment }: Pick<SignerOptions, "settings" | "environment">,
  registry: string,
): readonly CosignKey[] {
  return keySetOf(settings, registry).cosign.map(({ privateKey, use }) => pemCosignKey(readSecret(privateKey, environment), use));
}

/** What the settings' schema can't see, since these keys stand in files: a candidate's signature must never do for another registry. */
function checkApart(options: SignerOptions): void {
  const ids = (registry: string) => cosignKeys(options, registry).map((key) => key.id);
  const names = Object.keys(options.settings.registries);
  const candidate = new Set(names.includes("candidate") ? ids("candidate") : []);
  const shared = names.filter((name) => name !== "candidate").find((name) => ids(name).some((id) => candidate.has(id)));
  if (shared === undefined) return;
  throw appError("config.invalid", `candidate and ${shared} have the same cosign key`, { hint: "Make another one for candidate" });
}
