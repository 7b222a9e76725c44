import { expect, test } from "@jest/globals";
import { formatAge, formatBytes, formatDuration } from "../../src/domain/amounts.ts";

test.each([
  [350, "350 ms"],
  [-5, "0 ms"],
  [2500, "2.5 s"],
  [42_000, "42 s"],
  [119_900, "1 min 59 s"],
  [3_725_000, "1 h 2 min"],
])("%p ms is %s", (ms, text) => expect(formatDuration(ms)).toBe(text));

test.each([
  [5, "5 B"],
  [2048, "2.0 KiB"],
  [5 * 2 ** 20, "5.0 MiB"],
  [5_452_600_383, "5.1 GiB"],
  [3 * 2 ** 50, "3072.0 TiB"],
])("%p bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  ["2026-11-23T11:59:58Z", "just now"],
  ["2026-11-23T11:59:00Z", "60 s ago"],
  ["2026-11-23T11:57:00Z", "3 min ago"],
  ["2026-11-23T09:00:00Z", "3 h ago"],
  ["2026-11-20T12:00:00Z", "3 days ago"],
])("%s is %s at noon", (at, text) => expect(formatAge(at, Date.parse("2026-11-23T12:00:00Z"))).toBe(text));
