import { existsSync } from "node:fs";
import type { Settings } from "./config.ts";
import { keySetOf } from "./config-signing.ts";
import { lookasideOf, publicUrlOf } from "./config-values.ts";
import { cosignKeys } from "./open-signers.ts";
import type { Registry } from "./registry/registry.ts";
import { cosignJudge } from "./signing/cosign/cosign-judge.ts";
import type { GnupgHome } from "./signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "./signing/openpgp/gpg-checker.ts";
import { exportKeyring } from "./signing/openpgp/gpg-sign.ts";
import { openLookasideDirectory } from "./signing/openpgp/lookaside-directory.ts";
import { httpLookaside } from "./signing/openpgp/lookaside-http.ts";
import { openpgpJudge, type SignatureJudge } from "./signing/signature-judge.ts";

const timeoutMs = 60_000;

/** What judges a registry's signatures with public keys alone: a judge for each kind that it has keys of. */
export async function openJudges(options: {
  readonly settings: Settings;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly gnupg: GnupgHome;
  /** Name in the settings, and its client. */
  readonly registry: string;
  readonly client: Registry;
}): Promise<{ readonly judges: readonly SignatureJudge[]; close(): Promise<void> }> {
  const { settings, gnupg, registry, client } = options;
  const fingerprints = keySetOf(settings, registry).openpgp.map((key) => key.fingerprint);
  const keys = cosignKeys(options, registry);
  const cosign = keys.length === 0 ? [] : [cosignJudge(client, keys)];
  if (fingerprints.length === 0) return { judges: cosign, close: async () => {} };
  const checker = await openGpgChecker({ publicKeys: await exportKeyring(gnupg, fingerprints), fingerprints, timeoutMs });
  const local = lookasideOf(settings, registry);
  const source = existsSync(local)
    ? openLookasideDirectory(local)
    : httpLookaside(`${publicUrlOf(settings)}/lookaside/${registry}`, timeoutMs / 2);
  return { judges: [openpgpJudge(source, checker), ...cosign], close: () => checker.close() };
}
