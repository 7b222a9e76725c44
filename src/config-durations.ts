import { z } from "zod";

const length = z.string().regex(/^\d+(ms|s|m|h|d)$/, "write a number and ms, s, m, h or d, as in 30m");
const mostOfTimer = 24 * 86_400_000;

/** How long something waits. Node.js takes a timer of more than 2^31 - 1 ms, nearly 25 days, for one of 1 ms. */
export const duration = (fallback: string, text: string) =>
  length
    .refine((written) => durationMs(written) <= mostOfTimer, { error: "write at most 24 days" })
    .default(fallback)
    .describe(text);

/** What dates are compared with, of any length. */
export const age = (fallback: string, text: string) => length.default(fallback).describe(text);

/** `30m` to milliseconds. */
export function durationMs(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, number = "0", unit = "ms"] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? 1);
}
