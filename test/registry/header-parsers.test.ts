import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { uniteScopes } from "../../src/registry/authorization.ts";
import { parseUploadedBytes } from "../../src/registry/byte-range.ts";
import { parseChallenges } from "../../src/registry/challenge.ts";
import { parseNextLink } from "../../src/registry/link-header.ts";
import { parseRetryAfter, retryDelay } from "../../src/registry/retry-policy.ts";

const page = new URL("https://registry.example.test/v2/a/tags/list");

test("a challenge with commas inside quotes stays one challenge", () => {
  const header =
    'Basic realm="old \\"x\\"", Bearer realm="https://t.example.test/",service=reg , scope="repository:a:pull,push repository:b:pull"';
  expect(parseChallenges(header).map(({ scheme, parameters }) => ({ scheme, ...parameters }))).toEqual([
    { scheme: "basic", realm: 'old "x"' },
    { scheme: "bearer", realm: "https://t.example.test/", service: "reg", scope: "repository:a:pull,push repository:b:pull" },
  ]);
});

const key = fc.stringMatching(/^[a-z]{1,10}$/);
test("whatever parameters a challenge has, they are read back", () => {
  const parameters = fc.dictionary(key, fc.string({ unit: "grapheme-ascii", maxLength: 30 }), { minKeys: 1, maxKeys: 5 });
  fc.assert(
    fc.property(parameters, (wanted) => {
      const text = Object.entries(wanted).map(([name, value]) => `${name}="${value.replace(/[\\"]/g, "\\$&")}"`);
      const [only, ...more] = parseChallenges(`Bearer ${text.join(", ")}`);
      expect(more).toEqual([]);
      expect({ ...only?.parameters }).toEqual({ ...wanted });
    }),
  );
});

test("no header makes the parsers throw anything but their own refusal, or take long", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), (text) => {
      parseChallenges(text);
      parseUploadedBytes(text);
      parseRetryAfter(text, 0);
      try {
        parseNextLink(text, page);
      } catch (error) {
        expect(error).toMatchObject({ code: "registry.answer-invalid" });
      }
    }),
  );
  for (const text of ['"'.repeat(9000), "<".repeat(9000), `<a>${"; a".repeat(3000)}`, "a=".repeat(5000), `<a>${" ".repeat(9000)}`]) {
    const started = performance.now();
    parseChallenges(text);
    parseNextLink(text, page);
    expect(performance.now() - started).toBeLessThan(5000);
  }
});

test.each([
  { header: '</v2/a/tags/list?last=x%2Cy&n=2>; rel="next"', next: "https://registry.example.test/v2/a/tags/list?last=x%2Cy&n=2" },
  { header: '</p>; rel="prev", </n?a=1,2>; title="a, b"; rel="last next"', next: "https://registry.example.test/n?a=1,2" },
  { header: "</n>; rel=next", next: "https://registry.example.test/n" },
  { header: '</p>; rel="prev"', next: undefined },
  { header: undefined, next: undefined },
])("the next page of $header", ({ header, next }) => {
  expect(parseNextLink(header, page)?.href).toBe(next);
});

test("any same-origin target is followed exactly, any other refused", () => {
  fc.assert(
    fc.property(fc.webPath(), fc.webQueryParameters(), (path, query) => {
      const target = `${page.origin}${path}?${query}`;
      expect(parseNextLink(`<${target}>; rel="next"`, page)?.href).toBe(new URL(target).href);
      expect(() => parseNextLink(`<https://other.example.test${path}>; rel="next"`, page)).toThrow("another server");
    }),
  );
});

test("uploaded bytes are read from every range, and only from ranges", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (last) => expect(parseUploadedBytes(`0-${last}`)).toBe(last + 1)));
  expect(["0-0", "bytes=0-9", "1-9", "0-", "0-x", undefined].map(parseUploadedBytes)).toEqual([0, 10, ...Array(4).fill(undefined)]);
});

test("Retry-After is seconds or a date, never anything else", () => {
  const now = Date.parse("Thu, 01 Jan 2026 00:00:00 GMT");
  const texts = ["120", "Thu, 01 Jan 2026 00:00:30 GMT", "Wed, 31 Dec 2025 00:00:00 GMT", "-5", "soon", "1.5", undefined];
  expect(texts.map((text) => parseRetryAfter(text, now))).toEqual([120_000, 30_000, 0, undefined, undefined, undefined, undefined]);
});

test("waiting grows, is never under Retry-After and never endless", () => {
  const attempt = fc.integer({ min: 0, max: 50 });
  const asked = fc.option(fc.integer({ min: 0, max: 60_000 }), { nil: undefined });
  fc.assert(
    fc.property(attempt, asked, fc.double({ min: 0, max: 1, noNaN: true }), (n, retryAfter, random) => {
      const wait = retryDelay(n, retryAfter, () => random);
      expect(wait).toBeGreaterThanOrEqual(retryAfter ?? 125);
      expect(wait).toBeLessThanOrEqual((retryAfter ?? 0) + 10_000);
    }),
  );
});

test("scopes are united per repository in one order", () => {
  const scopes = ["repository:b:pull", "repository:a:push repository:b:push", "repository:b:pull"];
  expect(uniteScopes(scopes)).toEqual(["repository:a:push", "repository:b:pull,push"]);
});
