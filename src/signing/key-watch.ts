import type { AppError } from "../domain/errors.ts";

/** One OpenPGP key that signs for a registry, and how it stands. */
export interface WatchedKey {
  readonly registry: string;
  readonly fingerprint: string;
  /** Unix time in milliseconds; undefined = never, or unknown because of `problem`. */
  readonly expiresAt?: number | undefined;
  /** Why it can't sign: gone, expired, weak. */
  readonly problem?: AppError | undefined;
}

const warnBeforeMs = 30 * 86_400_000;

/** DG18: an expired key must not be found out at the next release. True from 30 days before the end on. */
export function expiresSoon({ expiresAt }: Pick<WatchedKey, "expiresAt">, now: number): boolean {
  return expiresAt !== undefined && expiresAt - now < warnBeforeMs;
}

/** `never expires`, `expires 2026-12-24T00:00:00.000Z (in 29 days: extend it soon)`. */
export function formatExpiry(key: Pick<WatchedKey, "expiresAt">, now: number): string {
  if (key.expiresAt === undefined) return "never expires";
  const days = Math.floor((key.expiresAt - now) / 86_400_000);
  return `expires ${new Date(key.expiresAt).toISOString()}${expiresSoon(key, now) ? ` (in ${days} days: extend it soon)` : ""}`;
}
