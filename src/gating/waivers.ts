import { appError } from "../domain/errors.ts";
import type { Transaction } from "../workflow/step.ts";

/** What a waiver is for, in WaiverDB's words: `koji_build` and an NVR, or `container-image` and a digest. */
export interface WaiverSubject {
  readonly type: string;
  readonly identifier: string;
}

/** Somebody who may has said that a test need not have passed for one build; or takes that back, when `waived` is false. Never changed. */
export interface Waiver {
  /** Counted up: the higher one is the newer. */
  readonly id: number;
  readonly subject: WaiverSubject;
  readonly testcase: string;
  /** As the forge calls whoever decided it. */
  readonly username: string;
  readonly productVersion: string;
  readonly waived: boolean;
  /** Why, for people; 1 to 500 letters, of somebody who may write and yet never markup. */
  readonly comment: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** From then on it counts no more; never when left out. */
  readonly expiresAt?: string;
}

export interface NewWaiver extends Omit<Waiver, "id" | "timestamp"> {
  /** Of what asked for it: the same key twice is one waiver. */
  readonly key: string;
}

export interface WaiverFilter {
  readonly subjectType?: string;
  readonly subjectIdentifier?: string;
  readonly testcase?: string;
  readonly productVersion?: string;
  readonly username?: string;
  /** ISO 8601, both inclusive. */
  readonly since?: string;
  readonly until?: string;
}

export interface WaiverStore {
  /** Returns its id; that of the first when there is one with this key. */
  add(waiver: NewWaiver, transaction: Transaction): Promise<number>;
  find(id: number): Promise<Waiver | undefined>;
  /** Those of any of the subjects, newest first; at most a thousand. */
  listOf(subjects: readonly WaiverSubject[]): Promise<readonly Waiver[]>;
  /**
   * Those that fit one of the filters (all when there is none), newest first. Without `obsolete` only the newest of each subject, testcase,
   * person and product version, as WaiverDB has it.
   */
  list(
    filters: readonly WaiverFilter[],
    page: { readonly obsolete: boolean; readonly offset: number; readonly limit: number },
  ): Promise<{ readonly waivers: readonly Waiver[]; readonly total: number }>;
}

export const maxReason = 500;

/** A reason as it is kept: on one line, trimmed. Undefined when there is none, it is too long, or something in it is invisible. Pure. */
export function readReason(text: string): string | undefined {
  const reason = text.trim();
  return reason.length > 0 && [...reason].length <= maxReason && !/\p{C}/u.test(reason) ? reason : undefined;
}

/** Throws `gating.waiver-invalid`. */
export function demandReason(text: string): string {
  const reason = readReason(text);
  if (reason !== undefined) return reason;
  throw appError("gating.waiver-invalid", `a reason has 1 to ${maxReason} letters, none of them invisible`, { hint: "Say it in short" });
}

/**
 * The waiver that counts for a test, of those of one subject: the newest that was given, unless it takes an older one back or has expired. An
 * older one does not come to life again by that. Pure; times in milliseconds, and what is younger than `when` is not known yet.
 */
export function findWaiver(
  waivers: readonly Waiver[],
  testcase: string,
  now: number,
  when: number = Number.POSITIVE_INFINITY,
): Waiver | undefined {
  const known = waivers.filter((one) => one.testcase === testcase && Date.parse(one.timestamp) <= when);
  const newest = known.reduce<Waiver | undefined>((best, one) => (best === undefined || one.id > best.id ? one : best), undefined);
  if (newest?.waived !== true) return undefined;
  return newest.expiresAt !== undefined && Date.parse(newest.expiresAt) <= now ? undefined : newest;
}

/** When a waiver that is given now ends. Throws `gating.waiver-invalid` for what is past or further off than `mostMs`. */
export function readExpiry(
  wanted: { readonly for?: string; readonly until?: string },
  now: Date,
  defaultMs: number,
  mostMs: number,
): string {
  if (wanted.for !== undefined && wanted.until !== undefined)
    throw appError("gating.waiver-invalid", "a waiver has either a length or an end", { hint: "Leave --for or --until out" });
  const end = endOf(wanted, now, defaultMs);
  const hint = "Write --for 7d, or --until 2026-12-31";
  if (end <= now.getTime()) throw appError("gating.waiver-invalid", "the waiver would have ended already", { hint });
  if (end > now.getTime() + mostMs) {
    const days = Math.floor(mostMs / 86_400_000);
    throw appError("gating.waiver-invalid", `a waiver holds ${days} ${days === 1 ? "day" : "days"} at most here`, { hint });
  }
  return new Date(end).toISOString();
}

function endOf({ for: length, until }: { readonly for?: string; readonly until?: string }, now: Date, defaultMs: number): number {
  if (length !== undefined) {
    const [, number = "", unit = ""] = lengthPattern.exec(length) ?? [];
    return now.getTime() + Number(number) * (unit === "h" ? 3_600_000 : 86_400_000);
  }
  // The whole of that day.
  return until === undefined ? now.getTime() + defaultMs : Date.parse(`${until}T00:00:00Z`) + 86_400_000;
}

const lengthPattern = /^([1-9]\d{0,3})(h|d)$/;

/** `7d`, `12h` */
export function isWaiverLength(text: string): boolean {
  return lengthPattern.test(text);
}

/** `2026-12-31`; its whole day counts. */
export function isWaiverEnd(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}
