import fc from "fast-check";
import type { TestResult } from "../../src/gating/test-runner.ts";

const outcome = fc.constantFrom("pass", "fail", "error", "skip");
/** Control characters, lone surrogates, what XML and Markdown are written with. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("\u0000\u001b[31m", "]]>", "<![CDATA[", "&amp;", "\ud800", "\ufffe\uffff", '"', "a\r\nb\tc", "| x |", "x".repeat(2000)),
);
const durationMs = fc.oneof(fc.nat(), fc.constantFrom(-1, Number.NaN, 1e12, 0.5));

/** What the worst runner might say. */
export const anyResult: fc.Arbitrary<TestResult> = fc.record({
  suite: text,
  outcome,
  message: text,
  durationMs: fc.nat(),
  cases: fc.oneof(
    fc.array(fc.record({ name: text, outcome, message: text, durationMs })),
    fc.array(fc.record({ name: fc.constant("n"), outcome, message: fc.constant(""), durationMs: fc.constant(0) }), {
      minLength: 600,
      maxLength: 700,
    }),
  ),
});
