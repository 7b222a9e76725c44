import { isAppError } from "../../domain/errors.ts";
import type { Log } from "../../log.ts";
import { expiresSoon, type WatchedKey } from "../key-watch.ts";
import type { GnupgHome } from "./gnupg-home.ts";
import { readSigningKey } from "./signing-key.ts";

export interface KeyToWatch {
  readonly registry: string;
  readonly fingerprint: string;
  /** `public` where another process has the secret key: its public part tells the expiry, too. */
  readonly part: "secret" | "public";
}

/** Looks at every key once and says in the log which needs a person. Never throws for a key: that is a result. */
export async function watchKeys(home: GnupgHome, keys: readonly KeyToWatch[], now: number, log: Log): Promise<readonly WatchedKey[]> {
  const found: WatchedKey[] = [];
  for (const { registry, fingerprint, part } of keys) {
    try {
      const { expiresAt } = await readSigningKey(home, fingerprint, now, part);
      found.push({ registry, fingerprint, expiresAt });
      if (expiresAt === undefined || !expiresSoon({ expiresAt }, now)) continue;
      log.warn({ registry, fingerprint, expiresAt: new Date(expiresAt).toISOString() }, "signing key expires soon");
    } catch (error) {
      if (!isAppError(error)) throw error;
      found.push({ registry, fingerprint, problem: error });
      log.error({ registry, fingerprint, code: error.code, reason: error.message, hint: error.hint }, "signing key can't sign");
    }
  }
  return found;
}
