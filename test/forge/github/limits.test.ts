import { describe, expect, test } from "@jest/globals";
import { type Call, openLimits } from "../../../src/forge/github/limits.ts";
import type { ResponseError } from "../../../src/forge/github/request-errors.ts";

type Headers = Record<string, string>;

const read: Call = { lane: "1", writes: false, creates: false, release: false };
const create: Call = { ...read, writes: true, creates: true };

/** A clock that only waiting moves. */
function limitsAt(start: string) {
  let now = Date.parse(start);
  const waited: number[] = [];
  const limits = openLimits({
    now: () => now,
    delay: async (ms) => {
      waited.push(ms);
      now += ms;
    },
  });
  return { limits, waited, pass: (ms: number) => (now += ms), clock: () => new Date(now).toISOString() };
}

const answer = async (headers: Headers = {}) => ({ headers });

function refusal(status: number, headers: Headers, message = "You have exceeded a secondary rate limit"): ResponseError {
  return Object.assign(new Error(message), { status, response: { headers, data: { message } } });
}

/** Gives the answers one after the other, and then good ones. */
function sending(...answers: readonly (Headers | ResponseError)[]) {
  const left = [...answers];
  const sent: number[] = [];
  return {
    sent,
    send: async () => {
      sent.push(sent.length + 1);
      const next = left.shift() ?? {};
      if (next instanceof Error) throw next;
      return { headers: next };
    },
  };
}

describe("GitHub's refusals", () => {
  test.each([
    ["403 with retry-after", refusal(403, { "retry-after": "3" }), 3000],
    ["429 with retry-after", refusal(429, { "retry-after": "1" }), 1000],
    ["a spent budget", refusal(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1704067205" }, "API rate limit exceeded"), 5000],
  ])("%s: waits and sends again", async (_name, error, ms) => {
    const { limits, waited } = limitsAt("2024-01-01T00:00:00Z");
    const { send, sent } = sending(error);
    await limits.run(create, send);
    expect(waited).toEqual([ms]);
    expect(sent).toHaveLength(2);
  });

  test.each([
    ["a long wait", refusal(403, { "retry-after": "60" }), "2024-01-01T00:01:00.000Z"],
    [
      "a budget spent until the hour is over",
      refusal(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1704070800" }),
      "2024-01-01T01:00:00.000Z",
    ],
    ["a secondary limit without a header", refusal(403, {}), "2024-01-01T00:01:00.000Z"],
    ["429 without a header", refusal(429, {}, "slow down"), "2024-01-01T00:01:00.000Z"],
  ])("%s: is told with the time, and nothing is sent before it", async (_name, error, retryAt) => {
    const { limits, pass } = limitsAt("2024-01-01T00:00:00Z");
    const { send, sent } = sending(error);
    await expect(limits.run(read, send)).rejects.toMatchObject({ code: "forge.rate-limited", kind: "transient", details: { retryAt } });
    await expect(limits.run(read, send)).rejects.toMatchObject({ code: "forge.rate-limited", details: { retryAt } });
    expect(sent).toHaveLength(1);
    // Another installation has a budget of its own.
    await limits.run({ ...read, lane: "2" }, send);
    pass(3_600_000);
    await limits.run(read, send);
    expect(sent).toHaveLength(3);
  });

  test("without a header wait longer each time", async () => {
    const { limits, pass, clock } = limitsAt("2024-01-01T00:00:00Z");
    const minutes: number[] = [];
    for (let i = 0; i < 6; i++) {
      const before = Date.parse(clock());
      const error = await limits.run(read, sending(refusal(403, {})).send).catch((one: { details: { retryAt: string } }) => one);
      const until = Date.parse("details" in error ? error.details.retryAt : "");
      minutes.push((until - before) / 60_000);
      pass(until - before);
    }
    expect(minutes).toEqual([1, 2, 4, 8, 15, 15]);
  });

  test("that have another reason are left as they are", async () => {
    const { limits, waited } = limitsAt("2024-01-01T00:00:00Z");
    const error = refusal(
      403,
      { "x-ratelimit-remaining": "4000", "x-ratelimit-reset": "1704070800" },
      "Resource not accessible by integration",
    );
    await expect(limits.run(create, sending(error).send)).rejects.toBe(error);
    expect(waited).toEqual([]);
  });
});

describe("what is created", () => {
  test("is 80 in a minute: the next one waits when that is short", async () => {
    const { limits, waited, pass } = limitsAt("2024-01-01T00:00:00Z");
    await limits.run(create, answer);
    pass(52_000);
    for (let i = 1; i < 80; i++) await limits.run(create, answer);
    expect(waited).toEqual([]);
    await limits.run(create, answer);
    expect(waited).toEqual([8000]);
    await limits.run(read, answer);
    await limits.run({ ...create, creates: false }, answer);
    expect(waited).toEqual([8000]);
  });

  test("is 500 in an hour, 50 of them for releases, whatever came of it", async () => {
    const { limits, pass } = limitsAt("2024-01-01T00:00:00Z");
    const broken = () => Promise.reject(new Error("the connection broke"));
    const release = { ...create, release: true };
    for (let i = 0; i < 500; i++) {
      if (i === 450) await expect(limits.run(create, answer)).rejects.toMatchObject({ code: "forge.rate-limited" });
      await expect(limits.run(i < 450 ? create : release, broken)).rejects.toThrow("the connection broke");
      pass(1000);
    }
    await expect(limits.run(release, answer)).rejects.toMatchObject({
      code: "forge.rate-limited",
      details: { retryAt: "2024-01-01T01:00:00.000Z" },
    });
    pass(3_600_000);
    await limits.run(create, answer);
  });

  test("is written one after another, while ten may read", async () => {
    const { limits } = limitsAt("2024-01-01T00:00:00Z");
    const most = { read: 0, create: 0 };
    const now = { read: 0, create: 0 };
    const busy = (kind: "read" | "create") => async () => {
      now[kind] += 1;
      most[kind] = Math.max(most[kind], now[kind]);
      for (let i = 0; i < 10; i++) await Promise.resolve();
      now[kind] -= 1;
      return { headers: {} };
    };
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? limits.run(create, busy("create")) : limits.run(read, busy("read")))),
    );
    expect(most.create).toBe(1);
    expect(most.read).toBeLessThanOrEqual(10);
    expect(most.read).toBeGreaterThan(1);
  });
});

test("the last tenth of an hour's requests is kept for releases", async () => {
  const { limits, pass } = limitsAt("2024-01-01T00:00:00Z");
  const nearlySpent = { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "500", "x-ratelimit-reset": "1704070800" };
  await limits.run(read, () => answer(nearlySpent));
  await expect(limits.run(read, answer)).rejects.toMatchObject({
    code: "forge.rate-limited",
    details: { retryAt: "2024-01-01T01:00:00.000Z" },
  });
  await limits.run({ ...create, release: true }, answer);
  pass(3_600_000);
  await limits.run(read, answer);
});
