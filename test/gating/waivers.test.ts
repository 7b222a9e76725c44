import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isWaiverEnd, isWaiverLength, readExpiry, readReason } from "../../src/gating/waivers.ts";
import type { Transaction } from "../../src/workflow/step.ts";
import { waiverStoreContract } from "../contract/waiver-store.contract.ts";
import { fakeWaiverStore } from "../fakes/waiver-store.ts";

let at = new Date();
const waivers = fakeWaiverStore(() => at);
waiverStoreContract("waivers in memory", () => ({
  waivers,
  setClock: (text) => {
    at = new Date(text);
  },
  transaction: (change) => change({} as Transaction),
}));

describe("a reason", () => {
  test.each([
    { name: "none", text: "", kept: undefined },
    { name: "blanks", text: " \t ", kept: undefined },
    { name: "ordinary words", text: " the mirror was down ", kept: "the mirror was down" },
    { name: "Markdown and HTML, which are words here", text: "<script>*x*</script>", kept: "<script>*x*</script>" },
    { name: "a line end", text: "a\nb", kept: undefined },
    { name: "a terminal's escape", text: "a\u001b[31mb", kept: undefined },
    { name: "a direction override", text: "a\u202eb", kept: undefined },
    { name: "a NUL", text: "a\u0000b", kept: undefined },
    { name: "500 letters of four bytes", text: "🎉".repeat(500), kept: "🎉".repeat(500) },
    { name: "501 letters", text: "x".repeat(501), kept: undefined },
    { name: "10,000 letters", text: "x".repeat(10_000), kept: undefined },
  ])("of $name", ({ text, kept }) => {
    expect(readReason(text)).toBe(kept);
  });

  test("that is kept has no letter that cannot be seen", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (text) => {
        const kept = readReason(text);
        if (kept !== undefined) expect(/\p{C}/u.test(kept) || kept.trim() !== kept || [...kept].length > 500).toBe(false);
      }),
    );
  });
});

describe("the end of a waiver", () => {
  const now = new Date("2026-11-23T12:00:00Z");
  const day = 86_400_000;
  const end = (wanted: Parameters<typeof readExpiry>[0]) => readExpiry(wanted, now, 30 * day, 365 * day);
  test("is the settings', or what is asked for; a day counts whole", () => {
    expect(end({})).toBe("2026-12-23T12:00:00.000Z");
    expect(end({ for: "7d" })).toBe("2026-11-30T12:00:00.000Z");
    expect(end({ for: "12h" })).toBe("2026-11-24T00:00:00.000Z");
    expect(end({ until: "2026-11-23" })).toBe("2026-11-24T00:00:00.000Z");
  });
  test.each([
    { name: "both", wanted: { for: "7d", until: "2026-12-01" }, says: "either a length or an end" },
    { name: "a day that is over", wanted: { until: "2026-11-22" }, says: "would have ended already" },
    { name: "a year and a day", wanted: { for: "366d" }, says: "365 days at most" },
  ])("is refused: $name", ({ wanted, says }) => {
    expect(() => end(wanted)).toThrow(says);
  });
  test("is written in two ways only", () => {
    expect(["7d", "12h", "0d", "7", "7w", "-7d", "10000d", "7d "].map(isWaiverLength)).toEqual([true, true, ...Array(6).fill(false)]);
    expect(["2026-12-31", "2026-02-30", "2026-13-01", "31.12.2026", "soon", "2026-12-31T00:00"].map(isWaiverEnd)).toEqual([
      true,
      ...Array(5).fill(false),
    ]);
  });
});
