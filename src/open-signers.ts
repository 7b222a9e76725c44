import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import { keySetOf } from "./config-signing.ts";
import { lookasideOf } from "./config-values.ts";
import { appError } from "./domain/errors.ts";
import type { Log } from "./log.ts";
import { composedSigner } from "./signing/composed-signer.ts";
import type { GnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { type OpenpgpKey, openpgpSigner } from "./signing/openpgp/openpgp-signer.ts";
import type { Signer, Signers } from "./signing/signer.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface SignerOptions {
  readonly settings: Pick<Settings, "registries" | "signing">;
  readonly environment: Environment;
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
    signers.set(registry, composedSigner(registry, [openpgp]));
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
