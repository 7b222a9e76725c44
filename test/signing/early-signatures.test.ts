import { expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { earlySignatures, type WantedSignature } from "../../src/signing/openpgp/early-signatures.ts";

const never = new AbortController().signal;
const wanted = (publicName: string, more: Partial<WantedSignature> = {}): WantedSignature => ({
  publicName,
  digest: digestOf("image"),
  fingerprint: "A".repeat(40),
  ...more,
});
const minute = 60_000;

/** Signatures that say what they are of. */
function early(now: () => number = () => 0) {
  const made: string[] = [];
  const signatures = earlySignatures(async (all) => {
    made.push(...all.map(({ publicName }) => publicName));
    if (all.some(({ publicName }) => publicName === "bad")) throw new Error("the card was pulled");
    return all.map(({ publicName }) => Buffer.from(publicName));
  }, now);
  return { ...signatures, made };
}

test("what was begun is given once, and only for the same name, digest and key", async () => {
  const { begin, take, made } = early();
  await begin([wanted("a")], never);
  expect(await take(wanted("b"))).toBeUndefined();
  expect(await take(wanted("a", { digest: digestOf("other") }))).toBeUndefined();
  expect(await take(wanted("a", { fingerprint: "B".repeat(40) }))).toBeUndefined();
  expect(await take(wanted("a"))).toEqual(Buffer.from("a"));
  expect(await take(wanted("a"))).toBeUndefined();
  expect(made).toEqual(["a"]);
});

test("who asks before it is made waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<Buffer[]>();
  const { begin, take } = earlySignatures(() => promise);
  const begun = begin([wanted("a")], never);
  const taken = take(wanted("a"));
  resolve([Buffer.from("a")]);
  expect(await taken).toEqual(Buffer.from("a"));
  await begun;
});

test("what could not be made is not given", async () => {
  const { begin, take } = early();
  await begin([wanted("a")], never);
  await begin([wanted("bad"), wanted("b")], never);
  expect(await take(wanted("b"))).toBeUndefined();
  expect(await take(wanted("bad"))).toBeUndefined();
  expect(await take(wanted("a"))).toEqual(Buffer.from("a"));
});

test("what is made or was begun already is not begun again, and what failed is", async () => {
  const { begin, made } = early();
  await Promise.all([begin([wanted("a")], never), begin([wanted("a"), wanted("b")], never)]);
  await begin([wanted("a"), wanted("b")], never);
  expect(made).toEqual(["a", "b"]);
  await begin([wanted("bad")], never);
  await begin([wanted("bad")], never);
  expect(made).toEqual(["a", "b", "bad", "bad"]);
});

test("after ten minutes it is forgotten", async () => {
  let now = 0;
  const { begin, take } = early(() => now);
  await begin([wanted("a"), wanted("b")], never);
  now = 10 * minute - 1;
  expect(await take(wanted("a"))).toEqual(Buffer.from("a"));
  now = 10 * minute;
  expect(await take(wanted("b"))).toBeUndefined();
});

test("nothing is being made any more once the end was waited for", async () => {
  const { promise, resolve } = Promise.withResolvers<Buffer[]>();
  const { begin, ended, take } = earlySignatures(() => promise);
  void begin([wanted("a")], never);
  let isOver = false;
  const over = ended().then(() => {
    isOver = true;
  });
  await new Promise((done) => setImmediate(done));
  expect(isOver).toBe(false);
  resolve([Buffer.from("a")]);
  await over;
  expect(await take(wanted("a"))).toBeUndefined();
});
